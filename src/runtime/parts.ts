import { type Clock, systemClock } from "../platform/clock/clock.ts";
import type { Config, SinkConfig } from "../settings/config.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { DeliveryOptions } from "../delivery/delivery.ts";
import type { ProvablePlace, Sink } from "../contract/sink.ts";
import type { SinkSurroundings } from "../contract/connector.ts";
import { type BusAddress, BusConnection } from "../sources/vabus/bus_connection.ts";
import { LogClient } from "../sources/vabus/log_client.ts";
import { LogSource } from "../sources/vabus/log_source.ts";
import { QueueClient } from "../sources/vabus/queue_client.ts";
import { QueueSource } from "../sources/vabus/queue_source.ts";
import type { Source } from "../contract/source.ts";
import { LETTER_BOUND, type LetterBound } from "../state/letters/letter_bound.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { BUILT_AT_MS } from "../version.ts";
import type { OpenState } from "./core.ts";
import { withOwnNames } from "./own_names.ts";
import { REGISTRY, type Registry } from "./registry.ts";

/** The world around a handler: time, chance, disk, buses and sinks, so that a whole run can be simulated. */
export interface Surroundings {
  readonly clock: Clock;
  /** When the program was built, Unix ms; undefined: not known. */
  readonly builtAtMs: number | undefined;
  readonly random: () => number;
  readonly openState: OpenState;
  readonly letterBound: LetterBound;
  readonly sources: readonly Source[];
  readonly sinks: readonly Sink[];
  readonly delivery: DeliveryOptions;
  /**
   * Speaks to the buses as another configuration says, and answers the sinks whose settings differ in it. Undefined: what is outside
   * never changes.
   */
  readonly change?: (inForce: Config, next: Config) => readonly Sink[];
}

/** The real world, by the configuration. Connects to nothing yet. */
export function systemSurroundings(
  config: Config,
  logger: Logger,
  registry: Registry = REGISTRY,
): Surroundings {
  const connections = createConnections(config);
  return {
    clock: systemClock,
    builtAtMs: BUILT_AT_MS,
    random: Math.random,
    openState: StateDatabase.open,
    letterBound: LETTER_BOUND,
    sources: sourcesOver(connections, config),
    sinks: createSinks(config, logger, registry),
    delivery: { batchMaxAggregates: 20_000, attemptTimeoutMs: 70_000 },
    change: (inForce, next) => {
      connections.forEach((connection, bus) => connection.change(addressOf(next, next.vabus.urls[bus]!)));
      const settingsOf = ({ sinks }: Config, id: string) =>
        JSON.stringify(sinks.find((sink) => sink.id === id));
      const changed = next.sinks.filter(({ id }) => settingsOf(next, id) !== settingsOf(inForce, id));
      return createSinks({ ...next, sinks: changed }, logger, registry);
    },
  };
}

/** How one of the buses is spoken to. */
export function addressOf({ vabus }: Config, url: string): BusAddress {
  const { token, tls, proxies, urls } = vabus;
  return { url, proxy: proxies[url], token, tls, busCount: urls.length };
}

/** The source of each bus, in the order of the configuration. Connects to nothing yet. */
export function createSources(config: Config): Source[] {
  return sourcesOver(createConnections(config), config);
}

function createConnections(config: Config): BusConnection[] {
  return config.vabus.urls.map((url) => new BusConnection(addressOf(config, url)));
}

function sourcesOver(connections: readonly BusConnection[], config: Config): Source[] {
  return connections.map((connection) =>
    config.vabus.mode === "queue"
      ? new QueueSource(new QueueClient(connection))
      : new LogSource(new LogClient(connection, config.instanceId))
  );
}

/** The sinks of `STORAGE_TYPE`. Connects to nothing yet. */
export function createSinks(config: Config, logger: Logger, registry: Registry): Sink[] {
  return config.sinks.map((sink) =>
    named(registry.sink(sink).create(sink.options, surroundingsOf(sink, config, logger)), sink, registry)
  );
}

/**
 * Where the rows of the sinks can be read back.
 *
 * @param scanned Kinds of sinks that are read although all that they hold has to be: that takes as long as it is.
 */
export function provablePlaces(
  config: Config,
  logger: Logger,
  registry: Registry,
  scanned: readonly string[],
): ProvablePlace[] {
  return config.sinks.flatMap((sink) => {
    const { proof } = registry.sink(sink);
    if (proof === undefined || (proof.isScan && !scanned.includes(sink.kind))) return [];
    return [named(proof.place(sink.options, surroundingsOf(sink, config, logger)), sink, registry)];
  });
}

function surroundingsOf(sink: SinkConfig, { instanceId }: Config, logger: Logger): SinkSurroundings {
  const { id, kind } = sink;
  return { name: id, isNamedByKind: id === kind, instance: instanceId, logger: logger.child(id) };
}

function named<T extends object>(part: T, sink: SinkConfig, registry: Registry): T {
  return sink.id === sink.kind ? part : withOwnNames(part, registry.namesOf(sink));
}
