/** The connections to the brokers of a cluster: which broker is asked, and which connection is used again. */
import assert from "node:assert/strict";
import { SourceError } from "../../../src/contract/source.ts";
import type { KafkaAccess } from "../../../src/sources/kafka/broker_connection.ts";
import { KafkaCluster } from "../../../src/sources/kafka/kafka_cluster.ts";
import { until } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { STILL } from "./exchange.ts";
import { FakeBroker } from "./fake_broker.ts";
import { API_VERSIONS, ScriptedBroker, versionsAnswer } from "./scripted_broker.ts";

const NEVER = new AbortController().signal;
const OPEN: KafkaAccess = { tls: undefined, login: undefined };

function addressOf({ answers: { host, port } }: FakeBroker) {
  return { host, port };
}

/** Two brokers, each at its own address, and a place where there is none. */
async function withBrokers(
  test: (first: FakeBroker, second: FakeBroker, nobody: { host: string; port: number }) => Promise<void>,
): Promise<void> {
  await using first = await FakeBroker.start();
  await using second = await FakeBroker.start();
  await test(first, second, { host: "127.0.0.1", port: freePort() });
}

Deno.test("brokers that are known to be there are asked before those of the URL, and these where they are away", () =>
  withBrokers(async (first, second) => {
    const own = addressOf(first);
    const cluster = new KafkaCluster("kafka://b/t", [own], OPEN, STILL);
    assert.equal(cluster.brokerCount, 0);
    // The one of the URL names the other one.
    first.answers.port = addressOf(second).port;
    const ask = async () => {
      const { brokers, topics } = await cluster.metadata(["t"], NEVER);
      assert.deepEqual([...topics.keys()], ["t"]);
      return [brokers.size, cluster.brokerCount, first.connections, second.connections];
    };
    assert.deepEqual(await ask(), [1, 1, 1, 0]);
    assert.deepEqual(await ask(), [1, 1, 1, 1]);
    // A broker that names none is believed in nothing else.
    second.answers.nodes = [];
    assert.deepEqual(await ask(), [0, 1, 1, 1]);
    assert.equal((await cluster.anyConnection(NEVER)).isOpen, true);
    await cluster.connectionTo(1, "questions", NEVER);
    assert.deepEqual([first.connections, second.connections], [1, 1]);
    await second[Symbol.asyncDispose]();
    assert.deepEqual(await ask(), [1, 1, 1, 1]);
    assert.equal((await cluster.anyConnection(NEVER)).isOpen, true);
    assert.equal(first.connections, 1);
    await assert.rejects(cluster.connectionTo(7, "questions", NEVER), {
      kind: "unavailable",
      message: "kafka://b/t: the broker 7 is not there: is it down?",
    });
    cluster.close();
  }));

Deno.test("each broker is asked in its turn, since one that has lost the others knows nothing new", () =>
  withBrokers(async (first, second) => {
    const asked: number[] = [];
    const both = [addressOf(first), addressOf(second)];
    const brokers = new Map(both.map((address, node) => [node, address]));
    const cluster = new KafkaCluster("kafka://b/t", both, OPEN, STILL);
    for (let turn = 0; turn < 4; turn++) {
      Object.assign(cluster, { brokers });
      await cluster.metadata(["t"], NEVER);
      asked.push(first.connections, second.connections);
    }
    assert.deepEqual(asked, [1, 0, 1, 1, 1, 1, 1, 1]);
    cluster.close();
  }));

Deno.test("where no broker can be asked, it is told of the first", () =>
  withBrokers(async (first, _second, nobody) => {
    const dead = { host: "127.0.0.1", port: freePort() };
    const cluster = new KafkaCluster("kafka://b/t", [nobody, dead], OPEN, STILL);
    const message = new RegExp(`^the broker at 127\\.0\\.0\\.1:${nobody.port} cannot be reached`);
    await assert.rejects(cluster.metadata(["t"], NEVER), { kind: "unavailable", message });
    await assert.rejects(cluster.anyConnection(NEVER), { kind: "unavailable", message });
    const other = new KafkaCluster("kafka://b/t", [nobody, addressOf(first)], OPEN, STILL);
    assert.equal((await other.metadata(["t"], NEVER)).brokers.size, 1);
    // What is called off asks nobody else, though there is a connection.
    const late = new KafkaCluster("kafka://b/t", [nobody, addressOf(first)], OPEN, STILL);
    const connection = await late.connectionAt(addressOf(first), "questions", NEVER);
    assert.equal(await late.anyConnection(NEVER), connection);
    await assert.rejects(late.metadata(["t"], AbortSignal.abort()), SourceError);
    await assert.rejects(late.anyConnection(AbortSignal.abort()), SourceError);
    other.close();
    late.close();
  }));

