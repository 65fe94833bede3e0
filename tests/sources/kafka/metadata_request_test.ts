/** Who leads partitions is asked, in each version that is spoken, in the forms of Kafka's documents. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { partitionsIn, requestMetadata } from "../../../src/sources/kafka/metadata_request.ts";
import { exchanged } from "./exchange.ts";
import type { Form } from "./scripted_broker.ts";

const METADATA = 3;
const PORT = 9092;
const ID = Buffer.from("0123456789abcdef").toString("base64url");
const OTHER_ID = Buffer.from("fedcba9876543210").toString("base64url");

const BROKERS = [{ node: "int32", host: "string", port: "int32", rack: "string" }] as const;
const PARTITION = { error: "int16", partition: "int32", leader: "int32" } as const;
const REPLICAS = { replicas: ["int32"], inSync: ["int32"], offline: ["int32"] } as const;
const CLUSTER = { throttle: "int32", brokers: BROKERS, cluster: "string", controller: "int32" } as const;
const WITH_IDS = {
  error: "int16",
  name: "string",
  id: "uuid",
  isInternal: "boolean",
  partitions: [{ ...PARTITION, epoch: "int32", ...REPLICAS }],
  operations: "int32",
} as const;
const METADATA_FORMS: Readonly<Record<number, { readonly request: Form; readonly answer: Form }>> = {
  5: {
    request: { topics: [{ name: "string" }], mayCreate: "boolean" },
    answer: {
      ...CLUSTER,
      topics: [{
        error: "int16",
        name: "string",
        isInternal: "boolean",
        partitions: [{ ...PARTITION, ...REPLICAS }],
      }],
    },
  },
  10: {
    request: {
      topics: [{ id: "uuid", name: "string" }],
      mayCreate: "boolean",
      clusterRights: "boolean",
      topicRights: "boolean",
    },
    answer: { ...CLUSTER, topics: [WITH_IDS], operations: "int32" },
  },
  12: {
    request: { topics: [{ id: "uuid", name: "string" }], mayCreate: "boolean", topicRights: "boolean" },
    answer: { ...CLUSTER, topics: [WITH_IDS] },
  },
};
const BROKER = { node: 7, host: "b", port: PORT, rack: undefined };
const partitionOf = (partition: number, leader: number) => ({
  error: 0,
  partition,
  leader,
  epoch: 3,
  replicas: [1, 2],
  inSync: [1],
  offline: [],
});
const topicOf = (name: string, partitions: readonly unknown[], error = 0) => ({
  error,
  name,
  id: name === "t" ? ID : OTHER_ID,
  isInternal: false,
  partitions,
  operations: 0,
});

function metadataOf(version: number, topics: readonly unknown[], has = version) {
  return exchanged({
    key: METADATA,
    has,
    version,
    isFlexible: version >= 9,
    ...METADATA_FORMS[version]!,
    says: {
      throttle: 0,
      brokers: [BROKER, { ...BROKER, node: 2, host: "::1", rack: "r" }],
      cluster: "c",
      controller: 7,
      topics,
      operations: 0,
    },
    ask: (connection) => requestMetadata(connection, ["t", "u"], "kafka://b/t,u"),
  });
}

Deno.test("who leads partitions is asked in each version, and no topic is made by that", async () => {
  for (const [version, has] of [[5, 9], [10, 11], [12, 99]] as const) {
    const { asked, found } = await metadataOf(version, [
      topicOf("t", [partitionOf(1, 2), partitionOf(0, -1)]),
      topicOf("u", [], version < 10 ? 3 : 100),
    ], has);
    const id = Buffer.alloc(16).toString("base64url");
    assert.deepEqual(asked, {
      topics: ["t", "u"].map((name) => version >= 10 ? { id, name } : { name }),
      mayCreate: false,
      ...(version === 10 ? { clusterRights: false } : {}),
      ...(version >= 8 ? { topicRights: false } : {}),
    });
    assert.deepEqual([...found.brokers], [[7, { host: "b", port: PORT }], [2, { host: "::1", port: PORT }]]);
    const epochs = version >= 7 ? [3, 3] : [-1, -1];
    assert.deepEqual([...found.topics], [["t", {
      id: version >= 10 ? ID : undefined,
      leaders: [-1, 2],
      epochs,
    }]]);
    assert.deepEqual(partitionsIn(found), [{ topic: "t", partition: 0 }, { topic: "t", partition: 1 }]);
  }
});

Deno.test("what metadata cannot be is refused", async () => {
  const of = (...partitions: readonly unknown[]) => metadataOf(5, [topicOf("t", partitions)]);
  await assert.rejects(of(partitionOf(-1, 1)), /names a partition -1/);
  await assert.rejects(of(partitionOf(100_000, 1)), /names a partition 100000/);
  await assert.rejects(of(partitionOf(1, 1)), /names no partition 0, but a later one/);
  await assert.rejects(of(partitionOf(0, 1), partitionOf(2, 1)), /names no partition 1, but a later one/);
  await assert.rejects(
    metadataOf(5, [topicOf("t", [], 29)]),
    /kafka:\/\/b\/t,u, topic t: the broker answers TOPIC_AUTH/,
  );
  // What it has is read, whatever it says beside it.
  const { found } = await metadataOf(5, [topicOf("t", [partitionOf(0, 1)], 5), topicOf("u", [])]);
  assert.deepEqual([...found.topics.keys()], ["t"]);
});
