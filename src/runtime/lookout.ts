import type { Extent } from "../contract/source.ts";
import type { EventAggregator } from "../aggregation/event_aggregator.ts";
import { lengthOf } from "../aggregation/tier.ts";
import { addTo } from "../state/outbox/sink_tiers.ts";
import type { Router } from "../delivery/router.ts";
import type { SeriesTroubles } from "../ingest/series_troubles.ts";
import type { SourceState } from "../ingest/partition_state.ts";
import type { Watermark } from "../aggregation/watermark.ts";
import type { Config } from "../settings/config.ts";
import type { MachineUsage } from "../platform/process/machine_usage.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { readAlarms } from "../state/alarms.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { offsetOf } from "../state/checkpoint/partitions.ts";
import { readOutages } from "../state/outages.ts";
import type { Pause } from "../state/pauses.ts";
import type { StandingNote } from "../state/standing_note.ts";
import type { Core } from "./core.ts";
import type { Activity, MetricCollector } from "./metric_collector.ts";
import { type Note, notesOf } from "./notes.ts";
import { busSubject, sinkSubject } from "./outage_watch.ts";
import type { LiveBusOverview, LiveOverview, Overview } from "./overview.ts";
import { causesOf } from "./readiness.ts";
import { Renames } from "./renames/renames.ts";

/** The parts that are read from the disk, also for a running handler. */
type Stored = Pick<LiveOverview, "checkpointMs" | "alarms" | "outages" | "deadLetters">;

/** A source with more partitions than that does not have them noted. */
const NOTED_PARTITIONS_MAX = 1000;

/** What is looked at beside the parts of the handler. */
export interface Circumstances {
  readonly pauses: () => readonly Pause[];
  readonly troubles: SeriesTroubles;
  readonly config: () => Pick<Config, "outboxMaxRows" | "certificates" | "maxFutureSkewMs">;
  /** Undefined: there is no real machine. */
  readonly machine: (() => MachineUsage) | undefined;
}

/** Reads the state of a running handler's parts. */
export class Lookout {
  /** Whether the handler is stopping, so that nothing more is fetched. */
  isStopping = false;
  /** Filled by who watches the series. */
  readonly renames = new Renames();
  /** Read once, since the overview is also needed while the state cannot be read. */
  private readonly identity: Pick<Overview, "instance" | "stateId" | "stateFile">;

  constructor(
    private readonly core: Core,
    private readonly router: Router,
    private readonly metrics: MetricCollector,
    private readonly clock: Clock,
    private readonly circumstances: Circumstances,
  ) {
    const { instanceId: instance, stateId, path: stateFile } = core.state;
    this.identity = { instance, stateId, stateFile };
    metrics.begin(
      this.counts(),
      core.ingest.sources.map(({ name }) => name),
      router.standings().map(({ id }) => id),
    );
  }

  look(): LiveOverview {
    const { circumstances, core: { aggregator, ingest, outbox, ownClock, state }, router } = this;
    const { watermark, windows } = aggregator;
    const { certificates, maxFutureSkewMs, outboxMaxRows } = circumstances.config();
    const counts = this.counts();
    const activity = this.metrics.activity(counts);
    const stored = storedIn(this.core);
    // An outage may be older than the process.
    const sinceOf = (subject: string, liveMs: number | undefined) =>
      liveMs && (stored.outages.find((outage) => outage.subject === subject)?.sinceMs ?? liveMs);
    return {
      nowMs: this.clock.nowMs(),
      ...this.identity,
      stateBytes: state.sizeBytes(),
      ...stored,
      watermarkMs: known(watermark.valueMs),
      counts,
      openWindows: windows.windowCount,
      openByLength: openByLength(aggregator),
      openSeries: windows.seriesCount,
      outboxEndId: outbox.endId(),
      outboxRows: outbox.pendingCount(),
      buses: ingest.sources.map((source) => ({
        ...busOverview(source, watermark),
        failingSinceMs: sinceOf(busSubject(source.name), source.failingSinceMs),
      })),
      sinks: router.standings().map(({ id, ...standing }) => ({
        name: id,
        ...standing,
        failingSinceMs: sinceOf(sinkSubject(id), standing.failingSinceMs),
        cursor: outbox.cursor(id),
        waitingSinceMs: readable(() => outbox.oldestWaitingMs(id)),
      })),
      refusalAlarms: ingest.refusalAlarms,
      isStopping: this.isStopping,
      obstacle: ingest.obstacle,
      isIdle: watermark.allIdle(),
      outboxMaxRows,
      clockDoubt: ownClock.accuser(maxFutureSkewMs) ?? ownClock.doubter(maxFutureSkewMs),
      certificates,
      notes: this.notes(activity),
      machine: circumstances.machine?.(),
      pauses: circumstances.pauses(),
      activity,
    };
  }

