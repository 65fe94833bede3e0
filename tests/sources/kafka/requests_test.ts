/** Requests and answers in each version that is spoken, in the forms that Kafka's documents give them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { WireFault, WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";
import { BrokerConnection } from "../../../src/sources/kafka/broker_connection.ts";
import { fetchRecords } from "../../../src/sources/kafka/fetch_request.ts";
import { partitionsIn, requestMetadata } from "../../../src/sources/kafka/metadata_request.ts";
import {
  commitOffsets,
  fetchOffsets,
  findCoordinator,
  listOffsets,
} from "../../../src/sources/kafka/offset_requests.ts";
import { decoded, encoded, type Form, ScriptedBroker, versionsAnswer } from "./scripted_broker.ts";

const [FETCH, LIST_OFFSETS, METADATA, OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, API_VERSIONS] = [
  1,
  2,
  3,
  8,
  9,
  10,
  18,
] as const;
const ID = Buffer.from("0123456789abcdef").toString("base64url");
const OTHER_ID = Buffer.from("fedcba9876543210").toString("base64url");
/** A clock whose time does not go on. */
const STILL = {
  sleep: (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve())),
};

interface Exchange<T> {
  readonly key: number;
  /** The greatest version that the broker has. */
  readonly has: number;
  /** The version that is spoken. */
  readonly version: number;
  readonly isFlexible: boolean;
  readonly request: Form;
  readonly answer: Form;
  readonly says: Readonly<Record<string, unknown>>;
  readonly ask: (connection: BrokerConnection) => Promise<T>;
}

/** Asks a broker that answers once. Returns what it was asked, and what became of its answer. */
async function exchanged<T>(exchange: Exchange<T>): Promise<{ asked: Record<string, unknown>; found: T }> {
  await using broker = await ScriptedBroker.start(({ key, answer }) => {
    if (key === API_VERSIONS) return answer(versionsAnswer([[exchange.key, exchange.has]]));
    const writer = new WireWriter(exchange.isFlexible);
    writer.end();
    answer(encoded(writer, exchange.answer, exchange.says).written);
  });
  const access = { tls: undefined, login: undefined };
  const connection = await BrokerConnection.open(broker.address, access, STILL, new AbortController().signal);
  try {
    const found = await exchange.ask(connection);
    const [, request] = broker.requests;
    assert.deepEqual([request!.key, request!.version], [exchange.key, exchange.version]);
    assert.equal(request!.client, "vabus-data-handler");
    const reader = new WireReader(request!.body, exchange.isFlexible);
    reader.end();
    const asked = decoded(reader, exchange.request);
    assert.throws(() => reader.int8(), WireFault, "nothing follows");
    return { asked, found };
  } finally {
    connection.close();
  }
}

const FETCH_HEAD = {
  replica: "int32",
  waitMs: "int32",
  minBytes: "int32",
  maxBytes: "int32",
  isolation: "int8",
} as const;
const SESSION = { session: "int32", epoch: "int32" } as const;
const FORGOTTEN = { topic: "string", partitions: ["int32"] } as const;
const FETCHED = {
  partition: "int32",
  error: "int16",
  end: "int64",
  stableEnd: "int64",
  start: "int64",
  aborted: [{ producerId: "int64", firstOffset: "int64" }],
} as const;
const FETCH_FORMS: Readonly<Record<number, { readonly request: Form; readonly answer: Form }>> = {
  5: {
    request: {
      ...FETCH_HEAD,
      topics: [{
        topic: "string",
        partitions: [{ partition: "int32", offset: "int64", start: "int64", maxBytes: "int32" }],
      }],
    },
    answer: {
      throttle: "int32",
      topics: [{ topic: "string", partitions: [{ ...FETCHED, batches: "block" }] }],
    },
  },
  11: {
    request: {
      ...FETCH_HEAD,
      ...SESSION,
      topics: [{
        topic: "string",
        partitions: [
          { partition: "int32", epoch: "int32", offset: "int64", start: "int64", maxBytes: "int32" },
        ],
      }],
      forgotten: [FORGOTTEN],
      rack: "string",
    },
    answer: {
      throttle: "int32",
      error: "int16",
      session: "int32",
      topics: [{ topic: "string", partitions: [{ ...FETCHED, replica: "int32", batches: "block" }] }],
    },
  },
  13: {
    request: {
      ...FETCH_HEAD,
      ...SESSION,
      topics: [{
        topic: "uuid",
        partitions: [{
          partition: "int32",
          epoch: "int32",
          offset: "int64",
          lastEpoch: "int32",
          start: "int64",
          maxBytes: "int32",
        }],
      }],
      forgotten: [{ topic: "uuid", partitions: ["int32"] }],
      rack: "string",
    },
    answer: {
      throttle: "int32",
      error: "int16",
      session: "int32",
      topics: [{ topic: "uuid", partitions: [{ ...FETCHED, replica: "int32", batches: "block" }] }],
    },
  },
};

