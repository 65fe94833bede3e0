import { type LiveOverview, type LiveSinkOverview, rowsBefore } from "../runtime/overview.ts";
import type { SinkCounters } from "../runtime/metric_collector.ts";
import { counter, type Family, flag, gauge, histogram, type Sample } from "./prometheus_family.ts";

/** The outbox and the sinks. */
export const SINK_METRICS: readonly Family[] = [
  gauge("outbox_rows", "Aggregates that have not reached all their sinks.", ({ outboxRows }) => outboxRows),
  gauge(
    "outbox_max_rows",
    "OUTBOX_MAX_ROWS: a full outbox stops reading.",
    ({ outboxMaxRows }) => outboxMaxRows,
  ),
  counter(
    "aggregates_delivered_total",
    "Aggregates delivered.",
    ["sink"],
    counted(({ delivered }) => delivered),
  ),
  counter(
    "aggregates_rejected_total",
    "Aggregates that the sink rejected.",
    ["sink"],
    counted(({ rejected }) => rejected),
  ),
  counter(
    "delivery_failures_total",
    "Attempts to deliver that failed.",
    ["sink", "kind"],
    ({ activity: { sinks } }) =>
      [...sinks].flatMap(([sink, { failures }]) =>
        Object.entries(failures).map(([kind, count]): Sample => [[sink, kind], count])
      ),
  ),
  histogram(
    "delivery_seconds",
    "Writing one batch to a sink.",
    ["sink"],
    ({ activity: { sinks } }) => [...sinks].map(([sink, { seconds }]) => [[sink], seconds] as const),
  ),
  histogram(
    "close_to_sink_seconds",
    "From the close of a window until the sink has its aggregates; of each batch the oldest window counts.",
    ["sink"],
    ({ activity: { sinks } }) => [...sinks].map(([sink, { sinceClosed }]) => [[sink], sinceClosed] as const),
  ),
  gauge(
    "sink_outbox_rows",
    "Outbox rows that the sink has not passed.",
    ["sink"],
    ofSinks((sink, overview) => rowsBefore(overview, sink)),
  ),
  gauge(
    "sink_lag_seconds",
    "The time since the oldest window was closed of which something waits for the sink; 0: nothing waits.",
    ["sink"],
    ofSinks((sink, overview) => {
      const { waitingSinceMs } = sink;
      if (waitingSinceMs !== undefined) return Math.max(0, overview.nowMs - waitingSinceMs) / 1000;
      // Something waits, but the state cannot be read.
      return rowsBefore(overview, sink) > 0 ? undefined : 0;
    }),
  ),
  gauge(
    "sink_last_delivery_timestamp_seconds",
    "When the sink last took aggregates; absent: not since the start.",
    ["sink"],
    ofSinks(({ lastDeliveryMs }) => lastDeliveryMs === undefined ? undefined : lastDeliveryMs / 1000),
  ),
  gauge(
    "sink_up",
    "1 if the last attempt to deliver succeeded.",
    ["sink"],
    ofSinks(({ state }) => flag(state === "delivering")),
  ),
  gauge(
    "sink_breaker_open",
    "1 while the sink has failed so often that it is tried rarely, with one batch.",
    ["sink"],
    ofSinks(({ state }) => flag(state === "broken")),
  ),
  gauge(
    "sink_misconfigured",
    "1 while the sink waits for an operator to change something.",
    ["sink"],
    ofSinks(({ state }) => flag(state === "misconfigured")),
  ),
];

function counted(value: (counters: SinkCounters) => number): (overview: LiveOverview) => Sample[] {
  return ({ activity: { sinks } }) => [...sinks].map(([sink, counters]): Sample => [[sink], value(counters)]);
}

function ofSinks(
  value: (sink: LiveSinkOverview, overview: LiveOverview) => number | undefined,
): (overview: LiveOverview) => Sample[] {
  return (overview) =>
    overview.sinks.flatMap((sink): Sample[] => {
      const found = value(sink, overview);
      return found === undefined ? [] : [[[sink.name], found]];
    });
}
