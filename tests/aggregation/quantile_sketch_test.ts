import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { isBin, QuantileSketch } from "../../src/aggregation/quantile_sketch.ts";

function sketchOf(values: readonly number[]): QuantileSketch {
  const sketch = new QuantileSketch();
  for (const value of values) sketch.add(value);
  return sketch;
}

/** Calculated with integers, so that rounding cannot decide which value it is. */
function exactQuantile(values: readonly number[], perMillion: number): number {
  const rank = BigInt(perMillion) * BigInt(values.length - 1) / 1_000_000n;
  return values.toSorted((a, b) => a - b)[Number(rank)]!;
}

function assertNear(actual: number, exact: number): void {
  // What is smaller than the least normal double counts as zero.
  const tolerance = Math.abs(exact) * (0.01 + 1e-9) + 2 ** -1022;
  assert.ok(Math.abs(actual - exact) <= tolerance, `${actual} for ${exact}`);
}

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -100, max: 100 }),
  fc.double({ noNaN: true, min: 1e307, max: Number.MAX_VALUE }),
  fc.constantFrom(0, -0, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 2 ** -1022, 1e-308),
);

Deno.test("property: every quantile is within 1 % of the exact one, whatever the values", () => {
  const perMillion = fc.oneof(fc.nat({ max: 1_000_000 }), fc.constantFrom(0, 290_000, 999_990, 1_000_000));
  fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 120 }), perMillion, (values, quantile) => {
    assertNear(sketchOf(values).quantile(quantile), exactQuantile(values, quantile));
  }));
});

Deno.test("the greatest doubles have a bin with a finite value", () => {
  for (const magnitude of [1.7e308, Number.MAX_VALUE * 0.985, Number.MAX_VALUE]) {
    for (const extreme of [magnitude, -magnitude]) {
      assertNear(sketchOf([extreme, extreme]).quantile(500_000), extreme);
    }
  }
});

Deno.test("the rank is exact where percent times count is a whole number", () => {
  const values = Array.from({ length: 101 }, (_, i) => 2 ** i);
  for (let percent = 0; percent <= 100; percent++) {
    assertNear(sketchOf(values).quantile(percent * 10_000), 2 ** percent);
  }
});

Deno.test("property: two sketches joined are the sketch of all values, in any order", () => {
  fc.assert(fc.property(fc.array(value), fc.array(value), (some, others) => {
    const joined = sketchOf(some);
    joined.merge(sketchOf(others));
    const sorted = (sketch: QuantileSketch) => [...sketch.bins].toSorted(([a], [b]) => a - b);
    assert.deepEqual(sorted(joined), sorted(sketchOf([...others, ...some])));
    assert.ok([...joined.bins.keys()].every(isBin), "a state file may hold each of them");
  }));
});

Deno.test("the bins are those of every version, since state files have them", () => {
  const gamma = 1.01 / 0.99;
  const binsOf = (...values: number[]) => [...sketchOf(values).bins];
  assert.deepEqual(binsOf(1, -1, 1), [[40_000, 2], [-40_000, 1]]);
  assert.deepEqual(binsOf(0, -0, 2 ** -1023, -(2 ** -1023)), [[0, 4]]);
  assert.deepEqual(binsOf(2 ** -1022).map(([bin]) => bin), [4582]);
  assert.deepEqual(binsOf(-Number.MAX_VALUE).map(([bin]) => bin), [-75488]);
  for (const bin of [-900, -1, 1, 900]) {
    const end = gamma ** bin;
    assert.deepEqual(binsOf(end * (1 - 1e-9), end * (1 + 1e-9)).map(([bin]) => bin - 40_000), [bin, bin + 1]);
  }
  const middle = 2 / (gamma + 1);
  assert.ok(Math.abs(sketchOf([1]).quantile(0) - middle) < 1e-12);
  assert.ok(Math.abs(sketchOf([-gamma]).quantile(0) + middle * gamma) < 1e-12);
});

Deno.test("a bin is a whole number within twice the origin", () => {
  assert.deepEqual([0, 79_999, -79_999, 80_000, -80_000, 1.5, NaN].map(isBin), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("a quantile is the value at its rank, rounded down", () => {
  const sketch = sketchOf([-100, 0, 0, 1, 100]);
  const near = [0, 249_999, 250_000, 500_000, 749_999, 750_000, 999_999, 1_000_000].map((perMillion) =>
    Math.round(sketch.quantile(perMillion) / 10) * 10 || Math.round(sketch.quantile(perMillion))
  );
  assert.deepEqual(near, [-100, -100, 0, 0, 0, 1, 1, 100]);
});