const LIMITS = { waitMs: 300, maxBytes: 4000, partitionMaxBytes: 500 };
const WANTED = [
  { topic: "t", topicId: ID, partition: 0, offset: 2 ** 40 },
  { topic: "u", topicId: OTHER_ID, partition: 1, offset: 2 },
  { topic: "t", topicId: ID, partition: 3, offset: 0 },
];
const BATCHES = Buffer.from("batches");
/** What a broker says of a partition. */
const said = (partition: number, says: Record<string, unknown> = {}) => ({
  partition,
  error: 0,
  end: 20,
  stableEnd: 10,
  start: 5,
  aborted: [],
  replica: -1,
  batches: BATCHES,
  ...says,
});

function fetchOf(version: number, topics: unknown, error = 0, wanted: typeof WANTED = WANTED, has = version) {
  return exchanged({
    key: FETCH,
    has,
    version,
    isFlexible: version >= 12,
    ...FETCH_FORMS[version]!,
    says: { throttle: 0, error, session: 0, topics },
    ask: (connection) => fetchRecords(connection, wanted, LIMITS, "kafka://b/t"),
  });
}

Deno.test("records of committed transactions are asked for, by topic, in each version", async () => {
  for (const [version, has] of [[5, 10], [11, 12], [13, 99]] as const) {
    const nameOf = (topic: string) => version < 13 ? topic : topic === "t" ? ID : OTHER_ID;
    const aborted = [{ producerId: 7, firstOffset: 9 }, { producerId: 8, firstOffset: 3 }];
    const { asked, found } = await fetchOf(
      version,
      [
        {
          topic: nameOf("t"),
          partitions: [said(3, { aborted }), said(0, { error: 1, end: -1, stableEnd: -1 })],
        },
        { topic: nameOf("other"), partitions: [said(1)] },
      ],
      0,
      WANTED,
      has,
    );
    const partition = (partition: number, offset: number) => ({
      partition,
      ...(version >= 9 ? { epoch: -1 } : {}),
      offset,
      ...(version >= 12 ? { lastEpoch: -1 } : {}),
      start: -1,
      maxBytes: 500,
    });
    assert.deepEqual(asked, {
      replica: -1,
      waitMs: 300,
      minBytes: 1,
      maxBytes: 4000,
      isolation: 1,
      ...(version >= 7 ? { session: 0, epoch: -1 } : {}),
      topics: [
        { topic: nameOf("t"), partitions: [partition(0, 2 ** 40), partition(3, 0)] },
        { topic: nameOf("u"), partitions: [partition(1, 2)] },
      ],
      ...(version >= 7 ? { forgotten: [] } : {}),
      ...(version >= 11 ? { rack: "" } : {}),
    });
    const records = { error: 0, end: 20, stableEnd: 10, aborted: [], batches: new Uint8Array(BATCHES) };
    assert.deepEqual(
      found.map((one) => one && { ...one, batches: new Uint8Array(one.batches) }),
      [
        { ...records, error: 1, end: -1, stableEnd: -1 },
        version < 13 ? undefined : { ...records },
        { ...records, aborted },
      ],
      `version ${version}`,
    );
  }
});

Deno.test("an answer without records has none, and the error of a whole answer is told", async () => {
  const wanted = [{ topic: "t", topicId: ID, partition: 0, offset: 1 }];
  const nothing = [{ topic: "t", partitions: [said(0, { batches: new Uint8Array(0) })] }];
  const { found } = await fetchOf(5, nothing, 0, wanted);
  assert.equal(found[0]!.batches.length, 0);
  await assert.rejects(
    fetchOf(11, [], 35, wanted),
    /^SourceError: kafka:\/\/b\/t: the broker answers UNSUPPORTED_VERSION/,
  );
});

Deno.test("where one id of a topic is not known, topics are asked for by their names", async () => {
  const wanted = [WANTED[0]!, { ...WANTED[1]!, topicId: undefined }];
  const { asked } = await fetchOf(11, [], 0, wanted as typeof WANTED, 99);
  assert.deepEqual((asked["topics"] as { topic: string }[]).map(({ topic }) => topic), ["t", "u"]);
});

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
const BROKER = { node: 7, host: "b", port: 9092, rack: undefined };
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
    assert.deepEqual([...found.brokers], [[7, { host: "b", port: 9092 }], [2, { host: "::1", port: 9092 }]]);
    assert.deepEqual([...found.topics], [["t", { id: version >= 10 ? ID : undefined, leaders: [-1, 2] }]]);
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
      says: { throttle: 0, error, message: undefined, node: 3, host: "b", port: 9093 },
      ask: (connection) => findCoordinator(connection, "g"),
    });
  assert.deepEqual(await coordinatorOf(0), {
    asked: { group: "g", kind: 0 },
    found: { host: "b", port: 9093 },
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
