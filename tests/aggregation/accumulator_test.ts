import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { type Accumulator, merge, valueOf } from "../../src/aggregation/accumulator.ts";
import { FunctionRules } from "../../src/aggregation/function_rules.ts";
import { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";

interface Reading {
  readonly value: number;
  readonly timestamp: number;
}

const FUNCTIONS = [
  "sum",
  "avg",
  "min",
  "max",
  "count",
  "first",
  "last",
  "stddev",
  "p0",
  "p50",
  "p99.9",
  "p100",
];

/** The aggregate of readings of one series in one window. */
function accumulate(func: string, readings: readonly Reading[]): Accumulator {
  const aggregator = new EventAggregator({
    sourceCount: 1,
    tiers: [{ lengthMs: 10_000, hopMs: 10_000 }],
    allowedLatenessMs: 0,
    correctionHorizonMs: 1e9,
    maxFutureSkewMs: 1e9,
    maxSeries: 10,
    functions: FunctionRules.default,
    hashKey: [1, 2],
    dedupMaxIds: 0,
  });
  const events = readings.map((reading) => ({ name: "a", agg_func: func, ...reading }));
  const batch = new EventBatch();
  const reply = JSON.stringify({ log: "L", offset: 0, next: events.length, events });
  scanReply(new TextEncoder().encode(reply), batch);
  aggregator.aggregate(0, batch, 0, () => assert.fail("refused"));
  return aggregator.windows.accumulator(0);
}

/** The textbook's answer, with sums in whole numbers where the readings are. */
function textbook(func: string, readings: readonly Reading[]): number {
  const values = readings.map(({ value }) => value);
  const sum = () => values.reduce((total, value) => total + value, 0);
  const mean = () => sum() / values.length;
  switch (func) {
    case "sum":
      return sum();
    case "avg":
      return mean();
    case "min":
      return Math.min(...values);
    case "max":
      return Math.max(...values);
    case "count":
      return values.length;
    case "first":
      return readings.reduce((best, next) => next.timestamp < best.timestamp ? next : best).value;
    case "last":
      return readings.reduce((best, next) => next.timestamp >= best.timestamp ? next : best).value;
    case "stddev": {
      if (values.length < 2) return 0;
      const squares = values.reduce((total, value) => total + (value - mean()) ** 2, 0);
      return Math.sqrt(squares / (values.length - 1));
    }
    default: {
      const rank = Math.floor(Number(func.slice(1)) * (values.length - 1) / 100);
      return values.toSorted((a, b) => a - b)[rank]!;
    }
  }
}

function assertIs(func: string, actual: Accumulator, readings: readonly Reading[]): void {
  const exact = textbook(func, readings);
  const relative = func.startsWith("p") ? 0.01 + 1e-9 : ["avg", "stddev"].includes(func) ? 1e-9 : 0;
  const tolerance = Math.abs(exact) * relative + (func === "stddev" ? 1e-9 : 0);
  const value = valueOf(actual);
  assert.ok(Math.abs(value - exact) <= tolerance, `${func}: ${value} for ${exact}`);
  assert.equal(actual.count, readings.length, func);
}

const readings = fc.array(
  fc.record({
    value: fc.integer({ min: -1_000_000, max: 1_000_000 }),
    timestamp: fc.nat({ max: 5 }),
  }),
  { minLength: 1, maxLength: 30 },
);

Deno.test("property: every function is its textbook definition, in one piece and joined from two or three", () => {
  fc.assert(
    fc.property(fc.constantFrom(...FUNCTIONS), readings, readings, readings, (func, some, more, rest) => {
      const of = (part: readonly Reading[]) => accumulate(func, part);
      assertIs(func, of(some), some);
      assertIs(func, merge(of(some), of(more)), [...some, ...more]);
      assertIs(func, merge(merge(of(some), of(more)), of(rest)), [...some, ...more, ...rest]);
      assertIs(func, merge(of(some), merge(of(more), of(rest))), [...some, ...more, ...rest]);
    }),
    { numRuns: 300 },
  );
});

Deno.test("each function is exact for a few readings, in one piece and joined", () => {
  const of = (...pairs: readonly (readonly [value: number, timestamp: number])[]) =>
    pairs.map(([value, timestamp]) => ({ value, timestamp }));
  const some = of([5, 2], [-3, 3]);
  const more = of([8, 1], [8, 3], [2, 1]);
  const expected: Readonly<Record<string, readonly [some: number, more: number, turned: number]>> = {
    sum: [2, 20, 20],
    avg: [1, 4, 4],
    min: [-3, -3, -3],
    max: [5, 8, 8],
    count: [2, 5, 5],
    first: [5, 8, 8],
    last: [-3, 8, -3],
    stddev: [Math.sqrt(32), Math.sqrt(21.5), Math.sqrt(21.5)],
  };
  for (const [func, values] of Object.entries(expected)) {
    const found = [
      accumulate(func, some),
      merge(accumulate(func, some), accumulate(func, more)),
      merge(accumulate(func, more), accumulate(func, some)),
    ];
    assert.deepEqual(found.map(({ count }) => count), [2, 5, 5]);
    for (const [i, value] of found.map(valueOf).entries()) {
      assert.ok(Math.abs(value - values[i]!) < 1e-12, `${func}: ${value} for ${values[i]}`);
    }
    assert.equal(valueOf(accumulate(func, [...some, ...more])).toFixed(9), values[1].toFixed(9), func);
  }
  const tied = (func: string) => valueOf(merge(accumulate(func, of([1, 7])), accumulate(func, of([2, 7]))));
  assert.deepEqual([tied("first"), tied("last")], [1, 2], "ties go by arrival");
});

Deno.test("what a sum loses to rounding is in its average and in what is joined of it, too", () => {
  const readings = (...values: readonly number[]) => values.map((value) => ({ value, timestamp: 1 }));
  const values = [1, 1e100, 3, -1e100, 0, 2];
  assert.equal(valueOf(accumulate("sum", readings(...values))), 6);
  assert.equal(valueOf(accumulate("avg", readings(...values))), 1);
  for (let cut = 1; cut < values.length; cut++) {
    for (const [func, expected] of [["sum", 6], ["avg", 1]] as const) {
      const [some, more] = [values.slice(0, cut), values.slice(cut)].map((part) =>
        accumulate(func, readings(...part))
      );
      assert.equal(valueOf(merge(some!, more!)), expected, `${func} ${cut}`);
      assert.equal(valueOf(merge(more!, some!)), expected, `${func} ${cut}`);
    }
  }
});

Deno.test("what is lost where sums are joined is found again, whichever of them is the greater", () => {
  for (const values of [[1e100, 1, -1e100], [1, 1e100, -1e100], [-1e100, 1, 1e100], [1, -1e100, 1e100]]) {
    const [first, ...others] = values.map((value) => accumulate("sum", [{ value, timestamp: 1 }]));
    assert.equal(valueOf(others.reduce(merge, first!)), 1, `${values}`);
  }
});

Deno.test("property: whether readings come in time or late does not show in a sum", () => {
  const wild = fc.array(
    fc.oneof(
      fc.double({ noNaN: true, min: -1e100, max: 1e100 }),
      fc.integer({ min: -9, max: 9 }).map((exponent) => 10 ** exponent),
    ).map((value) => ({ value, timestamp: 1 })),
    { minLength: 2, maxLength: 8 },
  );
  fc.assert(fc.property(wild, fc.nat({ max: 7 }), (all, cut) => {
    // Each value with its opposite, so that only rounding errors are left.
    const values = [...all, ...all.map(({ value }) => ({ value: -value, timestamp: 1 }))];
    const at = 1 + cut % (values.length - 1);
    const whole = valueOf(accumulate("sum", values));
    const joined = valueOf(
      merge(accumulate("sum", values.slice(0, at)), accumulate("sum", values.slice(at))),
    );
    const scale = Math.max(...all.map(({ value }) => Math.abs(value)));
    assert.ok(Math.abs(whole - joined) <= scale * 1e-30 * values.length, `${whole} and ${joined}`);
  }));
});

Deno.test("the spread of readings far from zero is not lost to rounding", () => {
  const near = (offset: number) => [4, 7, 13, 16].map((value) => ({ value: value + offset, timestamp: 1 }));
  const expected = Math.sqrt(30);
  for (const offset of [0, 1e9, -1e9]) {
    const [some, more] = [near(offset).slice(0, 1), near(offset).slice(1)];
    const joined = valueOf(merge(accumulate("stddev", some), accumulate("stddev", more)));
    for (const value of [valueOf(accumulate("stddev", near(offset))), joined]) {
      assert.ok(Math.abs(value - expected) < 1e-6, `${value} at ${offset}`);
    }
  }
});

Deno.test("a sum that overflows is not finite, whatever comes after; extremes overflow nothing else", () => {
  const huge = (...signs: number[]) =>
    signs.map((sign) => ({ value: sign * Number.MAX_VALUE, timestamp: 1 }));
  assert.equal(Number.isFinite(valueOf(accumulate("sum", huge(1, 1)))), false);
  assert.equal(
    Number.isFinite(valueOf(merge(accumulate("sum", huge(1, 1)), accumulate("sum", huge(-1))))),
    false,
  );
  assert.equal(valueOf(accumulate("sum", huge(1, -1))), 0);
  assert.ok(valueOf(accumulate("p50", huge(1, 1, -1))) >= Number.MAX_VALUE * 0.99);
  for (const func of ["min", "max", "first", "last", "p0", "p100"]) {
    assert.ok(Number.isFinite(valueOf(merge(accumulate(func, huge(1)), accumulate(func, huge(-1))))), func);
  }
});

Deno.test("a single reading has no spread", () => {
  assert.equal(valueOf(accumulate("stddev", [{ value: 1e300, timestamp: 1 }])), 0);
});

Deno.test("what is no function cannot be joined", () => {
  const strange = { functionId: 9, x: 0, y: 0, count: 1, sketch: undefined };
  assert.throws(() => merge(strange, strange));
});