Deno.test("an address that only the cluster names, and that was never reached, is told to be the cluster's", () =>
  withBrokers(async (first, second, nobody) => {
    const cluster = new KafkaCluster("kafka://b/t", [addressOf(first)], OPEN, STILL);
    const own = /^the broker at 127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:\d+$/;
    const named =
      /^the broker at .*: the cluster names this address \(advertised\.listeners\): this host must reach/;
    const fails = (address: { host: string; port: number }, message: RegExp) =>
      assert.rejects(cluster.connectionAt(address, "records", NEVER), { kind: "unavailable", message });
    await fails(nobody, named);
    await cluster.connectionAt(addressOf(second), "records", NEVER);
    const [bootstrap, reached] = [addressOf(first), addressOf(second)];
    cluster.close();
    for (const broker of [first, second]) await broker[Symbol.asyncDispose]();
    await fails(reached, own);
    await fails(bootstrap, own);
  }));

Deno.test("what is no broker at all is told of", async () => {
  const web = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => new Response("no"));
  try {
    const { port } = web.addr;
    const cluster = new KafkaCluster("kafka://b/t", [{ host: "127.0.0.1", port }], OPEN, STILL);
    await assert.rejects(cluster.metadata(["t"], NEVER), {
      kind: "refused",
      message:
        `kafka://b/t: 127.0.0.1:${port}: what answers there speaks HTTP, not Kafka's protocol: check ` +
        "host and port in VABUS_URL",
    });
    cluster.close();
  } finally {
    await web.shutdown();
  }
});

Deno.test("each broker has one connection for each purpose, as long as it is open", () =>
  withBrokers(async (first) => {
    const cluster = new KafkaCluster("kafka://b/t", [addressOf(first)], OPEN, STILL);
    const at = (purpose: "records" | "questions") => cluster.connectionAt(addressOf(first), purpose, NEVER);
    const [one, same] = await Promise.all([at("questions"), at("questions")]);
    assert.equal(one, same);
    const records = await at("records");
    assert.notEqual(records, one);
    assert.deepEqual([await at("questions") === one, await at("records") === records], [true, true]);
    assert.equal(first.connections, 2);
    one.close();
    const [next, alike] = await Promise.all([at("questions"), at("questions")]);
    assert.deepEqual([next === alike, next === one, next.isOpen], [true, false, true]);
    assert.equal(first.connections, 3);
    cluster.close();
    await until(() => first.connectionCount === 0, "the end of all connections");
    assert.deepEqual([next.isOpen, records.isOpen], [false, false]);
    assert.equal((await at("questions")).isOpen, true, "it may be used again");
    assert.equal(first.connections, 4);
    cluster.close();
  }));

Deno.test("a connection that could not be made is tried again, once for all who want it", async () => {
  let isDown = true;
  const keys: number[] = [];
  await using broker = await ScriptedBroker.start(({ key, answer, end }) => {
    keys.push(key);
    if (isDown) end();
    else if (key === API_VERSIONS) answer(versionsAnswer([[1, 5]]));
    else end();
  });
  const cluster = new KafkaCluster("kafka://b/t", [broker.address], OPEN, STILL);
  const at = () => cluster.connectionAt(broker.address, "questions", NEVER);
  await assert.rejects(at(), { kind: "unavailable" });
  isDown = false;
  const [one, same] = await Promise.all([at(), at()]);
  assert.deepEqual([one === same, one.isOpen, keys], [true, true, [API_VERSIONS, API_VERSIONS]]);
  // Other credentials are for the next one.
  cluster.change({ tls: undefined, login: { mechanism: "plain", username: "u", password: "p" } });
  assert.equal(await at(), one);
  one.close();
  await assert.rejects(at(), { kind: "unavailable" });
  assert.deepEqual(keys.slice(2), [API_VERSIONS, 17]);
  cluster.close();
});
