/**
 * `verify --kafka`: the proof across a real topic, with a handler at work, after tampering, and with nothing
 * to read.
 */
import assert from "node:assert/strict";
import { Partitioners } from "kafkajs";
import {
  type Environment,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { kafkaClient, kafkaProducer } from "../support/kafka_broker.ts";
import { makeTopic } from "../support/make_topic.ts";
import { sharedKafka } from "../support/shared_servers.ts";
import { Bus, handlerEnvironment } from "./plant.ts";
import { readTopic } from "./topic.ts";

const WINDOW_S = 60;

Deno.test("verify --kafka proves a topic, and tells what was tampered with", async (t) => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const broker = await sharedKafka();
  const kafka = kafkaClient(broker.brokers);
  const admin = kafka.admin();
  await admin.connect();
  const producer = kafkaProducer(kafka);
  await producer.connect();
  const topic = `verify-${crypto.randomUUID().slice(0, 8)}`;
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "kafka,sqlite",
    KAFKA_BOOTSTRAP_SERVERS: broker.brokers.join(","),
    KAFKA_TOPIC: topic,
  });
  const prove = async (more: Environment = {}) => {
    const output = await runToEnd(["verify", "--kafka", "--json"], { ...environment, ...more });
    if (output.stdout === "") return { ...output, sink: undefined };
    const proof = JSON.parse(output.stdout);
    return { ...output, sink: proof.sinks.find((sink: { sink: string }) => sink.sink === "kafka") };
  };
  const records = async () =>
    (await readTopic(broker.brokers, topic)).filter(({ value }) => value.startsWith("{"));
  const readersGroups = async () =>
    (await admin.listGroups()).groups.filter(({ groupId }) => groupId.includes("verify"));
  try {
    const start = Math.floor(Date.now() / 1000 / WINDOW_S) * WINDOW_S - 10 * WINDOW_S;
    const event = (name: string, second: number) =>
      JSON.stringify({ name, value: second, timestamp: start + second });

    await t.step("without a Kafka sink it is a wrong call", async () => {
      const early = { ...environment, STATE_DIR: `${directory.path}/early`, STORAGE_TYPE: "sqlite" };
      assert.equal((await runToEnd(["once"], early)).code, 0);
      const noKafka = await runToEnd(["verify", "--kafka"], early);
      assert.equal(noKafka.code, 2, noKafka.stderr);
      assert.match(noKafka.stderr, /STORAGE_TYPE/);
    });

    await t.step("with the handler at work, corrections included", async () => {
      await using handler = Program.start(["run"], environment);
      await bus.publish(Array.from({ length: 300 }, (_, i) => event(`s${i % 50}`, i)));
      await bus.publish([event("last", 9 * WINDOW_S)]);
      await until(async () => (await records()).length >= 250, "the records", PATIENCE_MS, [handler]);
      await bus.publish([event("s1", 1), event("s2", 2)]);
      await until(
        async () => (await records()).some(({ value }) => value.includes('"revision":1')),
        "a correction",
        PATIENCE_MS,
        [handler],
      );
      const { code, sink, stderr } = await prove();
      assert.equal(code, 0, `${JSON.stringify(sink)}\n${stderr}`);
      assert.equal(sink.found_events, sink.expected_events);
      assert.ok(sink.rows_compared >= 250);
      assert.equal(await handler.stop(), 0);
    });

    await t.step("nothing is left behind: no group, no position", async () => {
      assert.deepEqual(await readersGroups(), []);
    });

    await t.step("a signal ends it in good order, and tells the caller which it was", async () => {
      const other = kafka.producer({
        transactionalId: topic,
        createPartitioner: Partitioners.DefaultPartitioner,
        maxInFlightRequests: 1,
      });
      await other.connect();
      const transaction = await other.transaction();
      await transaction.send({ topic, messages: [{ value: "another's" }] });
      for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
        await using verify = Program.start(["verify", "--kafka"], environment);
        await until(() => verify.stderr.includes("waiting for an open tr"), "progress", PATIENCE_MS, [
          verify,
        ]);
        verify.signal(signal);
        assert.equal(await verify.ended(PATIENCE_MS), code, verify.tail());
        assert.equal(verify.stdout, "");
        assert.deepEqual(await readersGroups(), []);
      }
      await transaction.abort();
      await other.disconnect();
    });

    await t.step("what others write to the topic does not matter", async () => {
      const foreign = { ...JSON.parse((await records())[0]!.value), instance: "elsewhere" };
      await producer.send({
        topic,
        messages: [{ key: "x", value: JSON.stringify(foreign) }, { key: "y", value: "no JSON" }],
      });
      assert.equal((await prove()).code, 0);
    });

    await t.step("without --kafka the topic is not read, and it is said", async () => {
      const { code, stdout } = await runToEnd(["verify"], environment);
      assert.equal(code, 0);
      assert.match(stdout, /^kafka +not read: add --kafka$/m);
      assert.match(stdout, /^PROVEN: .*\(without kafka\)$/m);
    });

    await t.step("a topic or a broker that is not there", async () => {
      const topicless = await prove({ KAFKA_TOPIC: "nobody-made-it" });
      assert.equal(topicless.code, 1);
      assert.match(topicless.sink.failure.message, /there is no topic nobody-made-it/);
      const away = await runToEnd(["verify", "--kafka"], {
        ...environment,
        KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${freePort()}`,
      });
      assert.equal(away.code, 1);
      assert.match(
        away.stdout,
        /^kafka +FAILED: Kafka at 127\.0\.0\.1:\d+: .*ECONNREFUSED/m,
      );
      assert.match(away.stdout, /^sqlite +equal: /m);
      assert.match(away.stdout, /^NOT PROVEN: kafka could not be read \(`check`/m);
    });

    for (const codec of ["gzip", "snappy", "lz4", "zstd"]) {
      await t.step(`a topic that is compressed with ${codec}`, async () => {
        const compressed = {
          KAFKA_TOPIC: `${topic}-${codec}`,
          STATE_DIR: `${directory.path}/${codec}`,
          INSTANCE_ID: codec,
        };
        const configEntries = [{ name: "compression.type", value: codec }];
        await makeTopic(admin, { topic: compressed.KAFKA_TOPIC, numPartitions: 2, configEntries });
        const handled = await runToEnd(["once", "--flush"], { ...environment, ...compressed });
        assert.equal(handled.code, 0, handled.stderr);
        const { code, sink, stderr } = await prove(compressed);
        assert.equal(code, 0, `${JSON.stringify(sink)}\n${stderr}`);
        assert.equal(sink.found_events, 303);
      });
    }

    await t.step("a record too many, doubled, or changed is told", async () => {
      const [first] = await records();
      const record = JSON.parse(first!.value);
      const send = (change: Record<string, unknown>) =>
        producer.send({
          topic,
          messages: [{ key: first!.key, value: JSON.stringify({ ...record, ...change }) }],
        });

      await send({});
      const doubled = await prove();
      assert.equal(doubled.code, 1);
      assert.deepEqual(doubled.sink.difference_count, 1);
      assert.match(doubled.sink.differences[0], /revision 0 is there 2 times$/);
      assert.equal((await prove({ KAFKA_DELIVERY: "at-least-once" })).code, 0);

      await send({ name: "never-sent" });
      const extra = await prove();
      assert.equal(extra.code, 1);
      assert.match(extra.sink.differences.join("\n"), /"never-sent"\).* is there and should not be/);

      await send({ value: record.value + 1 });
      await send({ count: "many" });
      const changed = await prove();
      assert.equal(changed.code, 1);
      const told = changed.sink.differences.join("\n");
      assert.match(told, /is there 3 times, not always with the same content/);
      assert.match(told, /should be/);
      assert.match(told, /names this instance and is no aggregate/);
    });
  } finally {
    await producer.disconnect();
    await admin.disconnect();
    await broker.remove();
  }
});
