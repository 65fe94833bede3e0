/** Reading a topic back: what keeps a reader waiting, and what it leaves behind. */
import assert from "node:assert/strict";
import { Partitioners } from "kafkajs";
import { type Aggregate, toRecord } from "../../../src/aggregation/aggregate.ts";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { registerCodecs } from "../../../src/sinks/kafka/kafka_codecs.ts";
import { KafkaReadBack, type KafkaReadBackOptions } from "../../../src/sinks/kafka/kafka_read_back.ts";
import { KafkaSession } from "../../../src/sinks/kafka/kafka_session.ts";
import { SinkError } from "../../../src/contract/sink.ts";
import { PATIENCE_MS, until } from "../../support/executable.ts";
import { kafkaClient, kafkaIsExternal, kafkaProducer, startKafka } from "../../support/kafka_broker.ts";
import { makeTopic } from "../../support/make_topic.ts";
import { TcpProxy } from "../../support/tcp_proxy.ts";
import { aggregateOf, NEVER } from "../../contract/sink_samples.ts";
import { loggerTo } from "../../support/logs.ts";

const INSTANCE = "plant-1";
/** The partition of the open transaction, and one where there is always something new. */
const [HELD, BUSY] = [1, 0];

/** A clock that stands still until the test lets the time of its sleepers pass. */
class StandingClock {
  /** Those who sleep, each by the end of its sleep. */
  readonly sleepers = new Set<() => void>();

  readonly sleep = (_ms: number, signal: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.sleepers.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    return promise.finally(() => this.sleepers.delete(resolve));
  };

  pass(): void {
    for (const wake of this.sleepers) wake();
  }
}

