import assert from "node:assert/strict";
import type { Admin } from "kafkajs";
import type { KafkaSession } from "../../../src/sinks/kafka/kafka_session.ts";
import { KafkaTopic, TopicSettings } from "../../../src/sinks/kafka/kafka_topic.ts";
import { aggregateNamed } from "../../delivery/memory_outbox.ts";
import { loggerTo } from "../../support/logs.ts";

/** A cluster with the topic `t` of these partitions; `isOurs`: it is this process that creates it. */
function scene(partitions: number | undefined, isOurs = true) {
  const log: string[] = [];
  const logger = loggerTo(log);
  const created: unknown[] = [];
  const failure = { thrown: undefined as Error | undefined, highs: ["0", "0"], ends: [0, 0] };
  const admin = {
    fetchTopicMetadata: () => {
      if (failure.thrown) return Promise.reject(failure.thrown);
      if (partitions === undefined) {
        return Promise.reject(Object.assign(new Error("none"), { type: "UNKNOWN_TOPIC_OR_PARTITION" }));
      }
      return Promise.resolve({ topics: [{ name: "t", partitions: Array(partitions).fill({}) }] });
    },
    createTopics: (request: unknown) => {
      created.push(request);
      return Promise.resolve(isOurs);
    },
    fetchTopicOffsets: () => Promise.resolve(failure.highs.map((high) => ({ high }))),
    describeConfigs: (request: unknown) => {
      created.push(request);
      if (failure.thrown) return Promise.reject(failure.thrown);
      const configEntries = [{ configName: "max.message.bytes", configValue: "1000" }];
      return Promise.resolve({ resources: [{ configEntries }] });
    },
  } as unknown as Admin;
  const session = {
    admin,
    topicEnds: () => Promise.resolve(failure.ends.map((endOffset) => ({ endOffset }))),
  } as unknown as KafkaSession;
  return { log, created, failure, admin, session, topic: new KafkaTopic("t", logger) };
}

const NEW = [{ topic: "t", numPartitions: -1, replicationFactor: -1 }];
const CONFIRMED = { any: true, newest: [aggregateNamed("a")] };

Deno.test("a topic is created where there is none, and that is told by who has done it", async () => {
  const there = scene(3);
  assert.equal(await there.topic.partitionCount(there.admin), 3);
  await there.topic.ensure(there.admin);
  assert.deepEqual([there.created, there.log], [[], []]);
  for (const isOurs of [true, false]) {
    const { admin, created, log, topic } = scene(undefined, isOurs);
    assert.equal(await topic.partitionCount(admin), undefined);
    await topic.ensure(admin);
    assert.deepEqual(created, [{ topics: NEW }]);
    assert.equal(log.length, isOurs ? 1 : 0);
    if (isOurs) assert.match(log[0]!, /INFO {2}topic created topic="t"$/);
  }
  const { admin, failure, topic } = there;
  failure.thrown = new Error("away");
  await assert.rejects(topic.partitionCount(admin), /away/);
});

Deno.test("whether a topic would be created is asked without creating it", async () => {
  const { admin, created, topic } = scene(undefined);
  await topic.tryToMake(admin);
  assert.deepEqual(created, [{ topics: NEW, validateOnly: true, waitForLeaders: false }]);
});

Deno.test("confirmed records are missing in a topic that is new or has never had any", async () => {
  const missing = async (change: (one: ReturnType<typeof scene>) => unknown, confirmed = CONFIRMED) => {
    const one = scene(2);
    await change(one);
    return (await one.topic.missing(one.session, confirmed))?.detail;
  };
  assert.match(await missing(() => {}) ?? "", /the topic t has never had a record/);
  assert.equal(await missing(() => {}, { any: false, newest: [] }), undefined);
  assert.equal(await missing(({ failure }) => failure.highs = ["0", "1"]), undefined);
  assert.equal(await missing(({ failure }) => failure.ends = [0, 1]), undefined, "committed just now");
  const fresh = scene(undefined);
  await fresh.topic.ensure(fresh.admin);
  fresh.failure.highs = ["9"];
  assert.match(
    (await fresh.topic.missing(fresh.session, CONFIRMED))?.detail ?? "",
    /t was not there and had to be/,
  );
  assert.equal(await fresh.topic.missing(fresh.session, CONFIRMED), undefined, "told once");
});

Deno.test("the settings of a topic are asked for by name, and need not be known", async () => {
  const { admin, created, failure, log, topic } = scene(1);
  assert.equal((await topic.settings(admin)).requestMaxBytes, 900);
  assert.deepEqual(created, [{
    includeSynonyms: false,
    resources: [{
      type: 2,
      name: "t",
      configNames: ["max.message.bytes", "cleanup.policy", "unclean.leader.election.enable"],
    }],
  }]);
  failure.thrown = new Error("not allowed");
  assert.equal((await topic.settings(admin)).requestMaxBytes, 900_000);
  assert.match(log.join(), /DEBUG the settings of the topic are not known reason="not allowed"$/);
});

Deno.test("a request is a tenth below the topic's bound, and below the brokers' usual one", () => {
  const bytes = (value?: string) =>
    new TopicSettings(new Map(value === undefined ? [] : [["max.message.bytes", value]])).requestMaxBytes;
  assert.deepEqual(["1000", "1000000", "1000001", "9999999", "0", "-1", "x", undefined].map(bytes), [
    900,
    900_000,
    900_000,
    900_000,
    900_000,
    900_000,
    900_000,
    900_000,
  ]);
  assert.equal(bytes("1"), 0.9);
});

Deno.test("a topic that is compacted or may lose records is flawed", () => {
  const flaws = (policy?: string, unclean?: string) =>
    new TopicSettings(
      new Map([
        ...(policy === undefined ? [] : [["cleanup.policy", policy] as const]),
        ...(unclean === undefined ? [] : [["unclean.leader.election.enable", unclean] as const]),
      ]),
    ).flaws.map((flaw) => flaw.slice(0, 40));
  assert.deepEqual(flaws(), []);
  assert.deepEqual(flaws("delete", "false"), []);
  assert.deepEqual(flaws("compact,delete", "true"), [
    "its cleanup.policy is compact,delete: of",
    "its unclean.leader.election.enable is tr",
  ]);
  assert.deepEqual(flaws("compact").length, 1);
  assert.deepEqual(flaws(undefined, "true").length, 1);
});
