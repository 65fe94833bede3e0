import type { Extent } from "../contract/source.ts";
import type { EventAggregator } from "../aggregation/event_aggregator.ts";
import { lengthOf } from "../aggregation/tier.ts";
import { addTo } from "../state/outbox/sink_tiers.ts";
import type { Router } from "../delivery/router.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { readAlarms } from "../state/alarms.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { offsetOf } from "../state/checkpoint/partitions.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { readOutages } from "../state/outages.ts";
import type { Core } from "./core.ts";
import type { MetricCollector } from "./metric_collector.ts";
import type { LiveOverview, Overview } from "./overview.ts";

/** The parts that are read from the disk, also for a running handler. */
type Stored = Pick<Overview, "checkpointMs" | "alarms" | "outages">;

/** Reads the state of a running handler's parts. */
export class Lookout {
  /** Whether the handler is stopping, so that nothing more is fetched. */
  isStopping = false;
  /** Read once, since the overview is also needed while the state cannot be read. */
  private readonly identity: Pick<Overview, "instance" | "stateId" | "stateFile">;

  constructor(
    private readonly core: Core,
    private readonly router: Router,
    private readonly metrics: MetricCollector,
    private readonly clock: Clock,
  ) {
    const { instanceId: instance, stateId, path: stateFile } = core.state;
    this.identity = { instance, stateId, stateFile };
    metrics.begin(this.counts(), router.standings().map(({ name }) => name));
  }

  look(): LiveOverview {
    const { core: { aggregator, ingest, outbox, state }, router } = this;
    const { watermark, windows } = aggregator;
    const counts = this.counts();
    return {
      nowMs: this.clock.nowMs(),
      ...this.identity,
      stateBytes: state.sizeBytes(),
      ...storedIn(state),
      watermarkMs: known(watermark.valueMs),
      counts,
      openWindows: windows.windowCount,
      openByLength: openByLength(aggregator),
      openSeries: windows.seriesCount,
      outboxEndId: outbox.endId(),
      outboxRows: outbox.pendingCount(),
      buses: ingest.sources.map(({ name, failure, partitions }) => ({
        name,
        failure,
        extent: extentOf([...partitions.values()].flatMap(({ partition }) => partition?.extent ?? [])),
        partitions: [...partitions.values()].map(({ id, number, progress: { lineage, position } }) => ({
          partition: id,
          log: lineage,
          position,
          nextOffset: offsetOf(position),
          newestEventMs: known(watermark.greatestOf(number!)),
        })),
      })),
      sinks: router.standings().map((standing) => ({ ...standing, cursor: outbox.cursor(standing.name) })),
      refusalAlarms: ingest.refusalAlarms,
      isStopping: this.isStopping,
      obstacle: ingest.obstacle,
      activity: this.metrics.activity(counts),
    };
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

function storedIn(state: StateDatabase): Stored {
  try {
    return {
      checkpointMs: readBookEntries(state).get("checkpoint_at_ms"),
      alarms: readAlarms(state),
      outages: readOutages(state),
    };
  } catch {
    // A state that cannot be read is an obstacle, too.
    return { checkpointMs: undefined, alarms: [], outages: [] };
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
