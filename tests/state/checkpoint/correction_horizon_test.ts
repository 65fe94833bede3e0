import assert from "node:assert/strict";
import type { EventAggregator } from "../../../src/aggregation/event_aggregator.ts";
import {
  CorrectionHorizon,
  type HorizonOptions,
  timeEntries,
} from "../../../src/state/checkpoint/correction_horizon.ts";
import { ProvenTime } from "../../../src/platform/clock/proven_time.ts";

const NOW_MS = 1_767_225_600_000;
const OPTIONS: HorizonOptions = { correctionHorizonMs: 10_000, longestWindowMs: 1000 };
/** Of the trial of a clock: the horizon, a window and the lateness that is allowed. */
const TRIAL_MS = 11_500;

function horizonOf(options: Partial<HorizonOptions> = {}, valueMs = Infinity, leastMs = Infinity) {
  const watermark = { valueMs, leastGreatestMs: () => leastMs };
  const aggregator = { watermark, options: { allowedLatenessMs: 500 } } as unknown as EventAggregator;
  return new CorrectionHorizon(aggregator, { ...OPTIONS, ...options });
}

const provenAt = (provenMs: number) => ProvenTime.restore({ provenMs, candidateMs: 0, ageMs: 0 });

Deno.test("windows are final once event time, each partition and the proven clock are beyond their horizon", () => {
  const finalOf = (valueMs: number, leastMs: number, provenMs: number, correctionHorizonMs = 10_000) =>
    horizonOf({ correctionHorizonMs }, valueMs, leastMs).finalBeforeMs(provenAt(provenMs));
  assert.equal(finalOf(90_000, 50_000, 60_000), 40_001);
  assert.equal(finalOf(90_000, 60_000, 50_000), 40_001);
  assert.equal(finalOf(30_000, 60_000, 60_000), 30_000, "a window that may be open is not final");
  assert.equal(finalOf(90_000, 60_000, -Infinity), -Infinity);
  assert.equal(finalOf(90_000, 50_000, 60_000, 0), 50_001);
});

Deno.test("a reading of the clock counts once its trial is over, which is as long as a window can be corrected", () => {
  const provenAfter = (elapsedMs: number, options: Partial<HorizonOptions> = {}) => {
    const horizon = horizonOf(options);
    horizon.committed(horizon.timeAt(NOW_MS, 7));
    return horizon.timeAt(NOW_MS + elapsedMs, elapsedMs).provenMs;
  };
  assert.deepEqual([TRIAL_MS - 1, TRIAL_MS].map((ms) => provenAfter(ms)), [-Infinity, NOW_MS]);
  const day = { correctionHorizonMs: 86_400_000 };
  assert.deepEqual([3_599_999, 3_600_000].map((ms) => provenAfter(ms, day)), [-Infinity, NOW_MS]);
  assert.equal(
    provenAfter(1, { correctionHorizonMs: 0 }),
    NOW_MS + 1,
    "without corrections there is no trial",
  );
});

Deno.test("the trial goes on only with checkpoints that are committed, and follows a change of the horizon", () => {
  const horizon = horizonOf();
  horizon.committed(horizon.timeAt(NOW_MS, 0));
  for (let again = 0; again < 3; again++) {
    assert.deepEqual(horizon.timeAt(NOW_MS + 6000, 6000), provenTime(-Infinity, NOW_MS, 6000));
  }
  horizon.committed(horizon.timeAt(NOW_MS + 6000, 6000));
  assert.equal(horizon.timeAt(NOW_MS + 11_499, 5499).provenMs, -Infinity);
  horizon.change({ ...OPTIONS, correctionHorizonMs: 9999 });
  assert.equal(horizon.timeAt(NOW_MS + 11_499, 5499).provenMs, NOW_MS);
});

const provenTime = (provenMs: number, candidateMs: number, ageMs: number) =>
  ProvenTime.restore({ provenMs, candidateMs, ageMs });

Deno.test("what is kept of the time comes back, and the time between two processes is half a trial at most", () => {
  const kept = timeEntries(provenTime(5, NOW_MS, 1000.4));
  assert.deepEqual(kept, { proven_time_ms: 5, time_on_trial_ms: NOW_MS, time_trial_age_ms: 1000 });
  const restored = (entries: Record<string, number>, nowMs: number) => {
    const horizon = horizonOf();
    horizon.restore(new Map(Object.entries(entries)), nowMs);
    return horizon.timeAt(nowMs, 0);
  };
  const at = { ...kept, checkpoint_at_ms: NOW_MS + 1000 };
  assert.deepEqual(restored(at, NOW_MS + 1000), provenTime(5, NOW_MS, 1000));
  assert.deepEqual(restored(at, NOW_MS + 3000), provenTime(5, NOW_MS, 3000));
  assert.deepEqual(restored(at, NOW_MS + 86_400_000), provenTime(5, NOW_MS, 1000 + TRIAL_MS / 2));
  assert.deepEqual(restored(at, NOW_MS + 500), provenTime(5, NOW_MS, 1000), "a clock that was set back");
  assert.deepEqual(restored(kept, NOW_MS + 5000), provenTime(5, NOW_MS, 1000), "nobody knows since when");
  const first = horizonOf();
  first.restore(new Map(), NOW_MS);
  assert.deepEqual(first.timeAt(NOW_MS + 5000, 5000), provenTime(-Infinity, NOW_MS, 5000));
  assert.deepEqual(
    restored({ time_on_trial_ms: NOW_MS, checkpoint_at_ms: NOW_MS }, NOW_MS + 10),
    provenTime(-Infinity, NOW_MS, 10),
  );
});
