import assert from "node:assert/strict";
import { MetricPoints } from "../../../src/codec/otlp/metric_points.ts";
import { PushError } from "../../../src/codec/push_error.ts";
import { atOnce } from "../../../src/platform/clock/steps.ts";

const POINT = { timeUnixNano: "1790000000123400000", asDouble: 1.5 };

const requestOf = (dataPoints: readonly object[]) => ({
  resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "a", gauge: { dataPoints } }] }] }],
});
const many = (count: number, item: object) => Array<object>(count).fill(item);

/** What each step of a request says of its memory. */
const stepsOf = (request: object) => [...new MetricPoints().take(request)];

Deno.test("OTLP: a request is read in steps of 500 items, whatever it has most of", () => {
  const requests = [
    (count: number) => requestOf(many(count, POINT)),
    (count: number) => ({
      resourceMetrics: [{ scopeMetrics: [{ metrics: many(count + 1, { name: "a" }) }] }],
    }),
    (count: number) => ({ resourceMetrics: [{ scopeMetrics: many(count + 2, {}) }] }),
    (count: number) => ({ resourceMetrics: many(count + 3, {}) }),
  ];
  for (const request of requests) {
    // The resource, its scope and its metric are items as well.
    for (const [count, steps] of [[0, 0], [496, 0], [497, 1], [996, 1], [997, 2]] as const) {
      assert.equal(stepsOf(request(count)).length, steps, `${request}: ${count}`);
    }
  }
});

Deno.test("OTLP: each step says how many bytes the records take by then", () => {
  const points = new MetricPoints();
  const steps = [...points.take(requestOf(many(500, POINT)))];
  const [run] = points.events.records();
  const bytes = run!.ends[0]!;
  // The point that a step ends before is not read yet; from the second one on there is a comma.
  assert.deepEqual(steps, [496 * (bytes + 1) - 1]);
});

Deno.test("OTLP: points that are refused are bounded as records are", () => {
  const refused = 64 * 1024 * 1024 / 512;
  const points = new MetricPoints();
  atOnce(points.take(requestOf(many(refused, {}))));
  assert.deepEqual([points.count, points.refusals.count], [refused, refused]);
  assert.throws(
    () => atOnce(new MetricPoints().take(requestOf(many(refused + 1, {})))),
    (error) => error instanceof PushError && error.status === 413,
  );
});

Deno.test("OTLP: a point is refused with the name of its metric, and takes no other along", () => {
  const points = new MetricPoints();
  atOnce(points.take(requestOf([POINT, {}, { ...POINT, flags: 1 }, POINT])));
  assert.equal(points.count, 4);
  assert.equal(
    points.refusals.text(points.count, "points"),
    '1 of 4 points are refused, the others are taken: a point without a value (1, such as "a")',
  );
  assert.deepEqual(points.events.records().map(({ ends }) => ends.length), [2]);
});
