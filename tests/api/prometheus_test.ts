import assert from "node:assert/strict";
import { PARTITIONS_SHOWN } from "../../src/api/prometheus_buses.ts";
import { METRICS, metricsPage } from "../../src/api/prometheus.ts";
import { CONTENT_TYPES, formatFor } from "../../src/api/prometheus_format.ts";
import { renderPage } from "../../src/api/prometheus_page.ts";
import { MetricCollector } from "../../src/runtime/metric_collector.ts";
import type { LiveOverview, LiveSinkOverview } from "../../src/runtime/overview.ts";
import { countsOf } from "../../src/state/checkpoint/counts.ts";
import { renderMetrics } from "../../scripts/metrics_reference.ts";
import { aggregateOf, batchOf } from "../contract/sink_samples.ts";
import { busOverview, overviewWith, sinkOverview } from "../support/overview.ts";

const OPENMETRICS = "application/openmetrics-text";

Deno.test("a scraper gets the format that it wants most", () => {
  const wanted: [accept: string | null, format: "text" | "openmetrics"][] = [
    [null, "text"],
    ["", "text"],
    ["*/*", "text"],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "text"],
    ["application/json", "text"],
    ["text/plain", "text"],
    [OPENMETRICS, "openmetrics"],
    [`${OPENMETRICS};version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1`, "openmetrics"],
    [`${OPENMETRICS};version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.5`, "text"],
    [
      `text/plain;version=0.0.4;q=0.5, ${OPENMETRICS} ; version="1.0.0" ; charset=utf-8 ; q=0.75`,
      "openmetrics",
    ],
    [`${OPENMETRICS};version=0.0.1`, "openmetrics"],
    [`${OPENMETRICS};version=2.0.0,*/*;q=0.1`, "text"],
    [`${OPENMETRICS};q=0,*/*`, "text"],
    [`${OPENMETRICS},text/plain`, "openmetrics"],
    [`${OPENMETRICS.toUpperCase()}`, "openmetrics"],
    [`${OPENMETRICS};q=nonsense,text/plain;q=0.1`, "text"],
    ["application/*;q=0.9,text/*;q=0.2", "openmetrics"],
    ["application/*,text/*", "text"],
    ["constructor,__proto__;q=1", "text"],
  ];
  for (const [accept, format] of wanted) assert.equal(formatFor(accept), format, `${accept}`);
  const { contentType, text } = metricsPage(overviewWith(), OPENMETRICS);
  assert.equal(contentType, CONTENT_TYPES.openmetrics);
  assert.ok(text.endsWith("\n# EOF\n"));
});

/** The page of the metrics whose names begin so. */
function pageOf(format: "text" | "openmetrics", given: Partial<LiveOverview>, ...names: string[]): string {
  const families = METRICS.filter(({ name }) => names.includes(name.replace("vabus_handler_", "")));
  assert.equal(families.length, names.length);
  return renderPage(families, overviewWith(given), format);
}

Deno.test("both formats, in every character: names, units, labels, buckets", () => {
  const counts = countsOf(new Map());
  const metrics = new MetricCollector();
  metrics.begin({ ...counts }, [], ['a"b\\c\nd']);
  metrics.delivered('a"b\\c\nd', batchOf([aggregateOf(), aggregateOf()]), 0.25, 0);
  const given = { activity: metrics.activity(counts), stateBytes: 4096 };
  const sink = String.raw`sink="a\"b\\c\nd"`;
  const buckets = [
    ...[["0.005", 0], ["0.01", 0], ["0.05", 0], ["0.1", 0], ["0.5", 1], ["1.0", 1]],
    ...[["5.0", 1], ["10.0", 1], ["30.0", 1], ["60.0", 1], ["+Inf", 1]],
  ].map(([le, count]) => `vabus_handler_delivery_seconds_bucket{${sink},le="${le}"} ${count}`);
  const names = ["state_bytes", "aggregates_delivered_total", "delivery_seconds"];
  const samples = [
    "vabus_handler_state_bytes 4096",
    `vabus_handler_aggregates_delivered_total{${sink}} 2`,
    ...buckets,
    `vabus_handler_delivery_seconds_sum{${sink}} 0.25`,
    `vabus_handler_delivery_seconds_count{${sink}} 1`,
  ];
  assert.deepEqual(pageOf("text", given, ...names).split("\n"), [
    "# HELP vabus_handler_state_bytes Size of the state database.",
    "# TYPE vabus_handler_state_bytes gauge",
    samples[0],
    "# HELP vabus_handler_aggregates_delivered_total Aggregates delivered.",
    "# TYPE vabus_handler_aggregates_delivered_total counter",
    samples[1],
    "# HELP vabus_handler_delivery_seconds Writing one batch to a sink.",
    "# TYPE vabus_handler_delivery_seconds histogram",
    ...samples.slice(2),
    "",
  ]);
  assert.deepEqual(pageOf("openmetrics", given, ...names).split("\n"), [
    "# HELP vabus_handler_state_bytes Size of the state database.",
    "# TYPE vabus_handler_state_bytes gauge",
    "# UNIT vabus_handler_state_bytes bytes",
    samples[0],
    "# HELP vabus_handler_aggregates_delivered Aggregates delivered.",
    "# TYPE vabus_handler_aggregates_delivered counter",
    samples[1],
    "# HELP vabus_handler_delivery_seconds Writing one batch to a sink.",
    "# TYPE vabus_handler_delivery_seconds histogram",
    "# UNIT vabus_handler_delivery_seconds seconds",
    ...samples.slice(2),
    "# EOF",
    "",
  ]);
});

