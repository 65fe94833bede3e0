import type { Api, BrokerConnection } from "./broker_connection.ts";
import type { ServerAddress } from "../../platform/net/server_socket.ts";
import { WireFault } from "../../platform/kafka/wire_reader.ts";
import { brokerError } from "./kafka_errors.ts";
import { readAddress } from "./metadata_request.ts";

const LIST_OFFSETS: Api = { key: 2, flexibleFrom: 6 };
const OFFSET_COMMIT: Api = { key: 8, flexibleFrom: 8 };
const OFFSET_FETCH: Api = { key: 9, flexibleFrom: 6 };
const FIND_COORDINATOR: Api = { key: 10, flexibleFrom: 3 };

const READ_COMMITTED = 1;

/** Which offset of a partition is asked for; `end`: where readers of committed records stop. */
const WANTED = { oldest: -2, end: -1 } as const;

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/**
 * The offsets of partitions that a broker leads, in their order; where there is none, the number of the
 * error.
 *
 * @throws {SourceError}
 */
export async function listOffsets(
  connection: BrokerConnection,
  partitions: readonly TopicPartition[],
  wanted: keyof typeof WANTED,
): Promise<({ readonly offset: number } | { readonly error: number })[]> {
  const version = connection.versionOf(LIST_OFFSETS, 2);
  const byName = new Map<string, { readonly offset: number } | { readonly error: number }>();
  await connection.request(LIST_OFFSETS, version, (writer) => {
    writer.int32(-1).int8(READ_COMMITTED);
    writer.array(
      partitions,
      ({ topic, partition }) =>
        writer.string(topic).array([partition], (number) => writer.int32(number).int64(WANTED[wanted])),
    );
  }, (reader) => {
    reader.int32();
    reader.array(() => {
      const topic = reader.string();
      reader.array(() => {
        const partition = reader.int32();
        const error = reader.int16();
        reader.int64();
        const offset = reader.int64();
        if (error === 0 && offset < 0) throw new WireFault(`has ${offset} as an offset`);
        byName.set(`${topic}/${partition}`, error === 0 ? { offset } : { error });
      });
    });
  });
  const UNKNOWN_PARTITION = 3;
  return partitions.map(({ topic, partition }) =>
    byName.get(`${topic}/${partition}`) ?? { error: UNKNOWN_PARTITION }
  );
}

/** The broker that keeps the offsets of a group. @throws {SourceError} */
export function findCoordinator(connection: BrokerConnection, group: string): Promise<ServerAddress> {
  const version = connection.versionOf(FIND_COORDINATOR, 1);
  return connection.request(
    FIND_COORDINATOR,
    version,
    (writer) => writer.string(group).int8(0),
    (reader) => {
      reader.int32();
      const error = reader.int16();
      reader.string();
      reader.int32();
      if (error !== 0) throw brokerError(`the group ${group}`, error);
      return readAddress(reader);
    },
  );
}

/** An offset of a group, with what whoever has committed it says of it. */
export interface CommittedOffset extends TopicPartition {
  readonly offset: number;
  /** Undefined: nothing. */
  readonly metadata?: string;
}

/** What a group has committed, in the order of the partitions; offset -1: nothing. @throws {SourceError} */
export async function fetchOffsets(
  connection: BrokerConnection,
  group: string,
  partitions: readonly TopicPartition[],
): Promise<{ readonly offset: number; readonly metadata: string | undefined }[]> {
  const version = connection.versionOf(OFFSET_FETCH, 2);
  const found = new Map<string, { readonly offset: number; readonly metadata: string | undefined }>();
  await connection.request(OFFSET_FETCH, version, (writer) => {
    writer.string(group);
    writer.array(
      partitions,
      ({ topic, partition }) => writer.string(topic).array([partition], (number) => writer.int32(number)),
    );
  }, (reader) => {
    reader.array(() => {
      const topic = reader.string();
      reader.array(() => {
        const name = `${topic}/${reader.int32()}`;
        const offset = reader.int64();
        const metadata = reader.string();
        const error = reader.int16();
        if (error !== 0) throw brokerError(`the group ${group}, partition ${name}`, error);
        found.set(name, { offset, metadata });
      });
    });
    const error = reader.int16();
    if (error !== 0) throw brokerError(`the group ${group}`, error);
  });
  return partitions.map(({ topic, partition }) => {
    const one = found.get(`${topic}/${partition}`);
    // What is left out of the answer is not the same as what the group does not have.
    if (one === undefined) throw brokerError(`the group ${group}, partition ${topic}/${partition}`, 3);
    return one;
  });
}

/** Commits offsets of a group without members. @throws {SourceError} */
export function commitOffsets(
  connection: BrokerConnection,
  group: string,
  offsets: readonly CommittedOffset[],
): Promise<void> {
  const version = connection.versionOf(OFFSET_COMMIT, 2);
  return connection.request(OFFSET_COMMIT, version, (writer) => {
    // No generation and no member: nobody has joined the group. How long they are kept is the broker's
    // default.
    writer.string(group).int32(-1).string("").int64(-1);
    writer.array(
      offsets,
      ({ topic, partition, offset, metadata }) =>
        writer.string(topic).array(
          [partition],
          (number) => writer.int32(number).int64(offset).string(metadata),
        ),
    );
  }, (reader) => {
    reader.array(() => {
      const topic = reader.string();
      reader.array(() => {
        const partition = reader.int32();
        const error = reader.int16();
        if (error !== 0) throw brokerError(`the group ${group}, partition ${topic}/${partition}`, error);
      });
    });
  });
}
