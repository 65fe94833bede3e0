/** Redis behind TLS and behind Sentinels, on real servers. */
import assert from "node:assert/strict";
import { SourceError } from "../../../src/contract/source.ts";
import { SHORT_REPLY } from "../../../src/sources/redis/redis_connection.ts";
import type { RedisSourceOptions } from "../../../src/sources/redis/redis_source.ts";
import { events, namesOf, Reading } from "../../contract/source_reading.ts";
import { Authority } from "../../support/certificates.ts";
import { PATIENCE_MS, temporaryDirectory, until } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { connectToRedis, RedisServerProcess } from "../../support/redis_server.ts";
import { RedisStream } from "./redis_stream.ts";

const NEVER = new AbortController().signal;

function entryOf(number: number) {
  return { name: `e${number}`, value: number, timestamp: 1000 };
}

async function withSource(
  stream: RedisStream,
  test: (reading: Reading) => Promise<void>,
  options: Partial<RedisSourceOptions>,
): Promise<void> {
  const source = stream.createSource(options);
  try {
    await test(await Reading.open(source));
  } finally {
    await source.close();
  }
}

Deno.test("Redis with TLS: the certificate is checked, and a client shows its own", async () => {
  await using directory = await temporaryDirectory();
  const authority = await Authority.create(directory.path, "plant");
  const own = await authority.sign("server", ["IP:127.0.0.1"]);
  const client = await authority.sign("client", []);
  const port = freePort();
  await using server = await RedisServerProcess.start([
    `tls-port ${port}`,
    `tls-cert-file "${own.certFile}"`,
    `tls-key-file "${own.keyFile}"`,
    `tls-ca-cert-file "${authority.caFile}"`,
  ]);
  const stream = await RedisStream.create(server);
  await stream.add(...[0, 1, 2].map(entryOf));
  const text = (path: string) => Deno.readTextFile(path);
  const tls = {
    ca: await text(authority.caFile),
    cert: await text(client.certFile),
    key: await text(client.keyFile),
  };
  const over = (texts: typeof tls | { ca: undefined; cert: undefined; key: undefined }) => ({
    endpoint: { kind: "server", address: { host: "127.0.0.1", port } },
    access: { tls: texts, login: undefined, database: 0 },
  } as const);
  await withSource(
    stream,
    async (reading) => assert.deepEqual(await reading.readAll(), events(0, 3)),
    over(tls),
  );
  const strange = stream.createSource(over({ ca: undefined, cert: undefined, key: undefined }));
  await assert.rejects(strange.probe(NEVER), (error) => {
    assert.ok(error instanceof SourceError && error.kind === "refused");
    return /check VABUS_CA_FILE/.test(error.message);
  });
  await stream.remove();
});

Deno.test("Redis behind Sentinels: the master is found, also once it is another one", async () => {
  await using first = await RedisServerProcess.start();
  await using second = await RedisServerProcess.start([`replicaof 127.0.0.1 ${first.port}`]);
  await using sentinel = await RedisServerProcess.startSentinel("plant", first.port);
  const stream = await RedisStream.create(first);
  await stream.add(...[0, 1, 2, 3].map(entryOf));
  const endpoint = {
    kind: "sentinel",
    sentinels: [{ host: "127.0.0.1", port: freePort() }, { host: "127.0.0.1", port: sentinel.port }],
    master: "plant",
  } as const;
  await withSource(stream, async (reading) => {
    assert.deepEqual(await reading.readAll(), events(0, 4));
    const order = await connectToRedis(sentinel.port);
    // A failover needs a replica that the Sentinel knows and that is in step.
    await until(
      async () => (await order.send([["SENTINEL", "FAILOVER", "plant"]], [SHORT_REPLY]))[0] === "OK",
      "the failover to begin",
      PATIENCE_MS,
    );
    order.close();
    await until(
      async () => {
        // A server that changes its role closes its connections.
        const replica = await connectToRedis(second.port);
        const [role] = await replica.ask(["ROLE"]) as unknown[];
        replica.close();
        return String(role) === "master";
      },
      "the other server to be master",
      PATIENCE_MS,
    );
    const master = await connectToRedis(second.port);
    await master.ask(["XADD", stream.key, "*", ...Object.entries(entryOf(4)).flat()]);
    master.close();
    const names: string[] = [];
    await until(
      async () => {
        // The old master may still be said to be one, and be a replica by then.
        const outcome = await reading.read().catch(() => undefined);
        if (outcome?.kind === "events") names.push(...namesOf(reading.batch));
        return names.length > 0;
      },
      "what the new master has got",
      PATIENCE_MS,
    );
    assert.deepEqual(names, ["e4"]);
  }, { endpoint });
  const unknown = stream.createSource({ endpoint: { ...endpoint, master: "other" } });
  await assert.rejects(unknown.probe(NEVER), /knows no master other: check sentinel= of the URL/);
  stream.connection.close();
});
