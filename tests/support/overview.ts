import { countsOf } from "../../src/state/checkpoint/counts.ts";
import { MetricCollector } from "../../src/runtime/metric_collector.ts";
import type { LiveOverview } from "../../src/runtime/overview.ts";

/** The overview of a handler that has seen nothing yet, with the given parts in place of its own. */
export function overviewWith(given: Partial<LiveOverview> = {}): LiveOverview {
  const counts = countsOf(new Map());
  const metrics = new MetricCollector();
  metrics.begin(counts, []);
  return {
    nowMs: 0,
    instance: "test",
    stateId: "state",
    stateFile: "state.sqlite",
    stateBytes: 0,
    checkpointMs: undefined,
    watermarkMs: undefined,
    counts,
    openWindows: 0,
    openByLength: new Map([[60_000, 0]]),
    openSeries: 0,
    outboxEndId: 0,
    outboxRows: 0,
    buses: [],
    sinks: [],
    outages: [],
    alarms: [],
    refusalAlarms: [],
    isStopping: false,
    obstacle: undefined,
    activity: metrics.activity(counts),
    ...given,
  };
}