Deno.test("KafkaReadBack", async (t) => {
  const clock = new StandingClock();
  await using proxy = TcpProxy.start();
  const broker = await startKafka({ proxyPort: proxy.port });
  proxy.leadTo(broker.proxiedPort);
  const kafka = kafkaClient(broker.brokers);
  const admin = kafka.admin();
  await admin.connect();
  const producer = kafkaProducer(kafka);
  await producer.connect();
  const lines: string[] = [];
  const logger = loggerTo(lines, "info");
  const send = (topic: string, partition: number) =>
    producer.send({
      topic,
      messages: [{ partition, value: JSON.stringify(toRecord(aggregateOf(), INSTANCE)) }],
    });
  const groups = async () =>
    (await admin.listGroups()).groups.filter(({ groupId }) => groupId.includes("verify"));

  /**
   * With an aggregate of ours that is committed, behind a transaction that another producer has left open.
   */
  const withHeldTopic = async (
    options: Partial<KafkaReadBackOptions>,
    work: (backend: KafkaReadBack, topic: string, end: () => Promise<void>) => Promise<void>,
  ) => {
    const topic = `held-${crypto.randomUUID().slice(0, 8)}`;
    await makeTopic(admin, { topic, numPartitions: 2 });
    const other = kafka.producer({
      transactionalId: topic,
      createPartitioner: Partitioners.DefaultPartitioner,
      transactionTimeout: PATIENCE_MS * 2,
      maxInFlightRequests: 1,
    });
    await other.connect();
    const transaction = await other.transaction();
    await transaction.send({ topic, messages: [{ partition: HELD, value: "another's" }] });
    await send(topic, HELD);
    const readBack = new KafkaReadBack({
      bootstrapServers: broker.brokers,
      topic,
      repeat: "positioned",
      progressIntervalMs: 50,
      clock: systemClock,
      ...options,
    }, logger);
    lines.length = 0;
    try {
      await work(readBack, topic, () => transaction.commit());
    } finally {
      await readBack.close();
      await other.disconnect();
    }
  };
  const waits = () =>
    until(
      () =>
        lines.some((line) =>
          /0 of 2 offsets read, waiting for an open transaction .* partition 1$/.test(line)
        ),
      () => `the progress in\n${lines.join("\n")}`,
      PATIENCE_MS,
    );

  try {
    await t.step(
      "waits for an open transaction to end, and then sees what was behind it",
      () =>
        withHeldTopic({}, async (readBack, _topic, end) => {
          const sum = readBack.sumOfCounts(INSTANCE, -Infinity, NEVER);
          await waits();
          await end();
          assert.equal(await sum, aggregateOf().count);
          assert.deepEqual(await groups(), []);
        }),
    );

    await t.step(
      "of one that does not end it says where it is and how to end it",
      () =>
        withHeldTopic({ stallTimeoutMs: 5000 }, async (readBack, topic) => {
          const ended = new AbortController();
          const busy = (async () => {
            while (!ended.signal.aborted) await send(topic, BUSY);
          })();
          const error = await readBack.sumOfCounts(INSTANCE, -Infinity, NEVER).then(
            () => undefined,
            (e) => e,
          );
          ended.abort();
          await busy;
          assert.ok(error instanceof SinkError, String(error));
          assert.match(
            error.message,
            /came no further for 5 seconds: in partition 1 .* from offset 0 to \d+\. /,
          );
          assert.match(error.message, new RegExp(`--topic ${topic} --partition 1 --start-offset 0\``));
          assert.deepEqual(await groups(), [], "what fails leaves no group behind either");
        }),
    );

    await t.step(
      "as long as it comes on it may take longer than a stall may",
      () =>
        withHeldTopic({ clock }, async (readBack, topic, end) => {
          const second = kafka.producer({
            transactionalId: `${topic}-second`,
            createPartitioner: Partitioners.DefaultPartitioner,
            transactionTimeout: PATIENCE_MS * 2,
            maxInFlightRequests: 1,
          });
          await second.connect();
          const transaction = await second.transaction();
          await transaction.send({ topic, messages: [{ partition: HELD, value: "another's" }] });
          const waitsWith = (read: number) =>
            until(
              () => lines.some((line) => line.includes(`: ${read} of 3 offsets read, waiting for`)),
              () => `the progress in\n${lines.join("\n")}`,
            );
          try {
            const sum = readBack.sumOfCounts(INSTANCE, -Infinity, NEVER);
            await waitsWith(0);
            const [first, ...none] = clock.sleepers;
            assert.deepEqual(none, []);
            await end();
            await waitsWith(2);
            const [later] = clock.sleepers;
            assert.notEqual(later, first, "the time of a stall has begun anew");
            await transaction.commit();
            assert.equal(await sum, aggregateOf().count);
          } finally {
            await second.disconnect();
          }
        }),
    );

    await t.step(
      "a record that came again is a flaw where none may, one that contradicts everywhere",
      async () => {
        const topic = `flawed-${crypto.randomUUID().slice(0, 8)}`;
        await makeTopic(admin, { topic, numPartitions: 1 });
        const [free, bound] = [1000, 2000].map((windowStartMs) =>
          aggregateOf({ windowStartMs, windowEndMs: windowStartMs + 1000 })
        ) as [Aggregate, Aggregate];
        const other = { ...free, name: "other" };
        const records = [free, free, bound, bound, other, { ...other, value: other.value + 1 }];
        const malformed = Array.from({ length: 22 }, () => JSON.stringify({ instance: INSTANCE }));
        const values = [...records.map((record) => JSON.stringify(toRecord(record, INSTANCE))), ...malformed];
        await producer.send({ topic, messages: values.map((value) => ({ value })) });
        const flaws = async (repeat: KafkaReadBackOptions["repeat"]) => {
          const readBack = new KafkaReadBack(
            { bootstrapServers: broker.brokers, topic, repeat, clock },
            logger,
          );
          try {
            return [...await readBack.flaws(INSTANCE, -Infinity, (startMs) => startMs === 1000, NEVER)];
          } finally {
            await readBack.close();
          }
        };
        const contradiction =
          /^window 1970-01-01T00:00:01\.000Z: .*"other".* 2 times, not always with the same/;
        const [contradicted, repeated, ...rest] = await flaws("positioned");
        assert.match(repeated!, /^window 1970-01-01T00:00:02\.000Z: .* revision 0 is there 2 times$/);
        assert.match(contradicted!, contradiction);
        assert.equal(rest.length, malformed.length);
        const ofAppended = await flaws("append");
        assert.equal(ofAppended.length, 1 + malformed.length);
        assert.match(ofAppended[0]!, contradiction);
      },
    );

    await t.step("of a topic that is not there it says so", async () => {
      const topic = `nowhere-${crypto.randomUUID().slice(0, 8)}`;
      const options = { bootstrapServers: broker.brokers, topic, repeat: "positioned" } as const;
      const readBack = new KafkaReadBack({ ...options, clock }, logger);
      await assert.rejects(readBack.sumOfCounts(INSTANCE, -Infinity, NEVER), (error) => {
        assert.ok(error instanceof SinkError && error.kind === "misconfigured");
        assert.ok(error.message.includes(`there is no topic ${topic}, or this user may not see it`));
        return true;
      });
    });

    await t.step("a reader makes no topic that is not there", async () => {
      const topic = `nowhere-${crypto.randomUUID().slice(0, 8)}`;
      const session = new KafkaSession({ bootstrapServers: broker.brokers }, undefined, logger);
      const consumer = session.createConsumer(topic);
      await consumer.connect();
      try {
        await assert.rejects(consumer.subscribe({ topic }));
        // Brokers make it later than they answer; it is there for who then wants to make it.
        assert.ok(await makeTopic(admin, { topic }), "it is there already");
      } finally {
        await session.close();
      }
    });

    await t.step("when interrupted it leaves no group behind", () =>
      withHeldTopic({}, async (readBack) => {
        const interrupt = new AbortController();
        const sum = readBack.sumOfCounts(INSTANCE, -Infinity, interrupt.signal);
        await waits();
        await until(async () => (await groups()).length === 1, "the reader's group", PATIENCE_MS);
        interrupt.abort();
        await assert.rejects(sum, /interrupted, 0 of 2 offsets read/);
        assert.deepEqual(await groups(), []);
      }));

    await t.step("of records that decompress to more than is bearable it says so, at once", async () => {
      const topic = `packed-${crypto.randomUUID().slice(0, 8)}`;
      const configEntries = [{ name: "compression.type", value: "zstd" }];
      await makeTopic(admin, { topic, numPartitions: 2, configEntries });
      await send(topic, BUSY);
      const options = { bootstrapServers: broker.brokers, topic, repeat: "positioned" } as const;
      const readBack = new KafkaReadBack({ ...options, clock }, logger);
      registerCodecs(10);
      try {
        await assert.rejects(
          readBack.sumOfCounts(INSTANCE, -Infinity, NEVER),
          /records compressed with zstd cannot be read: .*larger than 10 bytes/,
        );
      } finally {
        registerCodecs();
        await readBack.close();
      }
      assert.deepEqual(await groups(), []);
    });

    await t.step({
      name: "of a broker that does not answer any more it says so",
      ignore: kafkaIsExternal,
      fn: () =>
        withHeldTopic(
          { bootstrapServers: [proxy.address], stallTimeoutMs: 2000, clock },
          async (readBack) => {
            const sum = readBack.sumOfCounts(INSTANCE, -Infinity, NEVER);
            const rejected = assert.rejects(sum, /came no further for 2 seconds, .*Is the broker at work\?$/);
            await waits();
            proxy.stall();
            clock.pass();
            await rejected;
            proxy.mend();
          },
        ),
    });
  } finally {
    await producer.disconnect();
    await admin.disconnect();
    if (!kafkaIsExternal) await broker.remove();
  }
});
