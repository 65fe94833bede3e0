import assert from "node:assert/strict";
import { DroppedWindows } from "../../src/aggregation/dropped_windows.ts";
import fc from "../support/fast_check.ts";

const TIERS = [10, 20, 30].map((lengthMs) => ({ lengthMs, hopMs: lengthMs }));
const window = (startMs: number, lengthMs = 10) => ({ startMs, endMs: startMs + lengthMs });

Deno.test("property: what was deleted is known for ever, in whatever order it was, and spans stay few and disjoint", () => {
  const steps = fc.array(
    fc.array(fc.record({ at: fc.nat({ max: 2000 }), length: fc.integer({ min: 1, max: 3 }) })),
  );
  fc.assert(
    fc.property(steps, (steps) => {
      let dropped = new DroppedWindows();
      const gone: { startMs: number; endMs: number }[] = [];
      for (const windows of steps) {
        const more = windows.map(({ at, length }) => window(at * 10, length * 10));
        dropped = dropped.with(more, TIERS);
        gone.push(...more);
        for (const { startMs, endMs } of gone) assert.ok(dropped.has(endMs - startMs, endMs), `${endMs}`);
        for (const { lengthMs } of TIERS) {
          const ends = gone.filter(({ startMs, endMs }) => endMs - startMs === lengthMs)
            .map(({ endMs }) => endMs);
          const spans = dropped.spans.get(lengthMs) ?? [];
          assert.equal(spans.at(-1)?.endMs ?? -Infinity, Math.max(-Infinity, ...ends));
          assert.ok(spans.length <= 64);
          assert.ok(spans.every((span, i) => i === 0 || span.startMs > spans[i - 1]!.endMs));
        }
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("a gap of days stays a gap, however many small ones there are", () => {
  const day = 86_400_000;
  let dropped = new DroppedWindows();
  for (let i = 0; i < 500; i++) dropped = dropped.with([window(i * 60_000)], TIERS);
  for (let i = 0; i < 500; i++) dropped = dropped.with([window(3 * day + i * 60_000)], TIERS);
  assert.equal(dropped.has(10, day), false);
  assert.equal(dropped.has(10, 2 * day), false);
  assert.equal(dropped.has(10, 499 * 60_000 + 10), true);
  assert.equal(dropped.has(10, 3 * day + 10), true);
  assert.equal(dropped.has(10, 4 * day), false);
});

Deno.test("each tier knows its own windows; one that hops counts each of them", () => {
  const tiers = [{ lengthMs: 10, hopMs: 10 }, { lengthMs: 60, hopMs: 20 }];
  const dropped = new DroppedWindows(new Map(), [window(0)]).with([window(100, 60), window(200)], tiers);
  assert.deepEqual([140, 160, 180].map((end) => dropped.has(60, end)), [false, true, false]);
  assert.deepEqual([160, 200, 210, 220].map((end) => dropped.has(10, end)), [false, false, true, false]);
  assert.deepEqual([10, 60, 77].map((length) => dropped.has(length, 10)), [true, true, true]);
});

Deno.test("of more than 64 spans, the two with the least gap between them become one", () => {
  const starts = Array.from({ length: 65 }, (_, i) => i * 1000);
  const all = new DroppedWindows().with(starts.slice(0, 64).map((start) => window(start)), TIERS);
  assert.equal(all.spans.get(10)!.length, 64);
  for (const nearest of [1, 2, 33, 63, 64]) {
    const moved = starts.map((start, i) => i === nearest ? start - 500 : start);
    const dropped = new DroppedWindows().with(moved.map((start) => window(start)), TIERS);
    assert.equal(dropped.spans.get(10)!.length, 64);
    for (const [i, start] of moved.entries()) {
      assert.ok(dropped.has(10, start + 10), `${i}`);
      assert.equal(dropped.has(10, start), i === nearest, `before ${i}`);
    }
  }
});
