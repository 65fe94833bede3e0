/** Offsets of partitions and groups, in the forms of Kafka's documents. */
import assert from "node:assert/strict";
import {
  commitOffsets,
  fetchOffsets,
  findCoordinator,
  listOffsets,
} from "../../../src/sources/kafka/offset_requests.ts";
import { exchanged } from "./exchange.ts";

const PORT = 9093;
const [LIST_OFFSETS, OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR] = [2, 8, 9, 10] as const;
const PARTITIONS = [{ topic: "t", partition: 0 }, { topic: "u", partition: 4 }, { topic: "t", partition: 1 }];

Deno.test("the oldest offset and the end of committed records are asked for", async () => {
  for (const [wanted, number] of [["oldest", -2], ["end", -1]] as const) {
    const at = (partition: number, offset: number, error = 0) => ({ partition, error, timeMs: -1, offset });
    const { asked, found } = await exchanged({
      key: LIST_OFFSETS,
      has: 9,
      version: 2,
      isFlexible: false,
      request: {
        replica: "int32",
        isolation: "int8",
        topics: [{ topic: "string", partitions: [{ partition: "int32", timeMs: "int64" }] }],
      },
      answer: {
        throttle: "int32",
        topics: [{
          topic: "string",
          partitions: [{ partition: "int32", error: "int16", timeMs: "int64", offset: "int64" }],
        }],
      },
      says: {
        throttle: 0,
        topics: [{ topic: "t", partitions: [at(1, 2 ** 40), at(0, 0)] }, {
          topic: "u",
          partitions: [at(4, -1, 6)],
        }],
      },
      ask: (connection) => listOffsets(connection, [...PARTITIONS, { topic: "v", partition: 1 }], wanted),
    });
    const of = (topic: string, partition: number) => ({ topic, partitions: [{ partition, timeMs: number }] });
    assert.deepEqual(asked, {
      replica: -1,
      isolation: 1,
      topics: [of("t", 0), of("u", 4), of("t", 1), of("v", 1)],
    });
    assert.deepEqual(found, [{ offset: 0 }, { error: 6 }, { offset: 2 ** 40 }, { error: 3 }]);
  }
});

Deno.test("an offset below zero is none", async () => {
  const answered = exchanged({
    key: LIST_OFFSETS,
    has: 2,
    version: 2,
    isFlexible: false,
    request: {},
    answer: {
      throttle: "int32",
      topics: [{
        topic: "string",
        partitions: [{ partition: "int32", error: "int16", timeMs: "int64", offset: "int64" }],
      }],
    },
    says: {
      throttle: 0,
      topics: [{ topic: "t", partitions: [{ partition: 0, error: 0, timeMs: 0, offset: -1 }] }],
    },
    ask: (connection) => listOffsets(connection, PARTITIONS, "end"),
  });
  await assert.rejects(answered, /has -1 as an offset/);
});

Deno.test("the broker that keeps the offsets of a group is asked for", async () => {
  const coordinatorOf = (error: number) =>
    exchanged({
      key: FIND_COORDINATOR,
      has: 4,
      version: 1,
      isFlexible: false,
      request: { group: "string", kind: "int8" },
      answer: {
        throttle: "int32",
        error: "int16",
        message: "string",
        node: "int32",
        host: "string",
        port: "int32",
      },
      says: { throttle: 0, error, message: undefined, node: 3, host: "b", port: PORT },
      ask: (connection) => findCoordinator(connection, "g"),
    });
  assert.deepEqual(await coordinatorOf(0), {
    asked: { group: "g", kind: 0 },
    found: { host: "b", port: PORT },
  });
  await assert.rejects(
    coordinatorOf(15),
    /^SourceError: the group g: the broker answers COORDINATOR_NOT_AVAILABLE$/,
  );
});

Deno.test("what a group has committed is asked for, and what is left out is not taken for nothing", async () => {
  const at = (partition: number, offset: number, metadata?: string, error = 0) => ({
    partition,
    offset,
    metadata,
    error,
  });
  const offsetsOf = (topics: readonly unknown[], error = 0) =>
    exchanged({
      key: OFFSET_FETCH,
      has: 8,
      version: 2,
      isFlexible: false,
      request: { group: "string", topics: [{ topic: "string", partitions: ["int32"] }] },
      answer: {
        topics: [{
          topic: "string",
          partitions: [{ partition: "int32", offset: "int64", metadata: "string", error: "int16" }],
        }],
        error: "int16",
      },
      says: { topics, error },
      ask: (connection) => fetchOffsets(connection, "g", PARTITIONS),
    });
  const topics = [{ topic: "u", partitions: [at(4, -1)] }, {
    topic: "t",
    partitions: [at(0, 5, "m"), at(1, 0, "")],
  }];
  assert.deepEqual(await offsetsOf(topics), {
    asked: {
      group: "g",
      topics: PARTITIONS.map(({ topic, partition }) => ({ topic, partitions: [partition] })),
    },
    found: [{ offset: 5, metadata: "m" }, { offset: -1, metadata: undefined }, { offset: 0, metadata: "" }],
  });
  await assert.rejects(
    offsetsOf(topics.slice(0, 1)),
    /the group g, partition t\/0: the broker answers UNKNOWN_TOPIC/,
  );
  await assert.rejects(offsetsOf(topics, 30), /the group g: the broker answers GROUP_AUTHORIZATION_FAILED/);
  await assert.rejects(
    offsetsOf([{ topic: "t", partitions: [at(0, -1, undefined, 29)] }]),
    /the group g, partition t\/0: the broker answers TOPIC_AUTHORIZATION_FAILED/,
  );
});

Deno.test("offsets are committed for a group that nobody has joined", async () => {
  const committed = (error: number) =>
    exchanged({
      key: OFFSET_COMMIT,
      has: 8,
      version: 2,
      isFlexible: false,
      request: {
        group: "string",
        generation: "int32",
        member: "string",
        keptMs: "int64",
        topics: [{
          topic: "string",
          partitions: [{ partition: "int32", offset: "int64", metadata: "string" }],
        }],
      },
      answer: { topics: [{ topic: "string", partitions: [{ partition: "int32", error: "int16" }] }] },
      says: {
        topics: [{ topic: "t", partitions: [{ partition: 0, error: 0 }] }, {
          topic: "u",
          partitions: [{ partition: 4, error }],
        }],
      },
      ask: (connection) =>
        commitOffsets(connection, "g", [
          { topic: "t", partition: 0, offset: 2 ** 40, metadata: "m" },
          { topic: "u", partition: 4, offset: 0 },
        ]),
    });
  const { asked } = await committed(0);
  const of = (topic: string, partition: number, offset: number, metadata?: string) => ({
    topic,
    partitions: [{ partition, offset, metadata }],
  });
  assert.deepEqual(asked, {
    group: "g",
    generation: -1,
    member: "",
    keptMs: -1,
    topics: [of("t", 0, 2 ** 40, "m"), of("u", 4, 0)],
  });
  await assert.rejects(committed(25), /the group g, partition u\/4: the broker answers UNKNOWN_MEMBER_ID/);
});
