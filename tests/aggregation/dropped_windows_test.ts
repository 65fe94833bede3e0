import assert from "node:assert/strict";
import { DroppedWindows } from "../../src/aggregation/dropped_windows.ts";
import fc from "../support/fast_check.ts";

const window = (startMs: number, lengthMs = 10) => ({ startMs, endMs: startMs + lengthMs });

Deno.test("property: what was deleted is known for ever, in whatever order it was, and spans stay few and disjoint", () => {
  const steps = fc.array(
    fc.array(fc.record({ at: fc.nat({ max: 2000 }), length: fc.integer({ min: 1, max: 3 }) })),
  );
  fc.assert(
    fc.property(steps, (steps) => {
      let dropped = new DroppedWindows();
      const ends: number[] = [];
      for (const windows of steps) {
        dropped = dropped.with(windows.map(({ at, length }) => window(at * 10, length * 10)));
        ends.push(...windows.map(({ at, length }) => (at + length) * 10));
        for (const end of ends) assert.ok(dropped.has(end), `${end}`);
        assert.equal(dropped.lastEndMs, Math.max(-Infinity, ...ends));
        const { spans } = dropped;
        assert.ok(spans.length <= 64);
        assert.ok(spans.every((span, i) => i === 0 || span.startMs > spans[i - 1]!.endMs));
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("a gap of days stays a gap, however many small ones there are", () => {
  const day = 86_400_000;
  let dropped = new DroppedWindows();
  for (let i = 0; i < 500; i++) dropped = dropped.with([window(i * 60_000)]);
  for (let i = 0; i < 500; i++) dropped = dropped.with([window(3 * day + i * 60_000)]);
  assert.equal(dropped.has(day), false);
  assert.equal(dropped.has(2 * day), false);
  assert.equal(dropped.has(499 * 60_000 + 10), true);
  assert.equal(dropped.has(3 * day + 10), true);
  assert.equal(dropped.has(4 * day), false);
});
