import { BOOK_ENTRIES } from "../aggregation/event_books.ts";
import type { Activity } from "../runtime/metric_collector.ts";
import { type LiveOverview, rowsBefore } from "../runtime/overview.ts";
import { COMMIT, VERSION } from "../version.ts";
import { PrometheusPage, type Sample } from "./prometheus_page.ts";

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The fates of an event. */
const [, ...FATES] = BOOK_ENTRIES;

/** The metrics of a handler in the text format of Prometheus. */
export function prometheusText(overview: LiveOverview): string {
  const page = new PrometheusPage();
  page.gauge("build_info", "Version and commit of the program; always 1.", [
    [{ version: VERSION, commit: COMMIT }, 1],
  ]);
  writeActivity(page, overview.activity);
  writeStanding(page, overview);
  return page.text;
}

/** Writes the metrics of the handler's work since its start. */
function writeActivity(
  page: PrometheusPage,
  { counts, processing, checkpoints, ...activity }: Activity,
): void {
  const sinks = [...activity.sinks];
  page.counter("events_received_total", "Events fetched from the buses.", [[{}, counts.received]]);
  page.counter(
    "events_total",
    "What became of the events received: aggregated, duplicate, dropped by AGG_FUNCTIONS, or refused " +
      "with the reason.",
    FATES.map((fate) => [{ fate }, counts[fate]]),
  );
  page.counter(
    "events_late_arrivals_total",
    "Events that came after their window had closed; corrected or refused.",
    [[{}, counts.lateArrivals]],
  );
  page.counter("events_lost_total", "Events that a bus had trimmed before they were fetched.", [
    [{}, counts.lost],
  ]);
  page.counter("aggregates_not_finite_total", "Aggregates not sent, since their value is not finite.", [
    [{}, counts.notFinite],
  ]);
  page.counter(
    "dead_letters_dropped_total",
    "Dead letters dropped, oldest first, to keep within their bound.",
    [[{}, counts.deadLettersDropped]],
  );
  page.counter(
    "aggregates_delivered_total",
    "Aggregates delivered.",
    sinks.map(([sink, { delivered }]) => [{ sink }, delivered]),
  );
  page.counter(
    "aggregates_rejected_total",
    "Aggregates that the sink rejected.",
    sinks.map(([sink, { rejected }]) => [{ sink }, rejected]),
  );
  page.counter(
    "delivery_failures_total",
    "Attempts to deliver that failed.",
    sinks.flatMap(([sink, { failures }]) =>
      Object.entries(failures).map(([kind, count]): Sample => [{ sink, kind }, count])
    ),
  );
  page.histogram("processing_seconds", "Scanning and aggregating one batch.", [[{}, processing]]);
  page.histogram("checkpoint_seconds", "Writing one checkpoint.", [[{}, checkpoints]]);
  page.histogram(
    "delivery_seconds",
    "Writing one batch to a sink.",
    sinks.map(([sink, { seconds }]) => [{ sink }, seconds]),
  );
}

/** Writes the metrics of the handler's present contents, and of the state of its buses and sinks. */
function writeStanding(page: PrometheusPage, overview: LiveOverview): void {
  const { buses, sinks, nowMs, watermarkMs } = overview;
  page.gauge(
    "open_windows",
    "Windows that have not closed, by their length in seconds.",
    [...overview.openByLength].map(([lengthMs, windows]) => [{ interval: `${lengthMs / 1000}` }, windows]),
  );
  page.gauge("open_series", "Series in open windows, each once for each interval.", [[
    {},
    overview.openSeries,
  ]]);
  page.gauge("outbox_rows", "Aggregates that have not reached all their sinks.", [[{}, overview.outboxRows]]);
  page.gauge("state_bytes", "Size of the state database.", [[{}, overview.stateBytes]]);
  if (watermarkMs !== undefined) {
    page.gauge("watermark_lag_seconds", "Wall clock less watermark.", [[{}, (nowMs - watermarkMs) / 1000]]);
  }
  page.gauge(
    "sink_outbox_rows",
    "Outbox rows that the sink has not passed.",
    sinks.map((sink) => [{ sink: sink.name }, rowsBefore(overview, sink)]),
  );
  page.gauge(
    "sink_up",
    "1 if the last attempt to deliver succeeded.",
    sinks.map(({ name, state }) => [{ sink: name }, state === "delivering" ? 1 : 0]),
  );
  page.gauge(
    "bus_up",
    "1 if the last poll succeeded.",
    buses.map(({ name, failure }) => [{ bus: name }, failure === undefined ? 1 : 0]),
  );
  page.gauge(
    "bus_offset",
    "Offset that is fetched next.",
    buses.flatMap(({ name, partitions }) =>
      partitions.flatMap(({ partition, nextOffset }): Sample[] => {
        if (nextOffset === undefined) return [];
        return [[partition === "" ? { bus: name } : { bus: name, partition }, nextOffset]];
      })
    ),
  );
}
