import type { Api, BrokerConnection } from "./broker_connection.ts";
import { brokerError } from "./kafka_errors.ts";
import type { WireReader } from "../../platform/kafka/wire_reader.ts";
import type { TopicPartition } from "./offset_requests.ts";

const FETCH: Api = { key: 1, flexibleFrom: 12 };
const READ_COMMITTED = 1;
export const UNKNOWN_EPOCH = -1;
/** The tag of the field that says where a partition differs. */
const DIVERGING_EPOCH = 0;

/** Bytes that an answer may have. A broker sends at least one batch, however large. */
const ANSWER_MAX_BYTES = 128 * 1024 * 1024;
/** Transactions that were given up, in what an answer has of one partition. More take too much memory. */
const ABORTED_MAX = 100_000;

/** What is asked for. */
export interface WantedRecords extends TopicPartition {
  /** Undefined: brokers do not tell the ids of topics. */
  readonly topicId: string | undefined;
  readonly offset: number;
  /** The epoch of the leader that has written the record before; left out: {@link UNKNOWN_EPOCH}. */
  readonly epochBefore?: number;
}

export interface FetchLimits {
  /** How long the broker may wait for the first record. */
  readonly waitMs: number;
  /** Bytes of records, as they are stored. */
  readonly maxBytes: number;
  readonly partitionMaxBytes: number;
}

/** A transaction that was given up. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** What a broker has of a partition. */
export interface FetchedRecords {
  /** 0: none. */
  readonly error: number;
  /** One past the last record. */
  readonly end: number;
  /** Where readers of committed records stop: the oldest open transaction begins there, or it is the end. */
  readonly stableEnd: number;
  readonly aborted: readonly AbortedTransaction[];
  /**
   * Where the partition begins to differ from the one that had the record before, by its epoch. Undefined: it
   * is the same, or that cannot be told.
   */
  readonly divergedAt?: number | undefined;
  /** Whole batches of records, and perhaps the beginning of another. */
  readonly batches: Uint8Array;
}

/** What a broker answers. */
export interface FetchAnswer {
  /** In the order in which they were asked for; undefined: the answer says nothing about that one. */
  readonly records: readonly (FetchedRecords | undefined)[];
  /** How long the broker reads nothing more from this client, which has used up its quota. */
  readonly throttleMs: number;
}

/** Fetches records of partitions that a broker leads. @throws {SourceError} */
export async function fetchRecords(
  connection: BrokerConnection,
  wanted: readonly WantedRecords[],
  { waitMs, maxBytes, partitionMaxBytes }: FetchLimits,
  subject: string,
): Promise<FetchAnswer> {
  // From version 13 on topics are asked for by their ids, so that nothing comes of one that was made anew.
  const hasIds = wanted.every(({ topicId }) => topicId !== undefined);
  const version = hasIds ? connection.versionOf(FETCH, 5, 11, 13) : connection.versionOf(FETCH, 5, 11);
  const nameOf = ({ topic, topicId }: WantedRecords) => version >= 13 ? topicId! : topic;
  const found = new Map<string, FetchedRecords>();
  const throttleMs = await connection.request(FETCH, version, (writer) => {
    writer.int32(-1).int32(waitMs).int32(1).int32(maxBytes).int8(READ_COMMITTED);
    if (version >= 7) writer.int32(0).int32(-1);
    writer.array(byTopic(wanted), (partitions) => {
      const [first] = partitions;
      if (version >= 13) writer.uuid(first!.topicId!);
      else writer.string(first!.topic);
      writer.array(partitions, ({ epochBefore = UNKNOWN_EPOCH, partition, offset }) => {
        writer.int32(partition);
        if (version >= 9) writer.int32(-1);
        writer.int64(offset);
        if (version >= 12) writer.int32(epochBefore);
        writer.int64(-1).int32(partitionMaxBytes).end();
      });
      writer.end();
    });
    if (version >= 7) writer.array([], () => {});
    if (version >= 11) writer.string("");
    writer.end();
  }, (reader) => {
    const throttle = reader.int32();
    if (version >= 7) {
      const error = reader.int16();
      if (error !== 0) throw brokerError(subject, error);
      reader.int32();
    }
    reader.array(() => {
      const topic = version >= 13 ? reader.uuid() : reader.string();
      reader.array(() => {
        const partition = reader.int32();
        const error = reader.int16();
        const end = reader.int64();
        const stableEnd = reader.int64();
        reader.int64();
        const aborted = reader.array(() => {
          const transaction = { producerId: reader.int64(), firstOffset: reader.int64() };
          reader.end();
          return transaction;
        }, ABORTED_MAX);
        if (version >= 11) reader.int32();
        const batches = reader.block() ?? new Uint8Array(0);
        const divergedAt = readDivergence(reader);
        found.set(`${topic}/${partition}`, { error, end, stableEnd, aborted, divergedAt, batches });
      });
      reader.end();
    });
    return throttle;
  }, { maxBytes: ANSWER_MAX_BYTES, waitMs });
  return { records: wanted.map((one) => found.get(`${nameOf(one)}/${one.partition}`)), throttleMs };
}

/** Reads the end of what an answer has of a partition. */
function readDivergence(reader: WireReader): number | undefined {
  let offset = -1;
  reader.end((tag, field) => {
    if (tag !== DIVERGING_EPOCH) return;
    field.int32();
    offset = field.int64();
  });
  return offset < 0 ? undefined : offset;
}

function byTopic(wanted: readonly WantedRecords[]): WantedRecords[][] {
  const topics = new Map<string, WantedRecords[]>();
  for (const one of wanted) {
    const partitions = topics.get(one.topic);
    if (partitions === undefined) topics.set(one.topic, [one]);
    else partitions.push(one);
  }
  return [...topics.values()];
}
