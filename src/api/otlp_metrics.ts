import type { Histogram } from "../runtime/histogram.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import type { Family } from "./prometheus_family.ts";
import { unitOf } from "./prometheus_page.ts";

/** Who tells the metrics. */
export interface OtlpOrigin {
  /** Attributes by name, `service.name` among them. */
  readonly resource: ReadonlyMap<string, string>;
  readonly scope: { readonly name: string; readonly version: string };
  /** Since when counters and histograms count, Unix ms. */
  readonly startMs: number;
}

/** Units as OTLP has them, by those of Prometheus. */
const UNITS: Readonly<Record<string, string>> = { seconds: "s", bytes: "By" };
/** `AggregationTemporality`: all counts are since the start. */
const CUMULATIVE = 2;

/** The metrics as `ExportMetricsServiceRequest` of OTLP, in JSON. Names are those of the page of metrics. */
export function otlpMetrics(
  families: readonly Family[],
  overview: LiveOverview,
  { resource, scope, startMs }: OtlpOrigin,
): string {
  const times = { startTimeUnixNano: nanoseconds(startMs), timeUnixNano: nanoseconds(overview.nowMs) };
  const metrics = families.flatMap((family) => metricsOf(family, overview, times));
  return JSON.stringify({
    resourceMetrics: [{
      resource: { attributes: attributesOf([...resource.keys()], [...resource.values()]) },
      scopeMetrics: [{ scope, metrics }],
    }],
  });
}

interface Times {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

/** One metric, or none where the family has no samples at present. */
function metricsOf(family: Family, overview: LiveOverview, times: Times): object[] {
  const { name, help, labels } = family;
  const dataPoints = family.type === "histogram"
    ? family.read(overview).map(([values, value]) => ({
      ...times,
      attributes: attributesOf(labels, values),
      ...histogramPoint(value),
    }))
    : family.read(overview).map(([values, value]) => ({
      ...(family.type === "gauge" ? { timeUnixNano: times.timeUnixNano } : times),
      attributes: attributesOf(labels, values),
      asDouble: numberOf(value),
    }));
  if (dataPoints.length === 0) return [];
  const described = { name, description: help, unit: UNITS[unitOf(name) ?? ""] };
  if (family.type === "gauge") return [{ ...described, gauge: { dataPoints } }];
  const data = { aggregationTemporality: CUMULATIVE, dataPoints };
  return family.type === "histogram"
    ? [{ ...described, histogram: data }]
    : [{ ...described, sum: { ...data, isMonotonic: true } }];
}

function histogramPoint({ bounds, counts, sum, count }: Histogram): object {
  return {
    // 64-bit numbers are strings in the JSON of protobuf.
    count: `${count}`,
    sum: numberOf(sum),
    bucketCounts: counts.map(String),
    explicitBounds: bounds,
  };
}

/** Those that have a value. */
function attributesOf(names: readonly string[], values: readonly string[]): object[] {
  return names.flatMap((key, i) => values[i] === "" ? [] : [{ key, value: { stringValue: values[i] } }]);
}

/** JSON has no numbers that are not finite: that of protobuf has their names. */
function numberOf(value: number): number | string {
  return Number.isFinite(value) ? value : `${value}`;
}

function nanoseconds(ms: number): string {
  return `${Math.round(ms)}000000`;
}
