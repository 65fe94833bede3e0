import { type Clock, systemClock } from "../platform/clock/clock.ts";
import type { Config, KafkaConfig, SinkConfig, TlsConfig } from "../settings/config.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { DeliveryOptions } from "../delivery/delivery.ts";
import { KafkaSink } from "../sinks/kafka/kafka_sink.ts";
import { KafkaTopic, type KafkaTopicOptions } from "../sinks/kafka/kafka_topic.ts";
import { PostgresSink } from "../sinks/postgres/postgres_sink.ts";
import type { ProvablePlace, Sink } from "../contract/sink.ts";
import { SqliteSink } from "../sinks/sqlite/sqlite_sink.ts";
import { StdoutSink } from "../sinks/stdout/stdout_sink.ts";
import { type BusAddress, BusConnection } from "../sources/vabus/bus_connection.ts";
import { LogClient } from "../sources/vabus/log_client.ts";
import { QueueClient, type QueueSource } from "../sources/vabus/queue_client.ts";
import type { Source } from "../contract/source.ts";
import { LETTER_BOUND, type LetterBound } from "../state/letters/letter_bound.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { BUILT_AT_MS } from "../version.ts";
import type { OpenState } from "./core.ts";

/** A source of either kind. */
export type BusClient = Source | QueueSource;

/** The world around a handler: time, chance, disk, buses and sinks, so that a whole run can be simulated. */
export interface Surroundings {
  readonly clock: Clock;
  /** When the program was built, Unix ms; undefined: not known. */
  readonly builtAtMs: number | undefined;
  readonly random: () => number;
  readonly openState: OpenState;
  readonly letterBound: LetterBound;
  readonly sources: readonly BusClient[];
  readonly sinks: readonly Sink[];
  readonly delivery: DeliveryOptions;
  /**
   * Speaks to the buses as another configuration says, and answers the sinks whose settings differ in it. Undefined: what is outside
   * never changes.
   */
  readonly change?: (inForce: Config, next: Config) => readonly Sink[];
}

/** The real world, by the configuration. Connects to nothing yet. */
export function systemSurroundings(config: Config, logger: Logger): Surroundings {
  const connections = createConnections(config);
  return {
    clock: systemClock,
    builtAtMs: BUILT_AT_MS,
    random: Math.random,
    openState: StateDatabase.open,
    letterBound: LETTER_BOUND,
    sources: sourcesOver(connections, config),
    sinks: createSinks(config, logger),
    delivery: { batchMaxAggregates: 5000, attemptTimeoutMs: 70_000 },
    change: (inForce, next) => {
      connections.forEach((connection, bus) => connection.change(addressOf(next, next.vabus.urls[bus]!)));
      const settingsOf = ({ sinks }: Config, name: string) =>
        JSON.stringify(sinks.find((sink) => sink.name === name));
      const changed = next.sinks.filter(({ name }) => settingsOf(next, name) !== settingsOf(inForce, name));
      return createSinks({ ...next, sinks: changed }, logger);
    },
  };
}

/** How one of the buses is spoken to. */
export function addressOf({ vabus }: Config, url: string): BusAddress {
  const { token, tls, proxies, urls } = vabus;
  return { url, proxy: proxies[url], token, tls, busCount: urls.length };
}

/** The source of each bus, in the order of the configuration. Connects to nothing yet. */
export function createSources(config: Config): BusClient[] {
  return sourcesOver(createConnections(config), config);
}

function createConnections(config: Config): BusConnection[] {
  return config.vabus.urls.map((url) => new BusConnection(addressOf(config, url)));
}

function sourcesOver(connections: readonly BusConnection[], config: Config): BusClient[] {
  return connections.map((connection) =>
    config.vabus.mode === "queue" ? new QueueClient(connection) : new LogClient(connection, config.instanceId)
  );
}

/** The sinks of `STORAGE_TYPE`. Connects to nothing yet. */
export function createSinks(config: Config, logger: Logger): Sink[] {
  return config.sinks.map((sink) => createSink(sink, config.instanceId, logger.child(sink.name)));
}

/** Where the rows of the sinks can be read back; a Kafka topic takes as long as it is, so only where asked for. */
export function provablePlaces(config: Config, logger: Logger, withKafka: boolean): ProvablePlace[] {
  return config.sinks.flatMap((sink): (Sink | ProvablePlace)[] => {
    const own = logger.child(sink.name);
    if (sink.name !== "kafka") return [createSink(sink, config.instanceId, own)];
    return withKafka ? [new KafkaTopic(kafkaOptions(sink), own)] : [];
  }).filter((place): place is ProvablePlace => "rowsOfWindow" in place);
}

function createSink(config: SinkConfig, instance: string, logger: Logger): Sink {
  switch (config.name) {
    case "kafka":
      return new KafkaSink({ ...kafkaOptions(config), instance, clock: Date.now }, logger);
    case "postgres":
      return new PostgresSink({ ...config, instance }, logger);
    case "sqlite":
      return new SqliteSink({ path: config.path, mode: config.mode, instance }, logger);
    case "stdout":
      return new StdoutSink({ instance, write: (bytes) => Deno.stdout.write(bytes) });
  }
}

function kafkaOptions(config: KafkaConfig): KafkaTopicOptions {
  const { bootstrapServers, topic, sasl, tls, delivery } = config;
  return { bootstrapServers, topic, delivery, ...(sasl && { sasl }), ...(tls && { ssl: kafkaTls(tls) }) };
}

function kafkaTls({ ca, cert, key }: TlsConfig): { ca?: string; cert?: string; key?: string } | true {
  const texts = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  return Object.keys(texts).length === 0 ? true : texts;
}
