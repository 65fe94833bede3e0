import assert from "node:assert/strict";
import {
  coarserUnitUntil,
  isOfCoarserUnit,
  isOfFinerUnit,
  likelyUnit,
  unitName,
} from "../../src/aggregation/likely_unit.ts";

const NOW_MS = 2_000_000_000_000;
const MS = 1000;

Deno.test("a time has the name of the other unit in which it is near to now", () => {
  const cases: [timeMs: number, perSecond: number | undefined, unit: string | undefined][] = [
    [NOW_MS, 1, undefined],
    [NOW_MS * 1e3, 1, "milliseconds"],
    [NOW_MS * 1e6, 1, "microseconds"],
    [NOW_MS * 1e9, 1, "nanoseconds"],
    [NOW_MS / 1e3, MS, "seconds"],
    [NOW_MS * 1e3, MS, "microseconds"],
    [NOW_MS / 1e9, 1e9, "seconds"],
    [NOW_MS / 1e6, 1e9, "milliseconds"],
    [NOW_MS / 1e3, 1e9, "microseconds"],
    [NOW_MS * 1e3, undefined, undefined],
  ];
  for (const [timeMs, perSecond, unit] of cases) {
    assert.equal(likelyUnit(timeMs, NOW_MS, perSecond), unit, `${timeMs} ${perSecond}`);
  }
});

Deno.test("near to now is between a fifth and twice of it", () => {
  const unit = (timesNow: number) => likelyUnit(timesNow * NOW_MS * 1e3, NOW_MS, 1);
  assert.deepEqual([0.2, 0.2001, 1.9999, 2].map(unit), [
    undefined,
    "milliseconds",
    "milliseconds",
    undefined,
  ]);
});

Deno.test("from twice the present time on a time is of a finer unit", () => {
  assert.deepEqual([2 * NOW_MS - 1, 2 * NOW_MS].map((ms) => isOfFinerUnit(ms, NOW_MS)), [false, true]);
});

Deno.test("a time of 1970 is of a coarser unit where that fits, and where there is a coarser one", () => {
  assert.deepEqual([undefined, 1, MS, 1e9].map((perSecond) => coarserUnitUntil(NOW_MS, perSecond)), [
    -Infinity,
    -Infinity,
    NOW_MS * 2 / 1000,
    NOW_MS * 2 / 1000,
  ]);
  const isCoarser = (timeMs: number, perSecond?: number) => isOfCoarserUnit(timeMs, NOW_MS, perSecond);
  assert.equal(isCoarser(NOW_MS / 1000, MS), true);
  assert.equal(isCoarser(NOW_MS / 1000, 1), false);
  assert.equal(isCoarser(NOW_MS / 1000), false);
  assert.equal(isCoarser(NOW_MS / 1000 / 6, MS), false, "it fits no unit");
  assert.equal(isCoarser(NOW_MS * 2 / 1000, MS), false);
  assert.equal(isCoarser(NOW_MS * 1000, MS), false, "it is of a finer one");
});

Deno.test("units have names", () => {
  assert.deepEqual([1, 1e3, 1e6, 1e9].map(unitName), [
    "seconds",
    "milliseconds",
    "microseconds",
    "nanoseconds",
  ]);
});
