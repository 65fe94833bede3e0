import type { DefaultFunction } from "../pushed_events.ts";
import {
  type Bucket,
  explicitBuckets,
  exponentialBuckets,
  type ExponentialHalf,
  quantileOf,
} from "./histogram_quantiles.ts";
import { type JsonObject, listIn, numberIn, objectIn } from "./json_value.ts";

/** One value of a point: the event that it becomes. */
export interface PointValue {
  /** Behind the name of the metric. */
  readonly suffix: string;
  /** The label `quantile`; undefined: there is none. */
  readonly quantile?: string;
  readonly value: number;
  readonly usual: DefaultFunction;
}

/** The values of a point, or what is wrong with it. */
export type PointValues = readonly PointValue[] | string;

/** Of these the quantiles of a histogram are told. */
const QUANTILES = [0.5, 0.9, 0.99] as const;
const LABEL_MIN = "0";
const LABEL_MAX = "1";

/** `AggregationTemporality`, by number and by the name that some write. */
const TEMPORALITIES: Readonly<Record<string, "delta" | "cumulative">> = {
  1: "delta",
  2: "cumulative",
  AGGREGATION_TEMPORALITY_DELTA: "delta",
  AGGREGATION_TEMPORALITY_CUMULATIVE: "cumulative",
};
const NO_TEMPORALITY = "a sum or histogram that is neither delta nor cumulative";

export function gaugeValues(point: JsonObject): PointValues {
  return numberValues(point, "avg");
}

/** What was counted since the last point adds up; what is counted from the start on has a last value. */
export function sumValues(point: JsonObject, temporality: unknown): PointValues {
  const known = TEMPORALITIES[String(temporality)];
  return known === undefined ? NO_TEMPORALITY : numberValues(point, known === "delta" ? "sum" : "last");
}

export function histogramValues(point: JsonObject, temporality: unknown): PointValues {
  const bounds = numbersIn(point.explicitBounds, "explicitBounds");
  const counts = numbersIn(point.bucketCounts, "bucketCounts");
  const isWithout = bounds.length === 0 && counts.length === 0;
  if (!isWithout && counts.length !== bounds.length + 1) {
    return `a histogram with ${counts.length} counts of buckets for ${bounds.length} bounds`;
  }
  if (bounds.some((bound, i) => !(i === 0 || bound > bounds[i - 1]!))) {
    return "a histogram whose bounds do not ascend";
  }
  return bucketValues(point, temporality, counts, () => explicitBuckets(bounds, counts));
}

export function exponentialValues(point: JsonObject, temporality: unknown): PointValues {
  const scale = numberIn(point.scale, "scale");
  const zeroCount = numberIn(point.zeroCount, "zeroCount");
  const positive = halfIn(point.positive, "positive");
  const negative = halfIn(point.negative, "negative");
  const counts = [zeroCount, ...positive.counts, ...negative.counts];
  return bucketValues(
    point,
    temporality,
    counts,
    () => exponentialBuckets(scale, zeroCount, positive, negative),
  );
}

export function summaryValues(point: JsonObject): PointValues {
  const values: PointValue[] = [...countAndSum(point, "last")];
  for (const item of listIn(point.quantileValues, "quantileValues")) {
    const { quantile, value } = objectIn(item, "a quantile");
    const number = numberIn(value, "the value of a quantile");
    // A summary without observations in its span has no quantiles.
    if (Number.isNaN(number)) continue;
    values.push({
      suffix: "",
      quantile: String(numberIn(quantile, "a quantile")),
      value: number,
      usual: "avg",
    });
  }
  return values;
}

function numberValues({ asDouble, asInt }: JsonObject, usual: DefaultFunction): PointValues {
  const value = asDouble ?? asInt;
  if (value === undefined || value === null) return "a point without a value";
  return [{ suffix: "", value: numberIn(value, "a value"), usual }];
}

/**
 * A delta histogram tells its quantiles, of what was observed since the last point. One that counts from the
 * start of a process on has none of a window in it.
 */
function bucketValues(
  point: JsonObject,
  temporality: unknown,
  counts: readonly number[],
  buckets: () => readonly Bucket[],
): PointValues {
  const known = TEMPORALITIES[String(temporality)];
  if (known === undefined) return NO_TEMPORALITY;
  if (counts.some((count) => !(count >= 0))) return "a histogram with a negative count";
  const values: PointValue[] = [...countAndSum(point, known === "delta" ? "sum" : "last")];
  if (known === "cumulative") return values;
  const [min, max] = [point.min, point.max].map((value, i) =>
    value === undefined || value === null ? undefined : numberIn(value, i === 0 ? "min" : "max")
  );
  if (numberIn(point.count, "count") === 0) return values;
  if (min !== undefined) values.push({ suffix: "", quantile: LABEL_MIN, value: min, usual: "min" });
  if (max !== undefined) values.push({ suffix: "", quantile: LABEL_MAX, value: max, usual: "max" });
  const all = buckets();
  for (const quantile of QUANTILES) {
    const value = quantileOf(quantile, all, { min, max });
    if (value !== undefined) values.push({ suffix: "", quantile: String(quantile), value, usual: "avg" });
  }
  return values;
}

/** The sum is left out where values may be negative. */
function countAndSum({ count, sum }: JsonObject, usual: DefaultFunction): readonly PointValue[] {
  const counted = { suffix: "_count", value: numberIn(count, "count"), usual };
  if (sum === undefined || sum === null) return [counted];
  return [counted, { suffix: "_sum", value: numberIn(sum, "sum"), usual }];
}

function halfIn(value: unknown, name: string): ExponentialHalf {
  const { offset, bucketCounts } = objectIn(value, name);
  return { offset: numberIn(offset, "offset"), counts: numbersIn(bucketCounts, "bucketCounts") };
}

function numbersIn(value: unknown, name: string): readonly number[] {
  return listIn(value, name).map((item) => numberIn(item, name));
}