  /** What the state keeps for those who look at it alone: see {@link StandingNote}. */
  standing(): StandingNote {
    const { circumstances, core: { aggregator, ingest: { obstacle, sources } }, isStopping, router } = this;
    const pauses = circumstances.pauses();
    const sinks = router.standings().map(({ id, ...standing }) => ({ name: id, ...standing }));
    const causes = causesOf({ buses: sources, sinks, isStopping, obstacle, pauses });
    const activity = this.metrics.activity(this.counts());
    const shortestMs = Math.min(...aggregator.options.tiers.map(({ lengthMs }) => lengthMs));
    const paceOf = (sink: string) => activity.sinks.get(sink)?.pace.perSecond(this.clock.nowMs(), shortestMs);
    return {
      causes: causes.map(({ name, detail }) => ({ name, detail })),
      notes: this.notes(activity).map(({ name, detail, series }) => ({ name, detail, series })),
      paces: Object.fromEntries(sinks.map(({ name }) => [name, paceOf(name) ?? null])),
      partitions: Object.fromEntries(
        sources.map(({ name, partitions }) => [
          name,
          partitions.size > NOTED_PARTITIONS_MAX ? null : [...partitions.keys()],
        ]),
      ),
    };
  }

  private notes({ counts: { dropped, unrouted } }: Activity): Note[] {
    const { circumstances: { troubles }, core: { ingest: { refusalAlarms, sources }, noneRules } } = this;
    const nowMs = this.clock.nowMs();
    return notesOf({
      nowMs,
      // One for every name says nothing of whether any came.
      noneRules: noneRules().filter(({ setting }) => (setting === "ROUTES" ? unrouted : dropped) > 0),
      troubles: troubles.all,
      refusalAlarms,
      sources,
      renames: this.renames.all(nowMs),
    });
  }

  private counts(): Overview["counts"] {
    const { aggregator, checkpoint, ingest } = this.core;
    return { ...aggregator.books, ...checkpoint.counters, lost: ingest.lostEvents };
  }
}

function extentOf(parts: readonly Extent[]): Extent | undefined {
  if (parts.length === 0) return undefined;
  const sum = (of: keyof Extent) => parts.reduce((bytes, part) => bytes + part[of], 0);
  return { readBytes: sum("readBytes"), allBytes: sum("allBytes") };
}

function busOverview(
  { failure, isOpen, name, partitions }: SourceState,
  watermark: Watermark,
): Omit<LiveBusOverview, "failingSinceMs"> {
  const all = [...partitions.values()];
  return {
    name,
    isOpen,
    failure,
    extent: extentOf(all.flatMap(({ partition }) => partition?.extent ?? [])),
    inbox: all[0]?.partition?.inboxFill,
    partitions: all.map(({ id, lost, number, partition, progress: { lineage, position } }) => ({
      partition: id,
      log: lineage,
      position,
      nextOffset: offsetOf(position),
      newestEventMs: known(watermark.greatestOf(number!)),
      unreadEvents: position === undefined ? undefined : partition?.unreadAfter?.(position),
      lostEvents: lost,
    })),
  };
}

function storedIn({ deadLetters, state }: Core): Stored {
  const nothing: Stored = { checkpointMs: undefined, alarms: [], outages: [], deadLetters: undefined };
  return readable((): Stored => ({
    checkpointMs: readBookEntries(state).get("checkpoint_at_ms"),
    alarms: readAlarms(state),
    outages: readOutages(state),
    deadLetters: deadLetters.stock(),
  })) ?? nothing;
}

/** Undefined where the state cannot be read, which is an obstacle, too. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function known(timeMs: number): number | undefined {
  return timeMs === -Infinity ? undefined : timeMs;
}

/** The number of open windows by their length, those of the configured tiers first. */
function openByLength({ options: { tiers }, windows }: EventAggregator): Map<number, number> {
  const open = new Map(tiers.map(({ lengthMs }) => [lengthMs, 0]));
  for (const window of windows.all()) addTo(open, lengthOf(window), 1);
  return open;
}
