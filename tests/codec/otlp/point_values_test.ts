import assert from "node:assert/strict";
import {
  explicitBuckets,
  exponentialBuckets,
  quantileOf,
} from "../../../src/codec/otlp/histogram_quantiles.ts";
import {
  exponentialValues,
  gaugeValues,
  histogramValues,
  type PointValues,
  summaryValues,
  sumValues,
} from "../../../src/codec/otlp/point_values.ts";

const [DELTA, CUMULATIVE] = [1, 2];
const NONE = { min: undefined, max: undefined };
const NO_TEMPORALITY = "a sum or histogram that is neither delta nor cumulative";

/** Each value as `name quantile function value`, or what is wrong with the point. */
function shown(values: PointValues): string | string[] {
  if (typeof values === "string") return values;
  return values.map(({ quantile = "-", suffix, usual, value }) => `h${suffix} ${quantile} ${usual} ${value}`);
}

Deno.test("a quantile lies in its bucket as if the values were spread evenly over it", () => {
  const buckets = explicitBuckets([0, 10, 20], [0, 4, 4, 0]);
  const cases: readonly (readonly [number, number])[] = [
    [0.125, 2.5],
    [0.25, 5],
    [0.5, 10],
    [0.75, 15],
    [1, 20],
  ];
  for (const [quantile, value] of cases) {
    assert.equal(quantileOf(quantile, buckets, NONE), value, `${quantile}`);
  }
  assert.equal(quantileOf(0, buckets, NONE), 0);
  assert.equal(quantileOf(0.5, buckets, { min: 2, max: 12 }), 10);
  assert.equal(quantileOf(1, buckets, { min: 2, max: 12 }), 12);
  assert.equal(quantileOf(0.25, buckets, { min: 2, max: 12 }), 6);
});

Deno.test("a bucket without a bound is as narrow as the extremes say, or just its other bound", () => {
  const low = explicitBuckets([5], [4, 0]);
  assert.deepEqual([quantileOf(0.5, low, NONE), quantileOf(0.5, low, { min: 1, max: undefined })], [5, 3]);
  const high = explicitBuckets([5], [0, 4]);
  assert.deepEqual([quantileOf(0.5, high, NONE), quantileOf(0.5, high, { min: undefined, max: 7 })], [5, 6]);
  const both = explicitBuckets([], [4]);
  assert.deepEqual([
    quantileOf(0.5, both, NONE),
    quantileOf(0.5, both, { min: 1, max: undefined }),
    quantileOf(0.5, both, { min: undefined, max: 7 }),
    quantileOf(0.5, both, { min: 1, max: 7 }),
  ], [undefined, 1, 7, 4]);
  assert.equal(quantileOf(0.5, [], NONE), undefined);
  assert.equal(quantileOf(0.5, explicitBuckets([1], [0, 0]), NONE), undefined);
});

Deno.test("buckets lie between their bounds, of which exponential ones are powers", () => {
  assert.deepEqual(explicitBuckets([1, 2], [3, 4, 5]), [
    { low: -Infinity, high: 1, count: 3 },
    { low: 1, high: 2, count: 4 },
    { low: 2, high: Infinity, count: 5 },
  ]);
  const buckets = exponentialBuckets(0, 7, { offset: 1, counts: [1, 2] }, { offset: -1, counts: [3, 4] });
  assert.deepEqual(buckets, [
    { low: -2, high: -1, count: 4 },
    { low: -1, high: -0.5, count: 3 },
    { low: 0, high: 0, count: 7 },
    { low: 2, high: 4, count: 1 },
    { low: 4, high: 8, count: 2 },
  ]);
  const none = { offset: 0, counts: [] };
  const [, wide] = exponentialBuckets(-1, 0, { offset: 1, counts: [1] }, none);
  assert.deepEqual(wide, { low: 4, high: 16, count: 1 });
  const [, narrow] = exponentialBuckets(1, 0, { offset: 2, counts: [1] }, none);
  assert.deepEqual(narrow, { low: 2, high: 2 ** 1.5, count: 1 });
});

Deno.test("gauges and sums: the function goes by the temporality, by number or by name", () => {
  const point = { asDouble: 1.5 };
  assert.deepEqual(shown(gaugeValues(point)), ["h - avg 1.5"]);
  assert.deepEqual(shown(gaugeValues({ asInt: "7" })), ["h - avg 7"]);
  assert.deepEqual(shown(gaugeValues({ asDouble: 0, asInt: 7 })), ["h - avg 0"]);
  for (const none of [{}, { asDouble: null }, { asInt: null }]) {
    assert.equal(gaugeValues(none), "a point without a value");
  }
  for (const delta of [DELTA, "1", "AGGREGATION_TEMPORALITY_DELTA"]) {
    assert.deepEqual(shown(sumValues(point, delta)), ["h - sum 1.5"]);
  }
  for (const cumulative of [CUMULATIVE, "AGGREGATION_TEMPORALITY_CUMULATIVE"]) {
    assert.deepEqual(shown(sumValues(point, cumulative)), ["h - last 1.5"]);
  }
  for (const other of [0, 3, undefined, null, "DELTA"]) assert.equal(sumValues(point, other), NO_TEMPORALITY);
});

