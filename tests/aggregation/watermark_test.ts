import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { Watermark } from "../../src/aggregation/watermark.ts";

const LATENESS_MS = 500;

Deno.test("property: it is the greatest that the least of the buses that are not idle has ever let it be", () => {
  const step = fc.oneof(
    fc.record({ bus: fc.nat({ max: 2 }), ms: fc.nat({ max: 100_000 }) }),
    fc.record({ bus: fc.nat({ max: 2 }), idle: fc.boolean() }),
  );
  fc.assert(fc.property(fc.array(step), (steps) => {
    const watermark = new Watermark(3, LATENESS_MS);
    const greatest = [-Infinity, -Infinity, -Infinity];
    const idle = [false, false, false];
    let expected = -Infinity;
    for (const step of steps) {
      if ("ms" in step) {
        watermark.advance(step.bus, step.ms);
        greatest[step.bus] = Math.max(greatest[step.bus]!, step.ms);
      } else {
        watermark.setIdle(step.bus, step.idle);
        idle[step.bus] = step.idle;
      }
      const awake = greatest.filter((_, bus) => !idle[bus]);
      if (awake.length > 0) expected = Math.max(expected, Math.min(...awake) - LATENESS_MS);
      assert.equal(watermark.valueMs, expected);
      assert.equal(watermark.allIdle(), awake.length === 0);
      assert.equal(watermark.leastGreatestMs(), Math.min(...greatest), "idle or not");
      for (let bus = 0; bus < 3; bus++) {
        assert.equal(watermark.greatestOf(bus), greatest[bus]);
        const others = greatest.filter((_, other) => other !== bus && !idle[other]);
        assert.equal(watermark.limitOfOthers(bus), Math.min(...others));
      }
    }
  }));
});

Deno.test("a bus that has never had an event holds the others back, until it is idle", () => {
  const watermark = new Watermark(2, 0);
  watermark.advance(0, 9000);
  assert.equal(watermark.valueMs, -Infinity);
  watermark.setIdle(1, true);
  assert.equal(watermark.valueMs, 9000);
  watermark.advance(1, 1000);
  assert.equal(watermark.valueMs, 9000);
});

Deno.test("what a checkpoint kept is taken over; where all are idle nothing moves it", () => {
  const watermark = new Watermark(2, 0);
  watermark.restore(7000, [8000, -Infinity]);
  assert.deepEqual([watermark.valueMs, watermark.greatestOf(0), watermark.greatestOf(1)], [
    7000,
    8000,
    -Infinity,
  ]);
  watermark.setIdle(0, true);
  watermark.setIdle(1, true);
  assert.equal(watermark.valueMs, 7000);
  watermark.setIdle(0, false);
  assert.equal(watermark.valueMs, 8000);
});
