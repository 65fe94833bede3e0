import assert from "node:assert/strict";
import process from "node:process";
import { ConfigResourceTypes } from "kafkajs";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { KafkaSink, type KafkaSinkOptions } from "../../../src/sinks/kafka/kafka_sink.ts";
import type { SinkAlarm } from "../../../src/contract/sink.ts";
import { readTopic } from "../../e2e/topic.ts";
import { until } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { kafkaClient, kafkaIsExternal, startKafka } from "../../support/kafka_broker.ts";
import { makeTopic } from "../../support/make_topic.ts";
import { TcpProxy } from "../../support/tcp_proxy.ts";
import {
  aggregateOf,
  assertSameAggregates,
  batchOf,
  CONTEXT,
  highestRevisions,
  NEVER,
  sinkError,
  stepWith,
} from "../../contract/sink_samples.ts";
import { KafkaBackends, newTopic } from "./kafka_backends.ts";
import { loggerTo } from "../../support/logs.ts";

const INSTANCE = "plant-1";
const DAY_MS = 86_400_000;

Deno.test("KafkaSink", async (t) => {
  const broker = await startKafka();
  const kafka = kafkaClient(broker.brokers);
  const admin = kafka.admin();
  await admin.connect();
  const lines: string[] = [];
  const logger = loggerTo(lines, "debug", "json");
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => void warnings.push(name);
  process.on("warning", onWarning);
  const backends = new KafkaBackends(broker, logger);

  async function positionOf(topic: string): Promise<{ offset: string; metadata: string | null }> {
    const groupId = `vabus-data-handler.${INSTANCE}.${topic}`;
    const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const { offset, metadata } = answer!.partitions.find(({ partition }) => partition === 0)!;
    return { offset, metadata };
  }

  /**
   * Waits for it: a broker answers that a transaction is committed before readers of positions see what is in
   * it.
   */
  const assertPosition = (topic: string, offset: string, metadata = CONTEXT.stateId) =>
    until(
      async () => {
        assert.deepEqual(await positionOf(topic), { offset, metadata });
        return true;
      },
      "the position to be seen",
    );

  /** A step with a sink and a topic of its own. */
  const step = (
    name: string,
    test: (sink: KafkaSink, topic: string) => Promise<void>,
    options: Partial<KafkaSinkOptions> = {},
  ) => {
    const topic = newTopic();
    return stepWith(t, name, backends.createSink(topic, options), (sink) => test(sink, topic));
  };

  try {
    await step("creates the topic as the brokers are set up, but not to probe", async (sink, topic) => {
      assert.match(await sink.probe(NEVER), /will be created/);
      assert.equal((await admin.listTopics()).includes(topic), false);
      await sink.open(CONTEXT, NEVER);
      assert.match(await sink.probe(NEVER), /has \d+ partition/);
    });

    await step("writes records of the documented shape", async (sink, topic) => {
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf([aggregateOf({ windowStartMs: 1500, windowEndMs: 2500 })]), NEVER);
      const [record] = await readTopic(broker.brokers, topic);
      assert.equal(record!.key, "boiler.temperature");
      assert.deepEqual(JSON.parse(record!.value), {
        name: "boiler.temperature",
        agg_func: "avg",
        value: 20.5,
        timestamp: 1.5,
        window_start: 1.5,
        window_end: 2.5,
        count: 3,
        revision: 0,
        instance: `${INSTANCE}.${topic}`,
      });
      assert.equal(record!.contentType, "application/json");
    });

    await step("goes on after what is committed, though the local cursor is behind", async (sink, topic) => {
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf([aggregateOf(), aggregateOf({ name: "b" })], 5), NEVER);
      await assertPosition(topic, "7");
      await sink.close();
      const restarted = backends.createSink(topic);
      try {
        assert.equal(await restarted.open({ ...CONTEXT, cursor: 5 }, NEVER), 7);
        await restarted.close();
        assert.equal(await restarted.open({ ...CONTEXT, cursor: 9 }, NEVER), 9);
      } finally {
        await restarted.close();
      }
    });

    await step("finds the position of what it wrote a moment ago", async (sink, topic) => {
      let cursor = await sink.open(CONTEXT, NEVER);
      for (let id = 0; id < 12; id++) {
        await sink.write(batchOf([aggregateOf({ revision: id })], cursor), NEVER);
        if (id % 2 === 1) await sink.close();
        cursor = await sink.open(CONTEXT, NEVER);
        assert.equal(cursor, id + 1);
      }
      assert.equal((await backends.readAll(topic)).length, 12);
    });

    await step("does not take the position of another state for its own", async (sink, topic) => {
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf([aggregateOf()], 99), NEVER);
      lines.length = 0;
      const wiped = { ...CONTEXT, stateId: "state-after-a-wipe", cursor: 0, endId: 1000 };
      assert.equal(await sink.open(wiped, NEVER), 0);
      assert.ok(lines.some((line) => /"level":"warn".*another state database/.test(line)), lines.join("\n"));
      await sink.write(batchOf([aggregateOf({ name: "b" })]), NEVER);
      await assertPosition(topic, "1", wiped.stateId);
      assert.equal(await sink.open(wiped, NEVER), 1);
    });

    await step(
      "writes nothing from a state that is behind the position, but by the operator's word",
      async (sink, topic) => {
        await sink.open(CONTEXT, NEVER);
        await sink.write(batchOf([aggregateOf()], 99), NEVER);
        await sink.close();
        const claimant = {
          ...CONTEXT.claimant,
          startId: 50,
          objectionToPosition: (id: number) => `not ${id}`,
        };
        // However far the state has come since it was started.
        const rolledBack = { ...CONTEXT, cursor: 3, endId: 200, claimant };
        const second = backends.createSink(topic);
        try {
          await assert.rejects(second.open(rolledBack, NEVER), sinkError("misconfigured", /not 100/));
          const accepted = { ...claimant, objectionToPosition: () => undefined };
          assert.equal(await second.open({ ...rolledBack, claimant: accepted }, NEVER), 3);
          await second.write(batchOf([aggregateOf({ name: "b" })], 120), NEVER);
          await second.close();
          // What this process has written itself is no surprise to it.
          assert.equal(await second.open(rolledBack, NEVER), 121);
        } finally {
          await second.close();
        }
      },
    );

    await step(
      "raises an alarm over a topic that was made anew, and one that is empty",
      async (sink, topic) => {
        const alarms: string[] = [];
        const confirmed = { any: true, newest: [aggregateOf()] };
        const context = {
          ...CONTEXT,
          confirmed,
          alarm: ({ detail }: { detail: string }) => void alarms.push(detail),
        };
        await sink.open(CONTEXT, NEVER);
        await sink.write(batchOf([aggregateOf()], 5), NEVER);
        await sink.close();
        await sink.open(context, NEVER);
        assert.deepEqual(alarms, []);
        await sink.close();
        await admin.deleteTopics({ topics: [topic] });
        lines.length = 0;
        await until(async () => !(await admin.listTopics()).includes(topic), "the topic to go");
        // What a broker says of a topic that has just been deleted, or made, may be of the moment before.
        const reopened = () =>
          until(() => sink.open({ ...context, cursor: 6 }, NEVER), "the topic to be there");
        assert.equal(await reopened(), 6);
        // Where an attempt to open it failed after it had made the topic, the next one finds it there, and
        // empty.
        assert.match(alarms.join(), /created again|has never had a record/);
        assert.ok(
          lines.some((line) => /"level":"error".*knows no position of this handler/.test(line)),
          lines.join("\n"),
        );
        await sink.close();
        await reopened();
        assert.match(alarms.at(-1)!, /has never had a record/);
        await sink.write(batchOf([aggregateOf()], 6), NEVER);
        await sink.close();
        await reopened();
        assert.equal(alarms.length, 2, alarms.join("\n"));
      },
    );

    await step("names a topic that compaction takes aggregates from", async (sink, topic) => {
      const configEntries = [
        { name: "cleanup.policy", value: "compact,delete" },
        { name: "unclean.leader.election.enable", value: "true" },
      ];
      await makeTopic(admin, { topic, configEntries });
      const said = await sink.probe(NEVER);
      assert.match(said, /Warning: its cleanup\.policy is compact,delete: .*Warning: its unclean\.leader/);
      lines.length = 0;
      await sink.open(CONTEXT, NEVER);
      assert.ok(lines.some((line) => /"level":"warn".*cleanup\.policy is compact,delete/.test(line)));
    });

    await step("is fenced by another handler of the same instance", async (sink, topic) => {
      await sink.open(CONTEXT, NEVER);
      const successor = backends.createSink(topic);
      try {
        await successor.open(CONTEXT, NEVER);
        await assert.rejects(
          sink.write(batchOf([aggregateOf({ name: "zombie" })]), NEVER),
          sinkError("misconfigured", /another handler with the INSTANCE_ID/),
        );
        await successor.write(batchOf([aggregateOf()]), NEVER);
      } finally {
        await successor.close();
      }
      assertSameAggregates(await backends.readAll(topic), [aggregateOf()]);
    });

    await step(
      "writes its position soon after it was opened, though nothing is to be written",
      async (sink, topic) => {
        await sink.open(CONTEXT, NEVER);
        await until(() => sink.keepAlive(4, NEVER).then(() => true), "the position to be written");
        await assertPosition(topic, "4");
      },
    );

    let nowMs = Date.now();
    await step("renews the position while idle, but not more often than needed", async (sink, topic) => {
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf([aggregateOf()]), NEVER);
      await assertPosition(topic, "1");
      nowMs += DAY_MS / 24;
      await sink.keepAlive(7, NEVER);
      assert.equal((await positionOf(topic)).offset, "1");
      nowMs += DAY_MS / 2;
      // The broker refuses a transaction while it still ends the one before. The router would try again, too.
      await until(() => sink.keepAlive(7, NEVER).then(() => true), "the position to be renewed");
      await assertPosition(topic, "7");
      assertSameAggregates(await backends.readAll(topic), [aggregateOf()]);
    }, { clock: { ...systemClock, nowMs: () => nowMs } });

    await step("keeps no position when it delivers at least once", async (sink, topic) => {
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf([aggregateOf()], 5), NEVER);
      await sink.keepAlive(6, NEVER);
      assert.equal((await positionOf(topic)).offset, "-1");
      assert.equal(await sink.open({ ...CONTEXT, cursor: 5 }, NEVER), 5);
    }, { delivery: "at-least-once" });

    for (const compression of ["gzip", "lz4", "zstd"] as const) {
      await step(
        `writes batches that a broker takes, compressed with ${compression}`,
        async (sink, topic) => {
          await sink.open(CONTEXT, NEVER);
          const rows = Array.from({ length: 3000 }, (_, i) => aggregateOf({ name: `oven${i}.température` }));
          await sink.write(batchOf(rows), NEVER);
          assertSameAggregates(await backends.readAll(topic), rows);
        },
        { compression },
      );
    }

    for (const delivery of ["exactly-once", "at-least-once"] as const) {
      await step(`rejects a record that the topic does not take, ${delivery}`, async (sink, topic) => {
        const configEntries = [{ name: "max.message.bytes", value: "1000" }];
        await makeTopic(admin, { topic, configEntries });
        await sink.open(CONTEXT, NEVER);
        const fitting = aggregateOf({ name: "fits" });
        const tooLarge = aggregateOf({ name: "温".repeat(512) });
        await assert.rejects(sink.write(batchOf([fitting, tooLarge]), NEVER), sinkError("rejected"));
        await sink.write(batchOf([fitting]), NEVER);
        assertSameAggregates(highestRevisions(await backends.readAll(topic)), [fitting]);
      }, { delivery });
    }

    for (const delivery of ["exactly-once", "at-least-once"] as const) {
      await step(`writes no more at once than the topic takes by now, ${delivery}`, async (sink, topic) => {
        await sink.open(CONTEXT, NEVER);
        const configEntries = [{ name: "max.message.bytes", value: "1000" }];
        await admin.alterConfigs({
          validateOnly: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
        });
        const rows = Array.from({ length: 50 }, (_, i) => aggregateOf({ name: `oven${i}` }));
        const isRefused = () => sink.write(batchOf(rows), NEVER).then(() => false, sinkError("rejected"));
        await until(isRefused, "the setting to be in force");
        await sink.write(batchOf(rows), NEVER);
        assertSameAggregates(highestRevisions(await backends.readAll(topic)), rows);
      }, { delivery });
    }

    for (const delivery of ["exactly-once", "at-least-once"] as const) {
      await step(`raises an alarm when the topic is made anew under it, ${delivery}`, async (sink, topic) => {
        const alarms: string[] = [];
        const context = {
          ...CONTEXT,
          alarm: ({ kind, detail }: SinkAlarm) => void alarms.push(`${kind}: ${detail}`),
        };
        await sink.open(context, NEVER);
        for (let id = 0; id < 3; id++) await sink.write(batchOf([aggregateOf({ revision: id })], id), NEVER);
        assert.deepEqual(alarms, []);
        await admin.deleteTopics({ topics: [topic] });
        await until(async () => !(await admin.listTopics()).includes(topic), "the topic to go");
        // Somebody else, or the brokers by themselves, before the handler sees it.
        await makeTopic(admin, { topic });
        await until(
          async () => {
            try {
              await sink.write(batchOf([aggregateOf({ revision: 3 })], 3), NEVER);
              return true;
            } catch {
              await sink.open(context, NEVER);
              return false;
            }
          },
          "a record in the new topic",
        );
        assert.match(
          alarms.at(-1) ?? "none",
          /^rows_missing: the topic .* ends before records .* created again/,
        );
      }, { delivery });
    }

    await step("tries again when the topic was deleted under it", async (sink, topic) => {
      await sink.open(CONTEXT, NEVER);
      await admin.deleteTopics({ topics: [topic] });
      await assert.rejects(sink.write(batchOf([aggregateOf()]), NEVER), sinkError("unavailable"));
      await sink.close();
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf([aggregateOf()]), NEVER);
      assertSameAggregates(await backends.readAll(topic), [aggregateOf()]);
    });

    await t.step("stays down when the topic's name is impossible", async () => {
      const sink = backends.createSink("no such topic!");
      await assert.rejects(sink.open(CONTEXT, NEVER), sinkError("misconfigured", /KAFKA_TOPIC/));
      await sink.close();
    });

    await t.step("tries again when nothing listens", async () => {
      const sink = backends.createSink(newTopic(), { bootstrapServers: [`127.0.0.1:${freePort()}`] });
      const abort = new AbortController();
      const opening = assert.rejects(sink.open(CONTEXT, abort.signal), sinkError("unavailable"));
      abort.abort();
      await opening;
      await assert.rejects(sink.open(CONTEXT, NEVER), sinkError("unavailable", /ECONNREFUSED|refused/i));
      await sink.close();
    });

    await t.step(
      "goes on to the next broker where the first answers nobody",
      async () => {
        await using mute = TcpProxy.start();
        mute.cut();
        const bootstrapServers = [mute.address, ...broker.brokers];
        const topic = newTopic();
        const sink = backends.createSink(topic, { bootstrapServers });
        try {
          assert.match(await sink.probe(NEVER), /will be created/);
          await sink.open(CONTEXT, NEVER);
          await sink.write(batchOf([aggregateOf()]), NEVER);
          assertSameAggregates(await backends.readAll(topic), [aggregateOf()]);
          assert.equal(await sink.readBack.sumOfCounts(`plant-1.${topic}`, 0, NEVER), aggregateOf().count);
        } finally {
          await sink.close();
        }
      },
    );

    if (!kafkaIsExternal) {
      const sasl = { mechanism: "plain", username: "tester", password: "kafka-secret" } as const;

      await step("logs in", async (sink, topic) => {
        await sink.open(CONTEXT, NEVER);
        await sink.write(batchOf([aggregateOf()]), NEVER);
        assertSameAggregates(await backends.readAll(topic), [aggregateOf()]);
      }, { bootstrapServers: broker.saslBrokers, sasl });

      await step("stays down after a refused login", async (sink) => {
        const refused = sinkError("misconfigured", /KAFKA_SASL_PASSWORD/);
        await assert.rejects(sink.open(CONTEXT, NEVER), refused);
        await assert.rejects(sink.probe(NEVER), refused);
      }, { bootstrapServers: broker.saslBrokers, sasl: { ...sasl, password: "wrong-secret" } });

      await step(
        "leaves a frozen broker when told to, and settles what was under way",
        async (sink, topic) => {
          await sink.open(CONTEXT, NEVER);
          const abort = new AbortController();
          await broker.pause();
          try {
            const writing = assert.rejects(
              sink.write(batchOf([aggregateOf()]), abort.signal),
              sinkError("unavailable", /interrupted/),
            );
            abort.abort();
            await writing;
          } finally {
            await broker.resume();
          }
          const cursor = await sink.open(CONTEXT, NEVER);
          await sink.write(batchOf([aggregateOf(), aggregateOf({ name: "b" })].slice(cursor), cursor), NEVER);
          assertSameAggregates(await backends.readAll(topic), [aggregateOf(), aggregateOf({ name: "b" })]);
        },
      );

      await step(
        "writes each record once for committed readers, though the broker is killed",
        async (sink, topic) => {
          const aggregates = Array.from(
            { length: 600 },
            (_, index) => aggregateOf({ name: `sensor-${index}` }),
          );
          let isDown = false;
          let cursor = await sink.open(CONTEXT, NEVER);
          let failures = 0;
          while (cursor < aggregates.length) {
            try {
              if (failures > 0) {
                cursor = await sink.open({ ...CONTEXT, cursor }, NEVER);
              }
              const batch = batchOf(aggregates.slice(cursor, cursor + 20), cursor);
              const writing = sink.write(batch, NEVER);
              if (failures === 0 && cursor === 300) {
                // In the middle of this write, or right after it; the next one at the latest fails.
                await Promise.all([broker.kill(), writing.catch(() => {})]);
                isDown = true;
              }
              await writing;
              cursor = batch.nextId;
            } catch (error) {
              sinkError("unavailable")(error);
              failures++;
              await sink.close();
              if (isDown) await broker.start();
              isDown = false;
            }
          }
          assert.ok(failures > 0, "what a broker that is down does not take has not failed");
          assertSameAggregates(await backends.readAll(topic), aggregates);
        },
      );
    }

    await t.step("never shows a password, nor more of kafkajs than detail", () => {
      assert.ok(lines.some((line) => /"level":"debug".*kafkajs/.test(line)));
      assert.ok(!lines.some((line) => /"level":"(info|warn|error)".*kafkajs/.test(line)));
      assert.doesNotMatch(lines.join("\n"), /kafka-secret|wrong-secret/);
      assert.deepEqual(warnings, []);
    });
  } finally {
    process.off("warning", onWarning);
    await admin.disconnect();
    await broker.remove();
  }
});
