import { compileFunctions, type FunctionRules } from "../aggregation/function_rules.ts";
import type { AggregatorOptions } from "../aggregation/aggregator_options.ts";
import { EventAggregator } from "../aggregation/event_aggregator.ts";
import type { Tier } from "../aggregation/tier.ts";
import type { Config } from "../settings/config.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { OwnClock } from "../platform/clock/own_clock.ts";
import { drawHashKey } from "../platform/random/hash_key.ts";
import { Ingest } from "../ingest/ingest.ts";
import type { IngestObserver, IngestOptions } from "../ingest/ingest_options.ts";
import type { Logger } from "../platform/log/logger.ts";
import { compileRoutes, type Routes } from "../delivery/routes.ts";
import type { NoneRule } from "../event/none_rule.ts";
import type { KeptSetting } from "../state/checkpoint/settings_in_force.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { acceptSink } from "../state/alarms.ts";
import { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import {
  addressText,
  readAddresses,
  renameSources,
  type SourceAddresses,
} from "../state/checkpoint/source_names.ts";
import { DEAD_LETTER_BOUND, type DeadLetterBound } from "../state/letters/dead_letter_bound.ts";
import { OutboxLog } from "../state/outbox/outbox_log.ts";
import { StateError } from "../state/file/state_error.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";
import type { ConfiguredSink } from "../state/outbox/registered_sink.ts";
import { StateDatabase, type StateDatabaseOptions } from "../state/file/state_database.ts";
import { WindowCloser } from "../state/checkpoint/window_closer.ts";
import { DeadLetterCounts } from "../state/letters/dead_letter_counts.ts";
import { assertShare } from "./kept_share.ts";
import { keptSettings, readersOf, settingsInForce } from "./kept_settings.ts";

/** The options of the aggregator that come from the configuration. */
type AggregatorSettings = Omit<AggregatorOptions, "hashKey">;

/** The parts between the buses and the sinks: the state and everything that is kept in it. */
export interface Core {
  readonly state: StateDatabase;
  readonly aggregator: EventAggregator;
  readonly outbox: OutboxLog;
  readonly checkpoint: Checkpoint;
  readonly ingest: Ingest;
  readonly deadLetters: DeadLetterCounts;
  readonly ownClock: OwnClock;
  /** The rules of the settings in force that drop events or aggregates, and have done so. */
  noneRules(): NoneRule[];
  /** Applies another configuration of the same buses, sinks and state, between two events. */
  change(config: Config): void;
}

export interface CoreOptions {
  /**
   * Names of the buses, in the order of the configuration. Undefined: for work between two runs, where the
   * buses, the sinks and the window length come from the state.
   */
  readonly busNames: readonly string[] | undefined;
  readonly forgetSinks: readonly string[];
  /** Sinks that the operator accepts as they are: alarms over them end, and other writers are ignored. */
  readonly acceptSinks?: readonly string[];
  /** See `takeOver` in the options of a handler. */
  readonly takesOver?: boolean;
  /** The operator who has started the handler, for the audit; undefined: it was started without orders. */
  readonly operator?: string | undefined;
  readonly clock: Clock;
  /** When the program was built, Unix ms; undefined: not known. */
  readonly builtAtMs: number | undefined;
  readonly observer: IngestObserver;
  /** Opens the state; default: as a file, locked against other processes. */
  readonly openState?: OpenState;
  readonly deadLetterBound?: DeadLetterBound;
  /** See {@link WindowCloser}. */
  readonly rowsAStep?: number | undefined;
}

/** Opens the state for writing. @throws {StateError} */
export type OpenState = (options: StateDatabaseOptions) => StateDatabase;

/** Opens the state and restores everything from the last checkpoint. @throws {StateError} */
export function openCore(config: Config, logger: Logger, options: CoreOptions): Core {
  const { clock } = options;
  const openState = options.openState ?? StateDatabase.open;
  const state = openState({
    directory: config.stateDir,
    instanceId: config.instanceId,
    isOfService: options.busNames === undefined,
  });
  if (state.putAside) {
    logger.warn("a restore that was interrupted is finished: its backup is the state now", {
      put_aside: state.putAside,
    });
  }
  try {
    const entries = readBookEntries(state);
    const addresses = addressesOf(config, options.busNames);
    for (const [earlier, bus] of renameSources(state, addresses)) {
      logger.info("a bus has another name: it goes on where it was left", { bus, earlier });
    }
    if (options.busNames !== undefined) assertShare(config, state, options.takesOver ?? false);
    const busNames = options.busNames ?? [...readAddresses(state).keys()];
    const own = settingsOf(config, busNames.length);
    const settings = options.busNames === undefined ? betweenRuns(own, entries, settingsInForce(state)) : own;
    const { correctionHorizonMs, dedupMaxIds } = settings;
    const kept = options.busNames === undefined
      ? settingsInForce(state)
      : keptSettings(config, busNames, state).set("SOURCES", addressText(state, addresses));
    const aggregator = new EventAggregator({ ...settings, hashKey: drawHashKey() });
    const endId = entries.get("outbox_end_id") ?? 0;
    const sinkNames = config.sinks.map(({ id }) => id);
    const registry = openRegistry(state, endId, config, logger, options);
    const outbox = new OutboxLog(state, registry, endId, clock.nowMs, undefined, options.acceptSinks);
    let routes = routeTable(config, sinkNames);
    const closer = new WindowCloser(state, registry, routes, options.rowsAStep);
    const deadLetterBound = options.deadLetterBound ?? DEAD_LETTER_BOUND;
    const checkpoint = new Checkpoint(state, aggregator, registry, outbox, closer, {
      correctionHorizonMs,
      dedupMaxIds,
      longestWindowMs: longestOf(settings.tiers),
      settings: kept,
      deadLetterBound,
    });
    const partitions = checkpoint.restore(busNames, clock.nowMs());
    const ownClock = new OwnClock(clock, {
      builtAtMs: options.builtAtMs,
      stateMs: () => checkpoint.latestMs,
    });
    const ingest = new Ingest(
      aggregator,
      checkpoint,
      outbox,
      busNames,
      partitions,
      ingestOptions(config, readersOf(kept.get("EVENTS"))),
      clock,
      logger.child("ingest"),
      options.observer,
      ownClock,
    );
    const change = (next: Config) => {
      aggregator.change(settingsOf(next, busNames.length));
      checkpoint.change({
        correctionHorizonMs: next.correctionHorizonMs,
        longestWindowMs: longestOf(next.intervals),
        settings: keptSettings(next, busNames, state).set("SOURCES", addressText(state, addresses)),
      });
      routes = routeTable(next, sinkNames);
      closer.reroute(routes);
      ingest.change(ingestOptions(next, new Map()));
    };
    const deadLetters = new DeadLetterCounts(state, deadLetterBound);
    const noneRules = () => [...aggregator.options.functions.noneRules, ...routes.noneRules];
    return { state, aggregator, outbox, checkpoint, ingest, deadLetters, ownClock, noneRules, change };
  } catch (error) {
    state.close();
    throw error;
  }
}

/** Sinks as they are configured; for work between two runs as the state knows them. */
function openRegistry(
  state: StateDatabase,
  endId: number,
  config: Config,
  logger: Logger,
  { acceptSinks, busNames, clock, forgetSinks, operator }: CoreOptions,
): SinkRegistry {
  const nowMs = clock.nowMs();
  const registry = busNames === undefined
    ? SinkRegistry.read(state)
    : SinkRegistry.open(state, endId, configuredSinks(config), forgetSinks, nowMs, operator);
  for (const sink of acceptSinks ?? []) accept(state, registry, sink, logger, nowMs, operator);
  return registry;
}

function accept(
  state: StateDatabase,
  registry: SinkRegistry,
  name: string,
  logger: Logger,
  nowMs: number,
  operator: string | undefined,
): void {
  if (!registry.sinks.some((sink) => sink.id === name)) {
    throw new StateError("foreign", `--accept-sink ${name}: there is no such sink in STORAGE_TYPE.`);
  }
  logger.warn("the sink is accepted as it is, by an operator's order (--accept-sink)", {
    sink: name,
    alarms_settled: acceptSink(
      state,
      name,
      registry.get(name).cursor,
      operator === undefined
        ? undefined
        : { who: operator, atMs: nowMs, action: "--accept-sink", detail: name },
    ),
  });
}

function ingestOptions(config: Config, readers: IngestOptions["readers"]): IngestOptions {
  return {
    readers,
    checkpointIntervalMs: config.checkpointIntervalMs,
    idleTimeoutMs: config.idleTimeoutMs,
    maxWaitMs: config.maxWaitMs,
    outboxMaxRows: config.outboxMaxRows,
    maxFutureSkewMs: config.maxFutureSkewMs,
  };
}

function settingsOf(config: Config, sourceCount: number): AggregatorSettings {
  return {
    sourceCount,
    tiers: config.intervals,
    allowedLatenessMs: config.allowedLatenessMs,
    correctionHorizonMs: config.correctionHorizonMs,
    maxFutureSkewMs: config.maxFutureSkewMs,
    maxSeries: config.maxSeries,
    functions: functionRules(config.functions),
    dedupMaxIds: config.dedupMaxIds,
  };
}

/**
 * A command in an operator's shell seldom has the service's settings. So the window length and the functions
 * of the service are used. Of every other setting the more generous value counts: nothing that the service
 * still needs is deleted (the archive behind the horizon, ids), while an operator may allow more.
 */
function betweenRuns(
  own: AggregatorSettings,
  entries: ReadonlyMap<string, number>,
  kept: ReadonlyMap<KeptSetting, string>,
): AggregatorSettings {
  const functions = kept.get("AGG_FUNCTIONS");
  const moreGenerous = (value: number, kept: string) => Math.max(value, entries.get(kept) ?? value);
  return {
    ...own,
    functions: functions === undefined ? own.functions : functionRules(functions),
    tiers: tiersInForce(kept, entries) ?? own.tiers,
    allowedLatenessMs: moreGenerous(own.allowedLatenessMs, "allowed_lateness_ms"),
    correctionHorizonMs: moreGenerous(own.correctionHorizonMs, "correction_horizon_ms"),
    maxSeries: moreGenerous(own.maxSeries, "max_series"),
    dedupMaxIds: moreGenerous(own.dedupMaxIds, "dedup_max_ids"),
  };
}

/** The intervals of the service's last run. The account has them as a number in states of before. */
function tiersInForce(
  kept: ReadonlyMap<KeptSetting, string>,
  entries: ReadonlyMap<string, number>,
): readonly Tier[] | undefined {
  const text = kept.get("AGGREGATION_INTERVAL");
  if (text !== undefined) return JSON.parse(text);
  const lengthMs = entries.get("window_size_ms");
  return lengthMs === undefined ? undefined : [{ lengthMs, hopMs: lengthMs }];
}

function longestOf(tiers: readonly Tier[]): number {
  return Math.max(...tiers.map(({ lengthMs }) => lengthMs));
}

/** The sinks of the configuration, as the state knows them. */
export function configuredSinks({ sinks }: Config): ConfiguredSink[] {
  return sinks.map(({ id, kind }) => ({ id, kind }));
}

/** Undefined names: for work between two runs, none is configured. */
function addressesOf({ sources }: Config, busNames: readonly string[] = []): SourceAddresses {
  return new Map(busNames.map((name, bus) => {
    const own = sources[bus];
    return [name, own?.name === undefined ? name : own.address.replace(/\/+$/, "")];
  }));
}

function functionRules(text: string): FunctionRules {
  const compiled = compileFunctions(text);
  if ("faults" in compiled) throw new Error(compiled.faults.join("; "));
  return compiled.ok;
}

function routeTable(config: Config, sinkNames: readonly string[]): Routes {
  const compiled = compileRoutes(config.routes, sinkNames, config.intervals);
  if ("faults" in compiled) throw new Error(compiled.faults.join("; "));
  return compiled.ok;
}
