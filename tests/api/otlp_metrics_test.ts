import assert from "node:assert/strict";
import { otlpMetrics } from "../../src/api/otlp_metrics.ts";
import { METRICS } from "../../src/api/prometheus.ts";
import { counter, type Family, gauge, histogram } from "../../src/api/prometheus_family.ts";
import { renderPage } from "../../src/api/prometheus_page.ts";
import { OTLP_METRICS } from "../../src/codec/otlp/otlp_metrics.ts";
import { Histogram } from "../../src/runtime/histogram.ts";
import type { LiveOverview } from "../../src/runtime/overview.ts";
import { busOverview, overviewWith, sinkOverview } from "../support/overview.ts";
import { JSON_TYPE } from "../support/otlp_messages.ts";
import { pushOf, recordsOf } from "../support/pushed_records.ts";

const START_MS = 1_790_000_000_000.25;
const NOW_MS = 1_790_000_060_000;
const TIMES = { startTimeUnixNano: "1790000000000000000", timeUnixNano: "1790000060000000000" };
const CUMULATIVE = 2;

function rendered(families: readonly Family[], overview: LiveOverview): string {
  const resource = new Map([["service.name", "press"], ["deployment.environment.name", "plant7"]]);
  return otlpMetrics(families, overview, {
    resource,
    scope: { name: "lib", version: "1" },
    startMs: START_MS,
  });
}

Deno.test("counters, gauges and histograms, with units, labels, times and numbers that JSON lacks", () => {
  const observed = new Histogram([0.1, 1]);
  for (const value of [0.05, 0.5, 0.5, 7]) observed.observe(value);
  const text = rendered([
    counter("busy_seconds_total", "Busy.", ["bus", "kind"], () => [[["a", ""], 3], [["b", "x"], 0.5]]),
    gauge("free_bytes", "Free.", () => Infinity),
    gauge("depth", "Depth.", () => undefined),
    histogram("wait_seconds", "Wait.", ["sink"], () => [[["s"], observed]]),
  ], overviewWith({ nowMs: NOW_MS }));
  const label = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const [resourceMetrics] = JSON.parse(text).resourceMetrics;
  assert.deepEqual(resourceMetrics.resource.attributes, [
    label("service.name", "press"),
    label("deployment.environment.name", "plant7"),
  ]);
  const [{ scope, metrics }] = resourceMetrics.scopeMetrics;
  assert.deepEqual(scope, { name: "lib", version: "1" });
  assert.deepEqual(metrics, [
    {
      name: "vabus_handler_busy_seconds_total",
      description: "Busy.",
      unit: "s",
      sum: {
        aggregationTemporality: CUMULATIVE,
        isMonotonic: true,
        dataPoints: [
          { attributes: [label("bus", "a")], asDouble: 3, ...TIMES },
          { attributes: [label("bus", "b"), label("kind", "x")], asDouble: 0.5, ...TIMES },
        ],
      },
    },
    {
      name: "vabus_handler_free_bytes",
      description: "Free.",
      unit: "By",
      gauge: { dataPoints: [{ attributes: [], asDouble: "Infinity", timeUnixNano: TIMES.timeUnixNano }] },
    },
    {
      name: "vabus_handler_wait_seconds",
      description: "Wait.",
      unit: "s",
      histogram: {
        aggregationTemporality: CUMULATIVE,
        dataPoints: [{
          attributes: [label("sink", "s")],
          count: "4",
          sum: 8.05,
          bucketCounts: ["1", "2", "1"],
          explicitBounds: [0.1, 1],
          ...TIMES,
        }],
      },
    },
  ]);
});

Deno.test("a reader of OTLP gets each sample of the page", () => {
  const overview = overviewWith({
    nowMs: NOW_MS,
    buses: [busOverview("kafka")],
    sinks: [sinkOverview("files", "starting")],
  });
  const body = new TextEncoder().encode(rendered(METRICS, overview));
  const push = pushOf(OTLP_METRICS, body, JSON_TYPE);
  assert.equal(push.refused, undefined);
  const read = recordsOf(push);
  assert.deepEqual([...new Set(read.map(({ timestamp }) => timestamp))], [NOW_MS / 1000]);
  const own = new Set(METRICS.flatMap(({ labels }) => labels));
  const named = read.map(({ name, labels = {}, value }) => {
    const pairs = Object.entries(labels).filter(([label]) => own.has(label));
    return `${name} ${JSON.stringify(pairs.sort())} ${value}`;
  });
  assert.deepEqual(named.sort(), samplesOf(renderPage(METRICS, overview, "text")).sort());
});

/** The samples of a page but those of buckets, written as above. */
function samplesOf(page: string): string[] {
  return page.split("\n").filter((line) => line !== "" && !/^#|_bucket\{/.test(line)).map((line) => {
    const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)!;
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text]);
    return `${name} ${JSON.stringify(pairs.sort())} ${Number(value)}`;
  });
}
