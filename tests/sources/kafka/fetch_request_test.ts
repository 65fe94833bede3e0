/** Records are asked for, in each version that is spoken, in the forms of Kafka's documents. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";
import { BrokerConnection } from "../../../src/sources/kafka/broker_connection.ts";
import { fetchRecords } from "../../../src/sources/kafka/fetch_request.ts";
import { exchanged, STILL } from "./exchange.ts";
import { API_VERSIONS, decoded, type Form, ScriptedBroker, versionsAnswer } from "./scripted_broker.ts";

const FETCH = 1;
const ID = Buffer.from("0123456789abcdef").toString("base64url");
const OTHER_ID = Buffer.from("fedcba9876543210").toString("base64url");

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

function fetchOf(
  version: number,
  topics: unknown,
  error = 0,
  wanted: typeof WANTED = WANTED,
  has = version,
  throttle = 0,
) {
  return exchanged({
    key: FETCH,
    has,
    version,
    isFlexible: version >= 12,
    ...FETCH_FORMS[version]!,
    says: { throttle, error, session: 0, topics },
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
    const same = { error: 0, end: 20, stableEnd: 10, divergedAt: undefined };
    const records = { ...same, aborted: [], batches: new Uint8Array(BATCHES) };
    assert.deepEqual(
      found.records.map((one) => one && { ...one, batches: new Uint8Array(one.batches) }),
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
  assert.equal(found.records[0]!.batches.length, 0);
  await assert.rejects(
    fetchOf(11, [], 35, wanted),
    /^SourceError: kafka:\/\/b\/t: the broker answers UNSUPPORTED_VERSION/,
  );
});

Deno.test("a client that has used up its quota is told for how long, in each version", async () => {
  for (const version of [5, 11, 13]) {
    const { found } = await fetchOf(version, [], 0, WANTED, version, 2500);
    assert.deepEqual(found, { records: [undefined, undefined, undefined], throttleMs: 2500 });
  }
});

Deno.test("where one id of a topic is not known, topics are asked for by their names", async () => {
  const wanted = [WANTED[0]!, { ...WANTED[1]!, topicId: undefined }];
  const { asked } = await fetchOf(11, [], 0, wanted as typeof WANTED, 99);
  assert.deepEqual((asked["topics"] as { topic: string }[]).map(({ topic }) => topic), ["t", "u"]);
});

Deno.test("a broker is told which record the next one follows upon, and says where it has others", async () => {
  const of = { topic: "t", topicId: ID, partition: 0, offset: 7 };
  const asked: number[] = [];
  await using broker = await ScriptedBroker.start(({ answer, body, key }) => {
    if (key === API_VERSIONS) return answer(versionsAnswer([[FETCH, 13]]));
    const reader = new WireReader(body, true);
    reader.end();
    const { topics } = decoded(reader, FETCH_FORMS[13]!.request);
    const [{ partitions: [{ lastEpoch }] }] = topics as [{ partitions: [{ lastEpoch: number }] }];
    asked.push(lastEpoch);
    const writer = new WireWriter(true).end().int32(0).int16(0).int32(0);
    writer.array([ID], (id) => {
      writer.uuid(id).array([0], (partition) => {
        writer.int32(partition).int16(0).int64(9).int64(9).int64(0).array([], () => {}).int32(-1);
        writer.block(new Uint8Array(0));
        // Two tagged fields: one that is not known here, and where the partition differs: epoch 2, offset 5.
        writer.raw(new Uint8Array([2, 7, 1, 0, 0, 13, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5, 0]));
      });
      writer.end();
    });
    answer(writer.end().written);
  });
  const access = { tls: undefined, login: undefined };
  const connection = await BrokerConnection.open(broker.address, access, STILL, new AbortController().signal);
  try {
    const { records: [found] } = await fetchRecords(
      connection,
      [{ ...of, epochBefore: 3 }],
      LIMITS,
      "kafka://b/t",
    );
    assert.deepEqual([asked, found!.divergedAt], [[3], 5]);
  } finally {
    connection.close();
  }
});
