import { COMMIT, VERSION } from "../version.ts";
import type { CounterName, Histogram, Snapshot } from "../runtime/metric_collector.ts";

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const PREFIX = "vabus_handler_";

/** The counters that say what became of an event. */
const FATES = [
  "aggregated",
  "duplicate",
  "invalid",
  "future",
  "late",
  "overflow",
  "dropped",
] as const satisfies CounterName[];

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** The snapshot in the text format of Prometheus, version 0.0.4. */
export function prometheusText(snapshot: Snapshot): string {
  const { counters, readings, nowMs } = snapshot;
  const sinks = [...snapshot.sinks];
  const page = new Page();
  page.gauge("build_info", "Version and commit of the program; always 1.", [[{
    version: VERSION,
    commit: COMMIT,
  }, 1]]);
  page.counter("events_received_total", "Events fetched from the buses.", [[{}, counters.received]]);
  page.counter(
    "events_total",
    "What became of the events received: aggregated, duplicate, dropped by AGG_FUNCTIONS, or refused with the reason.",
    FATES.map((fate) => [{ fate }, counters[fate]]),
  );
  page.counter(
    "events_late_arrivals_total",
    "Events that came after their window had closed; corrected or refused.",
    [[{}, counters.lateArrivals]],
  );
  page.counter("events_lost_total", "Events that a bus had trimmed before they were fetched.", [[
    {},
    counters.lost,
  ]]);
  page.counter("aggregates_not_finite_total", "Aggregates not sent, since their value is not finite.", [
    [{}, counters.notFinite],
  ]);
  page.counter(
    "dead_letters_dropped_total",
    "Dead letters dropped, oldest first, to keep within their bound.",
    [
      [{}, counters.deadLettersDropped],
    ],
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
  page.histogram("processing_seconds", "Scanning and aggregating one batch.", [[{}, snapshot.processing]]);
  page.histogram("checkpoint_seconds", "Writing one checkpoint.", [[{}, snapshot.checkpoints]]);
  page.histogram(
    "delivery_seconds",
    "Writing one batch to a sink.",
    sinks.map(([sink, { seconds }]) => [{ sink }, seconds]),
  );
  page.gauge("open_windows", "Windows that have not closed.", [[{}, readings.openWindows]]);
  page.gauge("open_series", "Pairs of name and function in open windows.", [[{}, readings.openSeries]]);
  page.gauge("outbox_rows", "Aggregates that have not reached all their sinks.", [[{}, readings.outboxRows]]);
  page.gauge("state_bytes", "Size of the state database.", [[{}, readings.stateBytes]]);
  if (readings.watermarkMs !== undefined) {
    page.gauge("watermark_lag_seconds", "Wall clock less watermark.", [[
      {},
      (nowMs - readings.watermarkMs) / 1000,
    ]]);
  }
  page.gauge(
    "sink_outbox_rows",
    "Outbox rows that the sink has not passed.",
    readings.sinks.map(({ name, waitingRows }) => [{ sink: name }, waitingRows]),
  );
  page.gauge(
    "sink_up",
    "1 if the last attempt to deliver succeeded.",
    readings.sinks.map(({ name, state }) => [{ sink: name }, state === "delivering" ? 1 : 0]),
  );
  page.gauge(
    "bus_up",
    "1 if the last poll succeeded.",
    readings.buses.map(({ name, isReachable }) => [{ bus: name }, isReachable ? 1 : 0]),
  );
  page.gauge(
    "bus_offset",
    "Offset that is fetched next.",
    readings.buses.flatMap(({ name, nextOffset }) =>
      nextOffset === undefined ? [] : [[{ bus: name }, nextOffset] as const]
    ),
  );
  return page.text;
}

class Page {
  text = "";

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.family(name, "counter", help);
    for (const [labels, value] of samples) this.sample(name, labels, value);
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.family(name, "gauge", help);
    for (const [labels, value] of samples) this.sample(name, labels, value);
  }

  histogram(name: string, help: string, samples: readonly (readonly [Labels, Histogram])[]): void {
    this.family(name, "histogram", help);
    for (const [labels, { bounds, counts, sum, count }] of samples) {
      let below = 0;
      bounds.forEach((bound, i) => {
        below += counts[i]!;
        this.sample(`${name}_bucket`, { ...labels, le: `${bound}` }, below);
      });
      this.sample(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
      this.sample(`${name}_sum`, labels, sum);
      this.sample(`${name}_count`, labels, count);
    }
  }

  private family(name: string, type: string, help: string): void {
    this.text += `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${type}\n`;
  }

  private sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    this.text += `${PREFIX}${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}\n`;
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
