/** A topic of Kafka as the bus, with the built program and a real broker. */
import assert from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import { CompressionCodecs, CompressionTypes } from "kafkajs";
import { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { PATIENCE_MS, pause, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { type KafkaBroker, kafkaIsExternal, startKafka } from "../support/kafka_broker.ts";
import { Oracle } from "../support/oracle.ts";
import { testSeed } from "../support/seed.ts";
import { sharedKafka } from "../support/shared_servers.ts";
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
  const check = await runToEnd(["check"], environment);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  assert.match(check.stdout, /Kafka, 1 broker, topic \S+ has 1 partition/);
  for (const part of [values.slice(0, 3000), values.slice(3000)]) {
    await topic.send(part);
    const once = await runToEnd(["once", ...(part.length < 3000 ? ["--flush"] : [])], environment);
    assert.equal(once.code, 0, once.stderr);
  }
  await assertExact(oracle, environment);
});

/** More of both are asked for by hand: see docs/testing.md. */
const EVENTS = Number(Deno.env.get("KAFKA_PROOF_EVENTS") ?? 30_000);
const HANDLER_KILLS = Number(Deno.env.get("KAFKA_PROOF_KILLS") ?? 4);
/** Which of two events of one time in two partitions arrives first is open, so neither first nor last. */
const ORDERLESS_FUNCTIONS = ["sum", "avg", "min", "max", "count", "stddev", "p50", "p99"];
const TRANSACTION_EVENTS = Math.max(500, Math.ceil(EVENTS / 200));

/** Writes events in transactions over all partitions, each with an aborted one after it. */
async function publishInTransactions(
  topic: KafkaTopic,
  values: readonly { readonly value: string }[],
  partitions: number,
): Promise<void> {
  const producer = await topic.transactions(`tx-${topic.name}-${partitions}`);
  try {
    for (let at = 0; at < values.length; at += TRANSACTION_EVENTS) {
      const messages = values.slice(at, at + TRANSACTION_EVENTS).map((message, i) => ({
        ...message,
        partition: i % partitions,
      }));
      const record = { topic: topic.name, compression: CompressionTypes.ZSTD, messages };
      const good = await producer.transaction();
      await good.send(record);
      await good.commit();
      const bad = await producer.transaction();
      await bad.send(record);
      await bad.abort();
    }
  } finally {
    await producer.disconnect();
  }
}

/** Stops the broker without warning, and starts it again. */
async function restart(broker: KafkaBroker): Promise<void> {
  await broker.kill();
  await broker.start();
}

Deno.test({
  name:
    `${EVENTS} events in transactions, zstd, ${HANDLER_KILLS} × kill -9 of the handler, 2 × of the broker, ` +
    "partitions added: the oracle's aggregates, and the proof",
  // It kills its broker.
  ignore: kafkaIsExternal,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory());
    const broker = await startKafka();
    stack.defer(() => broker.remove());
    const topic = await KafkaTopic.create(broker.brokers, 3);
    stack.defer(() => topic.remove());
    const compression: Record<number, unknown> = CompressionCodecs;
    const before = compression[CompressionTypes.ZSTD];
    stack.defer(() => void (compression[CompressionTypes.ZSTD] = before));
    compression[CompressionTypes.ZSTD] = () => ({
      compress: ({ buffer }: { buffer: Uint8Array }) => Promise.resolve(zstdCompressSync(buffer)),
    });
    const random = randomNumbers(SEED);
    const oracle = new Oracle(WINDOW_MS);
    const stream = eventStream({
      seed: SEED + 1,
      eventCount: EVENTS,
      functions: ORDERLESS_FUNCTIONS,
      nameCount: 50,
      baseMs: recentBaseMs(WINDOW_MS, 10),
      windowSizeMs: WINDOW_MS,
      windowCount: 10,
    });
    const values = [...observed(stream, oracle)].map((value) => ({ value }));
    const environment = handlerEnvironment(topic.url, directory.path, {
      STORAGE_TYPE: "sqlite",
      VABUS_BATCH_SIZE: "500",
      CHECKPOINT_INTERVAL: "0.1",
    });
    const share = Math.ceil(values.length / HANDLER_KILLS);
    for (let life = 0; life < HANDLER_KILLS; life++) {
      await using handler = Program.start(["run"], environment);
      const part = values.slice(life * share, (life + 1) * share);
      const partitions = life < 2 ? 3 : 5;
      if (life === 2) await topic.addPartitions(5);
      await publishInTransactions(topic, part, partitions);
      if (life === 1 || life === HANDLER_KILLS - 1) await restart(broker);
      await Promise.race([pause(random() * 1500), handler.exit]);
      await handler.kill9();
    }
    await until(
      async () => {
        const once = await runToEnd(["once", "--flush"], environment);
        return once.code === 0;
      },
      "all records to be read",
      PATIENCE_MS,
    );
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
  const wrong = await runToEnd(["check"], environment({}, login.replace("kafka-secret", "kafka-wrong")));
  assert.match(wrong.stdout + wrong.stderr, /SASL_AUTHENTICATION_FAILED: check user, password and sasl=/);
  assert.doesNotMatch(wrong.stdout + wrong.stderr, /kafka-wrong/);
  const stranger = await runToEnd(
    ["check"],
    environment({}, login.replace(/tester.*@/, "").replace(/\?.*/, "")),
  );
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
