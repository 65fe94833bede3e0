/** NATS as sites run it: an operator's JWTs, a leaf node with the stream in another domain, a cluster. */
import assert from "node:assert/strict";
import { SourceError } from "../../../src/contract/source.ts";
import { loginOfCredentials } from "../../../src/sources/nats/nats_login.ts";
import { NatsKey } from "../../../src/sources/nats/nkey.ts";
import { namesOf, Reading } from "../../contract/source_reading.ts";
import { until } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { SigningKey } from "../../support/nats_jwt.ts";
import { NatsServerProcess } from "../../support/nats_server.ts";
import { NatsStream } from "./nats_stream.ts";

const NEVER = new AbortController().signal;
/** Made for these tests. */
const SEED = "SUAABIW5YA24WYKMYS6BFHVHDQ6GMXZ3SPQ3YKIJO2OTOEUFPOXQ73DUJE";
const NO_LIMITS = { subs: -1, data: -1, payload: -1 };

function messagesOf(from: number, to: number) {
  return Array.from({ length: to - from }, (_, i) => ({
    body: JSON.stringify({ name: `e${from + i}`, value: from + i, timestamp: 1000 }),
  }));
}

function credentials(jwt: string): string {
  return `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n` +
    `-----BEGIN USER NKEY SEED-----\n${SEED}\n------END USER NKEY SEED------\n`;
}

Deno.test("a credentials file logs in where an operator's JWTs rule", async () => {
  const operator = new SigningKey("O", "operator");
  const [account, system] = [new SigningKey("A", "plant"), new SigningKey("A", "system")];
  const user = NatsKey.ofSeed(SEED)!.publicKey;
  const limits = {
    ...NO_LIMITS,
    ...{ imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
  };
  const streams = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const userJwt = (issuer: SigningKey) =>
    loginOfCredentials(
      credentials(issuer.jwt(user, { pub: {}, sub: {}, ...NO_LIMITS, type: "user", version: 2 })),
    )!;
  const login = userJwt(account);
  const operatorJwt = operator.jwt(operator.publicKey, { type: "operator", version: 2 });
  const accountJwt = ({ publicKey }: SigningKey, more: object) =>
    operator.jwt(publicKey, { limits: { ...limits, ...more }, type: "account", version: 2 });
  await using server = await NatsServerProcess.start({
    settings: `operator: ${operatorJwt}\nsystem_account: ${system.publicKey}\nresolver: MEMORY\n` +
      `resolver_preload: { ${account.publicKey}: ${accountJwt(account, streams)}, ` +
      `${system.publicKey}: ${accountJwt(system, {})} }\n`,
    login,
  });
  const stream = await NatsStream.create(server);
  await stream.publish(...messagesOf(0, 3));
  const source = stream.createSource({ access: { tls: undefined, login } });
  assert.match(await source.probe(NEVER), /^NATS, stream \S+ has 3 messages$/);
  const foreign = { tls: undefined, login: userJwt(operator) };
  await assert.rejects(
    stream.createSource({ access: foreign }).probe(NEVER),
    (error) => error instanceof SourceError && error.kind === "refused" && /credentials/.test(error.message),
  );
  await stream.remove();
});

Deno.test("a stream in another domain is read through a leaf node", async () => {
  const leafPort = freePort();
  await using hub = await NatsServerProcess.start({
    domain: "hub",
    settings: `server_name: hub\nleafnodes { listen: "127.0.0.1:${leafPort}" }`,
  });
  await using leaf = await NatsServerProcess.start({
    domain: "edge",
    settings: `server_name: edge\n` +
      `leafnodes { remotes: [ { url: "nats-leaf://127.0.0.1:${leafPort}" } ] }`,
  });
  const stream = await NatsStream.create(hub);
  await stream.publish(...messagesOf(0, 5));
  const choice = { stream: stream.name, subjects: [], domain: "hub" };
  const source = stream.createSource({ servers: [leaf.address], choice });
  await until(async () => {
    try {
      return await source.probe(NEVER) === `NATS, stream ${stream.name} has 5 messages`;
    } catch (error) {
      if (error instanceof SourceError) return false;
      throw error;
    }
  }, "the leaf node to know the hub");
  const reading = await Reading.open(source);
  assert.deepEqual(await reading.readAll(), ["e0", "e1", "e2", "e3", "e4"]);
  await source.close();
  // Without the domain, it is asked for where it is not.
  const own = stream.createSource({ servers: [leaf.address] });
  await assert.rejects(own.probe(NEVER), /there is no stream/);
  await stream.remove();
});

/** Its elections take half a minute on a busy machine, so it is asked for by hand. */
const IGNORE_CLUSTER = Deno.env.get("NATS_CLUSTER") === undefined;

Deno.test({
  name: "a cluster of three: the server in use is killed, and reading goes on at another",
  ignore: IGNORE_CLUSTER,
  fn: readFromCluster,
});

async function readFromCluster(): Promise<void> {
  const ports = [freePort(), freePort(), freePort()];
  const routes = ports.map((port) => `"nats-route://127.0.0.1:${port}"`);
  await using stack = new AsyncDisposableStack();
  const servers: NatsServerProcess[] = [];
  for (const [i, port] of ports.entries()) {
    servers.push(stack.use(
      await NatsServerProcess.start({
        settings: `server_name: n${i}\n` +
          `cluster { name: plant, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
      }),
    ));
  }
  let stream: NatsStream | undefined;
  await until(async () => {
    stream = await NatsStream.create(servers[1]!, { num_replicas: 3 }).catch(() => undefined);
    return stream !== undefined;
  }, "the cluster to take a stream");
  await stream!.publish(...messagesOf(0, 3));
  const source = stream!.createSource({ servers: servers.map(({ address }) => address) });
  const reading = await Reading.open(source);
  const names: string[] = [];
  const readTo = async (count: number) =>
    await until(async () => {
      try {
        const { kind } = await reading.read();
        if (kind === "events") names.push(...namesOf(reading.batch));
      } catch (error) {
        if (error instanceof SourceError) return false;
        throw error;
      }
      return names.length >= count;
    }, `${count} events`);
  await readTo(3);
  await servers[0]!.kill();
  await until(() => stream!.publish(...messagesOf(3, 6)).then(() => true, () => false), "a new leader");
  await readTo(6);
  // What was not confirmed is published again. What was read is not read again.
  assert.deepEqual(names.slice(0, 3), ["e0", "e1", "e2"]);
  assert.deepEqual([...new Set(names.slice(3))], ["e3", "e4", "e5"]);
  await source.close();
  stream!.leave();
}
