import { isIP } from "node:net";
import { WireFault, type WireReader } from "../../platform/kafka/wire_reader.ts";
import type { Api, BrokerConnection } from "./broker_connection.ts";
import type { ServerAddress } from "../../platform/net/server_socket.ts";
import { brokerError, isOfUnknownTopic } from "./kafka_errors.ts";
import type { TopicPartition } from "./offset_requests.ts";

const METADATA: Api = { key: 3, flexibleFrom: 9 };

/** More than a cluster and a topic have. A greater number is a fault, and would take memory. */
const BROKERS_MAX = 10_000;
const PARTITIONS_MAX = 100_000;

const HOST_NAME = /^[\p{L}\p{N}_](?:[\p{L}\p{N}._-]{0,253})$/u;

/** What is known of brokers and topics. */
export interface ClusterMetadata {
  /** By the number of the broker. */
  readonly brokers: ReadonlyMap<number, ServerAddress>;
  /** Topics that are there, by their names. */
  readonly topics: ReadonlyMap<string, TopicMetadata>;
}

export interface TopicMetadata {
  /** Another one where the topic was deleted and made again; undefined: the brokers are too old for that. */
  readonly id: string | undefined;
  /** The number of the broker that leads each partition, by the number of the partition; -1: none does. */
  readonly leaders: readonly number[];
  /** Which of the leaders of a partition it is, counted by the cluster; -1: the brokers are too old. */
  readonly epochs: readonly number[];
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
      const address = readAddress(reader);
      reader.string();
      reader.end();
      return [node, address] as const;
    }, BROKERS_MAX);
    reader.string();
    reader.int32();
    const found = reader.array(() => {
      const error = reader.int16();
      const name = reader.string() ?? "";
      const id = version >= 10 ? reader.uuid() : undefined;
      reader.boolean();
      const leaders: number[] = [];
      const epochs: number[] = [];
      reader.array(() => {
        reader.int16();
        const partition = reader.int32();
        const leader = reader.int32();
        const epoch = version >= 7 ? reader.int32() : -1;
        for (let lists = 0; lists < 3; lists++) reader.array(() => reader.int32());
        reader.end();
        if (partition < 0 || partition >= PARTITIONS_MAX) {
          throw new WireFault(`names a partition ${partition}`);
        }
        leaders[partition] = leader;
        epochs[partition] = epoch;
      }, PARTITIONS_MAX);
      if (version >= 8) reader.int32();
      reader.end();
      if (error !== 0 && !isOfUnknownTopic(error) && leaders.length === 0) {
        throw brokerError(`${subject}, topic ${name}`, error);
      }
      for (let partition = 0; partition < leaders.length; partition++) {
        if (leaders[partition] === undefined) {
          throw new WireFault(`names no partition ${partition}, but a later one`);
        }
      }
      return [name, { id, leaders, epochs }] as const;
    });
    return {
      brokers: new Map(brokers),
      topics: new Map(found.filter(([, { leaders }]) => leaders.length > 0)),
    };
  });
}

/** Where a broker says that a broker listens. @throws {WireFault} It is no address. */
export function readAddress(reader: WireReader): ServerAddress {
  const address = { host: reader.string() ?? "", port: reader.int32() };
  const { host, port } = address;
  if ((HOST_NAME.test(host) || isIP(host) !== 0) && port >= 1 && port <= 65_535) return address;
  const said = JSON.stringify(host.slice(0, 80));
  throw new WireFault(`names a broker at ${said}, port ${port}: set its advertised.listeners to host:port`);
}

/** All partitions of the topics that are there. */
export function partitionsIn({ topics }: ClusterMetadata): TopicPartition[] {
  return [...topics].flatMap(([topic, { leaders }]) => leaders.map((_, partition) => ({ topic, partition })));
}
