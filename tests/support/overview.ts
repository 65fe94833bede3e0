import { countsOf } from "../../src/state/checkpoint/counts.ts";
import { MetricCollector } from "../../src/runtime/metric_collector.ts";
import type { LiveBusOverview, LiveOverview, LiveSinkOverview } from "../../src/runtime/overview.ts";

/** A sink to which nothing was delivered yet. */
export function sinkOverview(
  name: string,
  state: LiveSinkOverview["state"],
  given: Partial<LiveSinkOverview> = {},
): LiveSinkOverview {
  return {
    name,
    state,
    cursor: 0,
    error: undefined,
    failingSinceMs: undefined,
    lastDeliveryMs: undefined,
    waitingSinceMs: undefined,
    ...given,
  };
}

/** A bus that is open, and was not read yet. */
export function busOverview(name: string, given: Partial<LiveBusOverview> = {}): LiveBusOverview {
  return {
    name,
    isOpen: true,
    partitions: [],
    failure: undefined,
    failingSinceMs: undefined,
    extent: undefined,
    inbox: undefined,
    ...given,
  };
}

/** The overview of a handler that has seen nothing yet, with the given parts in place of its own. */
export function overviewWith(given: Partial<LiveOverview> = {}): LiveOverview {
  const counts = countsOf(new Map());
  const metrics = new MetricCollector();
  metrics.begin(counts, [], []);
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
    pauses: [],
    isStopping: false,
    obstacle: undefined,
    isIdle: false,
    deadLetters: undefined,
    outboxMaxRows: 1000,
    clockDoubt: undefined,
    certificates: [],
    notes: [],
    machine: undefined,
    activity: metrics.activity(counts),
    ...given,
  };
}
