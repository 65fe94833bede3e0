import { type Clock, systemClock } from "../platform/clock/clock.ts";
import type { Config } from "../settings/config.ts";
import { concealing } from "../settings/redaction.ts";
import type { SinkConfig } from "../settings/configured.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { DeliveryOptions } from "../delivery/delivery.ts";
import type { ReadableSink, Sink } from "../contract/sink.ts";
import type { Changing, MetricsOutlet } from "../contract/connector.ts";
import type { Source } from "../contract/source.ts";
import { DEAD_LETTER_BOUND, type DeadLetterBound } from "../state/letters/dead_letter_bound.ts";
import { FigureHistory } from "../state/figures/figure_history.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { BUILT_AT_MS } from "../version.ts";
import { type MachineUsage, machineUsage } from "../platform/process/machine_usage.ts";
import type { OpenState } from "./core.ts";
import { type Naming, toldLogger } from "./told.ts";
import { toldSink } from "./told_sink.ts";
import { toldOutlet, toldSource } from "./told_source.ts";
import { REGISTRY, type Registry } from "./registry.ts";

/** The outlet of the handler's own metrics, and the function that gives it another configuration. */
export type ChangingOutlet = Changing<MetricsOutlet, Config>;

/**
 * The surroundings of a handler: time, randomness, disk, buses and sinks. They are parameters, so that a
 * whole run can be simulated.
 */
export interface Surroundings {
  readonly clock: Clock;
  /** When the program was built, Unix ms; undefined: not known. */
  readonly builtAtMs: number | undefined;
  readonly random: () => number;
  readonly openState: OpenState;
  readonly deadLetterBound: DeadLetterBound;
  /** See {@link CoreOptions.rowsAStep}; left out: the usual one. */
  readonly rowsAStep?: number;
  /** What the process uses of the machine; left out: there is no real one. */
  readonly machine?: () => MachineUsage;
  /** Opens the history of figures, once the state directory is held; left out: none is kept. */
  readonly openFigures?: () => FigureHistory;
  /** Opens a view of the state, for those who look at it beside the work; left out: nobody does. */
  readonly openView?: () => StateDatabase;
  readonly sources: readonly Source[];
  /** The outlet of the handler's own metrics; undefined: none. */
  readonly outlet?: () => Promise<ChangingOutlet | undefined>;
  readonly sinks: readonly Sink[];
  readonly delivery: DeliveryOptions;
  /**
   * Applies another configuration to the buses, and returns new sinks for those whose settings differ.
   * Undefined: nothing outside ever changes.
   */
  readonly change?: (inForce: Config, next: Config) => Promise<readonly Sink[]>;
}

/** How the buses are read. */
interface ReadingManner {
  /** Whether the handler reads what there is and ends. */
  readonly endsWhenRead?: boolean | undefined;
  /** See `takeOver` in the options of a handler. */
  readonly takesOver?: boolean | undefined;
}

/**
 * The real surroundings, by the configuration. Connects to nothing yet.
 */
export async function systemSurroundings(
  config: Config,
  logger: Logger,
  registry: Registry = REGISTRY,
  how: ReadingManner = {},
): Promise<Surroundings> {
  let conceal = discretionOf(config);
  const sources = await changingSources(config, registry, how, (text) => conceal(text));
  const sinks = await createSinks(config, logger, registry);
  return {
    clock: systemClock,
    builtAtMs: BUILT_AT_MS,
    random: Math.random,
    openState: StateDatabase.open,
    deadLetterBound: DEAD_LETTER_BOUND,
    machine: () => machineUsage(config.stateDir),
    openFigures: () => FigureHistory.open(config.stateDir, logger.child("figures")),
    openView: () => StateDatabase.view(config.stateDir),
    sources: sources.map(({ part }) => part),
    outlet: () => createOutlet(config, registry, (text) => conceal(text)),
    sinks,
    delivery: { batchMaxAggregates: 20_000, attemptTimeoutMs: 70_000 },
    change: async (inForce, next) => {
      const settingsOf = ({ sinks }: Config, id: string) =>
        JSON.stringify(sinks.find((sink) => sink.id === id));
      const changed = next.sinks.filter(({ id }) => settingsOf(next, id) !== settingsOf(inForce, id));
      const newSinks = await createSinks({ ...next, sinks: changed }, logger, registry);
      // What is under way may still fail with a secret of before.
      const [before, after] = [discretionOf(inForce), discretionOf(next)];
      conceal = (text) => after(before(text));
      sources.forEach(({ change }, bus) => change(next.sources[bus]!.options));
      return newSinks;
    },
  };
}

/** The source of each bus, in the order of the configuration. Connects to nothing yet. */
export async function createSources(config: Config, registry: Registry): Promise<Source[]> {
  return (await changingSources(config, registry, {}, discretionOf(config))).map(({ part }) => part);
}

function changingSources(
  config: Config,
  registry: Registry,
  { endsWhenRead = false, takesOver = false }: ReadingManner,
  conceal: Naming,
) {
  const { sources, instanceId: instance, share, stateDir } = config;
  const common = { instance, share, takesOver, stateDir, endsWhenRead };
  return Promise.all(
    sources.map(async (source) => {
      const created = await registry.source(source).create(source.options, { name: source.name, ...common });
      return { ...created, part: toldSource(created.part, conceal) };
    }),
  );
}

/** The function that removes the secrets of the settings from what servers say. */
function discretionOf({ secrets, settings }: Config): Naming {
  return concealing(secrets, settings.flatMap(({ value }) => value ?? []));
}

/**
 * The outlet of the handler's own metrics, which is the first bus that takes any; undefined: none does.
 * Connects to nothing yet.
 */
export async function createOutlet(
  config: Config,
  registry: Registry,
  conceal: Naming = discretionOf(config),
): Promise<ChangingOutlet | undefined> {
  for (const [bus, source] of config.sources.entries()) {
    const outlet = await registry.source(source).outlet?.(source.options);
    if (outlet !== undefined) {
      const { part, change } = toldOutlet(outlet, conceal);
      return { part, change: (next) => change(next.sources[bus]!.options) };
    }
  }
  return undefined;
}

/** The sinks of `STORAGE_TYPE`. Connects to nothing yet. */
export function createSinks(config: Config, logger: Logger, registry: Registry): Promise<Sink[]> {
  return Promise.all(config.sinks.map((sink) => createSink(sink, config, logger, registry)));
}

/**
 * The sinks whose rows can be read back. Connects to nothing yet.
 *
 * @param scanned Kinds of sinks that are read although that means reading everything in them.
 */
export async function readableSinks(
  config: Config,
  logger: Logger,
  registry: Registry,
  scanned: readonly string[],
): Promise<ReadableSink[]> {
  const sinks = await createSinks(config, logger, registry);
  return sinks.filter((sink, index) =>
    isReadable(sink) && (sink.readBack.cost === "cheap" || scanned.includes(config.sinks[index]!.kind))
  ) as ReadableSink[];
}

function isReadable(sink: Sink): sink is ReadableSink {
  return sink.readBack !== undefined;
}

async function createSink(
  sink: SinkConfig,
  config: Config,
  logger: Logger,
  registry: Registry,
): Promise<Sink> {
  const { id, kind, options } = sink;
  const create = (own: Logger) =>
    registry.sink(sink).create(options, { id, instance: config.instanceId, logger: own });
  const named = id === kind ? (text: string) => text : registry.namesOf(sink);
  const conceal = discretionOf(config);
  const naming = (text: string) => conceal(named(text));
  return toldSink(await create(toldLogger(logger.child(id), naming)), naming);
}
