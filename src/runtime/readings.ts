import type { Readings } from "./metric_collector.ts";
import type { Router } from "../delivery/router.ts";
import type { Core } from "./core.ts";

/** What the parts hold at the moment, for the metrics. */
export function readings({ aggregator, checkpoint, ingest, outbox, state }: Core, router: Router): Readings {
  const { valueMs } = aggregator.watermark;
  const { lateArrivals, notFinite, deadLettersDropped } = checkpoint.counters;
  return {
    counters: { ...aggregator.books, lost: ingest.lostEvents, lateArrivals, notFinite, deadLettersDropped },
    openWindows: aggregator.windows.windowCount,
    openSeries: aggregator.windows.seriesCount,
    outboxRows: outbox.pendingCount(),
    watermarkMs: valueMs === -Infinity ? undefined : valueMs,
    stateBytes: state.sizeBytes(),
    sinks: router.standings().map(({ name, state }) => ({
      name,
      state,
      waitingRows: Math.max(0, outbox.endId() - outbox.cursor(name)),
    })),
    buses: ingest.partitions.map(({ name, failure, progress }) => ({
      name,
      isReachable: failure === undefined,
      nextOffset: progress.position === undefined ? undefined : Number(progress.position),
    })),
  };
}