Deno.test("histograms: what is told of each, and what is wrong with others", () => {
  const point = { count: 4, sum: 20, explicitBounds: [0, 10], bucketCounts: [0, 4, 0] };
  const counted = ["h_count - sum 4", "h_sum - sum 20"];
  const quantiles = ["h 0.5 avg 5", "h 0.9 avg 9", "h 0.99 avg 9.9"];
  const cases: readonly (readonly [Record<string, unknown>, number, string | string[]])[] = [
    [{}, DELTA, [...counted, ...quantiles]],
    [{ sum: undefined }, DELTA, [counted[0]!, ...quantiles]],
    [{ sum: null }, DELTA, [counted[0]!, ...quantiles]],
    [{ sum: 0 }, DELTA, [counted[0]!, "h_sum - sum 0", ...quantiles]],
    [{ min: 0, max: 10 }, DELTA, [...counted, "h 0 min 0", "h 1 max 10", ...quantiles]],
    [{ min: null, max: 10 }, DELTA, [...counted, "h 1 max 10", ...quantiles]],
    [{ min: 0 }, DELTA, [...counted, "h 0 min 0", ...quantiles]],
    [{ min: 0, max: 10 }, CUMULATIVE, ["h_count - last 4", "h_sum - last 20"]],
    [{ count: 0, min: 0 }, DELTA, ["h_count - sum 0", "h_sum - sum 20"]],
    [{ explicitBounds: [], bucketCounts: [] }, DELTA, counted],
    [{ explicitBounds: [], bucketCounts: [4], min: 2, max: 4 }, DELTA, [
      ...counted,
      "h 0 min 2",
      "h 1 max 4",
      "h 0.5 avg 3",
      "h 0.9 avg 3.8",
      "h 0.99 avg 3.98",
    ]],
    [{}, 0, NO_TEMPORALITY],
    [{ bucketCounts: [1, 2] }, DELTA, "a histogram with 2 counts of buckets for 2 bounds"],
    [{ bucketCounts: [] }, DELTA, "a histogram with 0 counts of buckets for 2 bounds"],
    [{ explicitBounds: [] }, DELTA, "a histogram with 3 counts of buckets for 0 bounds"],
    [{ explicitBounds: [10, 10] }, DELTA, "a histogram whose bounds do not ascend"],
    [{ explicitBounds: [10, 0] }, DELTA, "a histogram whose bounds do not ascend"],
    [{ explicitBounds: [10, "NaN"] }, DELTA, "a histogram whose bounds do not ascend"],
    [{ bucketCounts: [0, -1, 5] }, DELTA, "a histogram with a negative count"],
    [{ bucketCounts: [0, "NaN", 5] }, CUMULATIVE, "a histogram with a negative count"],
  ];
  for (const [more, temporality, expected] of cases) {
    assert.deepEqual(
      shown(histogramValues({ ...point, ...more }, temporality)),
      expected,
      JSON.stringify(more),
    );
  }
});

Deno.test("an extreme of a histogram that is no number is named", () => {
  for (const name of ["min", "max"]) {
    assert.throws(() => histogramValues({ count: 1, [name]: "low" }, DELTA), {
      message: `${name} is not a number`,
    });
  }
});

Deno.test("exponential histograms and summaries: what is told of each", () => {
  const exponential = { count: 4, scale: 0, zeroCount: 0, positive: { offset: 1, bucketCounts: [4] } };
  assert.deepEqual(shown(exponentialValues(exponential, DELTA)), [
    "h_count - sum 4",
    "h 0.5 avg 3",
    "h 0.9 avg 3.8",
    "h 0.99 avg 3.98",
  ]);
  const negative = { ...exponential, positive: undefined, negative: { bucketCounts: [4] } };
  assert.deepEqual(shown(exponentialValues(negative, DELTA))[1], "h 0.5 avg -1.5");
  const faults = [{ zeroCount: -1 }, { positive: { bucketCounts: [-1] } }, {
    negative: { bucketCounts: [-1] },
  }];
  for (const fault of faults) {
    const point = { ...exponential, ...fault };
    assert.equal(exponentialValues(point, DELTA), "a histogram with a negative count");
  }
  const quantileValues = [{ quantile: 0.5, value: 7 }, { quantile: 0.9, value: "NaN" }, {}];
  assert.deepEqual(shown(summaryValues({ count: 2, sum: 3, quantileValues })), [
    "h_count - last 2",
    "h_sum - last 3",
    "h 0.5 avg 7",
    "h 0 avg 0",
  ]);
  assert.deepEqual(shown(summaryValues({})), ["h_count - last 0"]);
});
