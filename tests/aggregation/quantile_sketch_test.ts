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
