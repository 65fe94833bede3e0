/** A topic of Kafka as the bus, with the built program and a real broker. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { runCheck, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { eventStream, recentBaseMs } from "../support/event_stream.ts";
import { kafkaIsExternal, startKafka } from "../support/kafka_broker.ts";
import { Oracle } from "../support/oracle.ts";
import { testSeed } from "../support/seed.ts";
import { sharedKafka } from "../support/shared_servers.ts";
import { readTopicThroughKills } from "./kafka_crash.ts";
import { handlerEnvironment, observed, sqlitePath, sqliteSink } from "./plant.ts";
import { assertExact } from "./proof.ts";

const SEED = testSeed(116);
const WINDOW_MS = 60_000;

Deno.test("a topic, once: each record is counted once, and the proof holds", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const broker = await sharedKafka();
  stack.defer(() => broker.remove());
  const topic = await KafkaTopic.create(broker.brokers);
  stack.defer(() => topic.remove());
  const oracle = new Oracle(WINDOW_MS);
  const stream = eventStream({
    seed: SEED,
    eventCount: 5000,
    nameCount: 50,
    baseMs: recentBaseMs(WINDOW_MS, 10),
    windowSizeMs: WINDOW_MS,
    windowCount: 10,
  });
  const values = [...observed(stream, oracle)].map((value) => ({ value }));
  const environment = handlerEnvironment(topic.url, directory.path, { STORAGE_TYPE: "sqlite" });
  const check = await runCheck(environment);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  assert.match(check.stdout, /Kafka, 1 broker, topic \S+ has 1 partition/);
  for (const part of [values.slice(0, 3000), values.slice(3000)]) {
    await topic.send(part);
    const once = await runToEnd(["once", ...(part.length < 3000 ? ["--flush"] : [])], environment);
    assert.equal(once.code, 0, once.stderr);
    assert.doesNotMatch(once.stderr, /records wait/);
  }
  const producer = await topic.transactions(`tx-${topic.name}`);
  stack.defer(() => producer.disconnect());
  const open = await producer.transaction();
  await open.send({ topic: topic.name, messages: values.slice(0, 1) });
  const waiting = await runToEnd(["once"], environment);
  await open.abort();
  assert.equal(waiting.code, 0, waiting.stderr);
  assert.match(waiting.stderr, /records wait behind a transaction that is still open/);
  await assertExact(oracle, environment);
});

const EVENTS = 30_000;
const HANDLER_KILLS = 4;

Deno.test({
  name:
    `${EVENTS} events in transactions, zstd, ${HANDLER_KILLS} × kill -9 of the handler, 2 × of the broker, ` +
    "partitions added: the oracle's aggregates, and the proof",
  // It kills its broker.
  ignore: kafkaIsExternal,
  async fn() {
    const broker = await startKafka();
    try {
      await readTopicThroughKills({ broker, seed: SEED, events: EVENTS, kills: HANDLER_KILLS });
    } finally {
      await broker.remove();
    }
  },
});

Deno.test({
  name:
    "a broker that lost a partition between two starts, and has newer records at its offsets: all are read",
  // It stops its broker and deletes what that has.
  ignore: kafkaIsExternal,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory());
    const broker = await startKafka();
    stack.defer(() => broker.remove());
    const topic = await KafkaTopic.create(broker.brokers);
    stack.defer(() => topic.remove());
    const oracle = new Oracle(WINDOW_MS);
    const stream = eventStream({
      seed: SEED,
      eventCount: 100,
      nameCount: 5,
      baseMs: recentBaseMs(WINDOW_MS, 10),
      windowSizeMs: WINDOW_MS,
      windowCount: 2,
    });
    const values = [...observed(stream, oracle)].map((value) => ({ value }));
    const environment = handlerEnvironment(topic.url, directory.path, { STORAGE_TYPE: "sqlite" });
    await topic.send(values.slice(0, 40));
    const before = await runToEnd(["once"], environment);
    assert.equal(before.code, 0, before.stderr);
    await broker.stop();
    await Deno.remove(join(broker.dataDirectory, `${topic.name}-0`), { recursive: true });
    await broker.start();
    await topic.send(values.slice(40));
    const after = await runToEnd(["once", "--flush"], environment);
    assert.equal(after.code, 0, after.stderr);
    assert.match(after.stderr, /ends before what was read of it.*unclean\.leader\.election/);
    await assertExact(oracle, environment);
  },
});

Deno.test("a dead letter keeps topic, key and time of its record, for the mapping of later; a login", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const broker = await sharedKafka();
  stack.defer(() => broker.remove());
  const topic = await KafkaTopic.create(broker.brokers);
  stack.defer(() => topic.remove());
  const timestamp = `${recentBaseMs(WINDOW_MS, 10)}`;
  await topic.send([{ key: "oven", value: '{"temp":21}', timestamp }]);
  const login = `kafka://tester:kafka-secret@${broker.saslBrokers.join(",")}/${topic.name}?sasl=plain`;
  const environment = (texts: Record<string, string>, url = login) =>
    handlerEnvironment(url, directory.path, {
      STORAGE_TYPE: "sqlite",
      EVENT_NAME: "{topic}.{key}",
      EVENT_TIMESTAMP: "bus",
      ...texts,
    });
  const wrong = await runCheck(environment({}, login.replace("kafka-secret", "kafka-wrong")));
  assert.match(wrong.stdout + wrong.stderr, /SASL_AUTHENTICATION_FAILED: check user, password and sasl=/);
  assert.doesNotMatch(wrong.stdout + wrong.stderr, /kafka-wrong/);
  const stranger = await runCheck(environment({}, login.replace(/tester.*@/, "").replace(/\?.*/, "")));
  assert.match(stranger.stdout + stranger.stderr, /the broker wants a login on this port/);
  const first = await runToEnd(["once"], environment({ EVENT_VALUE: "/pressure" }));
  assert.equal(first.code, 0, first.stderr);
  const list = await runToEnd(["dead-letters", "list"], environment({}));
  assert.match(list.stdout, new RegExp(`${topic.name}/0 @ 0`));
  const mended = environment({ EVENT_VALUE: "/temp" });
  await topic.send([{ key: "oven", value: '{"temp":23}', timestamp }]);
  assert.equal((await runToEnd(["once"], mended)).code, 0);
  const retry = await runToEnd(["dead-letters", "retry", "--reason", "invalid"], mended);
  assert.equal(retry.code, 0, retry.stderr);
  assert.equal((await runToEnd(["once", "--flush"], mended)).code, 0);
  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.deepEqual(rows.map(({ name, value, windowStartMs }) => [name, value, windowStartMs]), [
    [`${topic.name}.oven`, 44, Math.floor(Number(timestamp) / WINDOW_MS) * WINDOW_MS],
  ]);
});