Deno.test("names are those of Prometheus' rules, each once, and texts need no escapes", () => {
  assert.equal(new Set(METRICS.map(({ name }) => name)).size, METRICS.length);
  for (const { help, labels, name, type } of METRICS) {
    assert.match(name, /^(?:vabus_handler_[a-z_]+|process_[a-z_]+)$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.match(help, /^[^\\"\n]+\.$|^[A-Z_]+: [^\\"\n]+\.$/, name);
    for (const label of labels) assert.match(label, /^[a-z]+$/, name);
  }
});

Deno.test("docs/metrics.md has every metric, and no other", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));
  const cells = (text: string) =>
    [...text.matchAll(/^\| `(\w+)` *\| (\w+) *\| (.*?) *\| (.*?) *\|$/gm)].map(([, ...row]) => row);
  assert.deepEqual(cells(page), cells(renderMetrics(METRICS)));
  assert.equal(cells(page).length, METRICS.length);
});

Deno.test("a bus with very many partitions does not make the page endless", () => {
  const partitions = Array.from({ length: PARTITIONS_SHOWN + 5 }, (_, i) => ({
    partition: `${i}`,
    log: undefined,
    position: "7",
    nextOffset: 7,
    newestEventMs: 1,
    unreadEvents: 3,
    lostEvents: 0,
  }));
  const page = pageOf(
    "text",
    { buses: [busOverview("kafka", { partitions })] },
    "bus_offset",
    "bus_partitions",
  );
  assert.equal(page.match(/^vabus_handler_bus_offset\{/gm)!.length, PARTITIONS_SHOWN);
  assert.match(page, new RegExp(`^vabus_handler_bus_partitions\\{bus="kafka"\\} ${partitions.length}$`, "m"));
});

Deno.test("nothing is behind while all buses are idle; a bus that only has one partition needs no name for it", () => {
  const times = { nowMs: 90_000, watermarkMs: 30_000 };
  const lag = (given: Partial<LiveOverview>) =>
    /^vabus_handler_watermark_lag_seconds (.+)$/m.exec(pageOf("text", given, "watermark_lag_seconds"))?.[1];
  assert.deepEqual(
    [lag({}), lag(times), lag({ ...times, isIdle: true })],
    [undefined, "60", "0"],
  );
  const partition = {
    partition: "",
    log: undefined,
    position: undefined,
    nextOffset: undefined,
    newestEventMs: undefined,
    unreadEvents: undefined,
    lostEvents: 4,
  };
  const page = pageOf(
    "text",
    { buses: [busOverview("b", { partitions: [partition] })] },
    "bus_offset",
    "bus_unread_events",
    "bus_events_lost_total",
  );
  assert.deepEqual(page.split("\n").filter((line) => !line.startsWith("#")), [
    'vabus_handler_bus_events_lost_total{bus="b"} 4',
    "",
  ]);
});

Deno.test("a sink's lag is 0 where nothing waits, and absent where it cannot be known", () => {
  const lag = (given: Partial<LiveSinkOverview>) =>
    /^vabus_handler_sink_lag_seconds\{sink="a"\} (.+)$/m.exec(
      pageOf("text", {
        nowMs: 90_000,
        outboxEndId: 5,
        sinks: [sinkOverview("a", "delivering", given)],
      }, "sink_lag_seconds"),
    )?.[1];
  assert.equal(lag({ cursor: 5 }), "0");
  assert.equal(lag({ cursor: 3, waitingSinceMs: 30_000 }), "60");
  assert.equal(lag({ cursor: 3, waitingSinceMs: 91_000 }), "0", "the clock was set back");
  assert.equal(lag({ cursor: 3 }), undefined);
});

Deno.test("causes and alarms that there are not are 0, those that there are count", () => {
  const page = pageOf(
    "text",
    {
      sinks: [sinkOverview("a", "starting"), sinkOverview("b", "starting"), sinkOverview("c", "broken")],
      refusalAlarms: [{ reason: "late", detail: "", since: 0 }],
    },
    "ready",
    "not_ready",
    "alarms",
    "sink_up",
    "sink_breaker_open",
  );
  for (
    const line of [
      "vabus_handler_ready 0",
      'vabus_handler_not_ready{cause="sink_starting"} 2',
      'vabus_handler_not_ready{cause="sink_unavailable"} 1',
      'vabus_handler_not_ready{cause="stopping"} 0',
      'vabus_handler_alarms{alarm="events_refused_late"} 1',
      'vabus_handler_alarms{alarm="rows_missing"} 0',
      'vabus_handler_sink_up{sink="c"} 0',
      'vabus_handler_sink_breaker_open{sink="a"} 0',
      'vabus_handler_sink_breaker_open{sink="c"} 1',
    ]
  ) assert.ok(page.split("\n").includes(line), line);
});
