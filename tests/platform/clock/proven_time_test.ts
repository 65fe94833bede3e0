import assert from "node:assert/strict";
import { ProvenTime } from "../../../src/platform/clock/proven_time.ts";
import fc from "../../support/fast_check.ts";

const TRIAL_MS = 1000;

Deno.test("property: what is proven was never behind the clock for a whole trial, and is no older than two of them", () => {
  const step = fc.record({
    elapsedMs: fc.nat({ max: 700 }),
    jumpMs: fc.oneof(fc.constant(0), fc.integer({ min: -5000, max: 5000 })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let atMs = 0;
      let nowMs = 1e6;
      let time = ProvenTime.begin(nowMs);
      const readings = [{ atMs, nowMs }];
      for (const { elapsedMs, jumpMs } of steps) {
        atMs += elapsedMs;
        nowMs += elapsedMs + jumpMs;
        readings.push({ atMs, nowMs });
        time = time.after(nowMs, elapsedMs, TRIAL_MS);
        const { provenMs } = time;
        if (provenMs === -Infinity) continue;
        // The latest stretch in which the clock was always at or after it.
        const behind = readings.findLast((reading) => reading.nowMs < provenMs);
        const since = readings.find((reading) =>
          reading.atMs >= (behind?.atMs ?? 0) && reading.nowMs >= provenMs
        )!;
        assert.ok(behind === undefined || atMs - since.atMs >= TRIAL_MS || provenMs <= nowMs);
        assert.ok(provenMs <= nowMs, "never ahead of the clock");
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("a clock that is ahead for less than a trial proves nothing", () => {
  let time = ProvenTime.begin(0);
  for (let now = 0; now <= 5000; now += 100) time = time.after(now, 100, TRIAL_MS);
  const before = time.provenMs;
  assert.ok(before >= 5000 - 2 * TRIAL_MS - 200 && before <= 5000 - TRIAL_MS);
  for (let ahead = 0; ahead < TRIAL_MS; ahead += 100) time = time.after(1e9 + ahead, 100, TRIAL_MS);
  assert.ok(time.provenMs <= 5000);
  time = time.after(6000, 100, TRIAL_MS);
  for (let now = 6100; now <= 9000; now += 100) time = time.after(now, 100, TRIAL_MS);
  assert.ok(time.provenMs >= 6000 && time.provenMs <= 8000);
});

Deno.test("without a trial every reading counts", () => {
  assert.equal(ProvenTime.begin(5).after(7, 0, 0).provenMs, 7);
  assert.equal(ProvenTime.begin(5).after(3, 0, 0).provenMs, 3);
});
