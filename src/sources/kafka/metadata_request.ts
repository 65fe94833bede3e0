import type { Api, BrokerAddress, BrokerConnection } from "./broker_connection.ts";
import { brokerError, isOfUnknownTopic } from "./kafka_errors.ts";

const METADATA: Api = { key: 3, flexibleFrom: 9 };

/** What is known of brokers and topics. */
export interface ClusterMetadata {
  /** By the number of the broker. */
  readonly brokers: ReadonlyMap<number, BrokerAddress>;
  /** Topics that are there, by their names. */
  readonly topics: ReadonlyMap<string, TopicMetadata>;
}

export interface TopicMetadata {
  /** Another one where the topic was deleted and made again; undefined: the brokers are too old for that. */
  readonly id: string | undefined;
  /** The number of the broker that leads each partition, by the number of the partition; -1: none does. */
  readonly leaders: readonly number[];
}

/** @param subject What errors are about. @throws {SourceError} */
export function requestMetadata(
  connection: BrokerConnection,
  topics: readonly string[],
  subject: string,
): Promise<ClusterMetadata> {
  const version = connection.versionOf(METADATA, 5, 10, 12);
  return connection.request(METADATA, version, (writer) => {
    writer.array(topics, (topic) => {
      if (version >= 10) writer.raw(new Uint8Array(16));
      writer.string(topic).end();
    });
    // No topic is to be made by asking for it.
    writer.boolean(false);
    if (version >= 8 && version <= 10) writer.boolean(false);
    if (version >= 8) writer.boolean(false);
    writer.end();
  }, (reader) => {
    reader.int32();
    const brokers = reader.array(() => {
      const node = reader.int32();
      const address = { host: reader.string() ?? "", port: reader.int32() };
      reader.string();
      reader.end();
      return [node, address] as const;
    });
    reader.string();
    reader.int32();
    const found = reader.array(() => {
      const error = reader.int16();
      const name = reader.string() ?? "";
      const id = version >= 10 ? reader.uuid() : undefined;
      reader.boolean();
      const leaders: number[] = [];
      reader.array(() => {
        reader.int16();
        const partition = reader.int32();
        const leader = reader.int32();
        if (version >= 7) reader.int32();
        for (let lists = 0; lists < 3; lists++) reader.array(() => reader.int32());
        reader.end();
        if (partition >= 0 && partition < PARTITIONS_MAX) leaders[partition] = leader;
      });
      if (version >= 8) reader.int32();
      reader.end();
      if (error !== 0 && !isOfUnknownTopic(error) && leaders.length === 0) {
        throw brokerError(`${subject}, topic ${name}`, error);
      }
      return [name, { id, leaders: Array.from(leaders, (leader) => leader ?? -1) }] as const;
    });
    return {
      brokers: new Map(brokers),
      topics: new Map(found.filter(([, { leaders }]) => leaders.length > 0)),
    };
  });
}

/** More than a cluster holds. A greater number is a fault. */
const PARTITIONS_MAX = 1_000_000;
