import assert from "node:assert/strict";
import { FigureSteps } from "../../../src/state/figures/figure_steps.ts";
import { figuresAt } from "./figure_samples.ts";

/** Steps of 10 ms, of which those of 100 ms are kept; where each begins, and its number of events. */
function stepsOf(...timesMs: readonly number[]): (readonly [atMs: number, received: number])[] {
  const steps = new FigureSteps(10, 100);
  for (const atMs of timesMs) steps.add(figuresAt(atMs, 1));
  assert.ok(steps.all.every(({ stepMs }) => stepMs === 10));
  return steps.all.map(({ atMs, events }) => [atMs, events.received]);
}

Deno.test("figures go into the step in which they begin, together with what is there", () => {
  assert.deepEqual(stepsOf(0, 9, 10, 25), [[0, 2], [10, 1], [20, 1]]);
});

Deno.test("steps are kept for their time, the one of its bound included", () => {
  const starts = (...timesMs: number[]) => stepsOf(...timesMs).map(([atMs]) => atMs);
  assert.deepEqual(starts(0, 10, 100), [0, 10, 100]);
  assert.deepEqual(starts(0, 10, 110), [10, 110]);
  assert.deepEqual(starts(0, 500), [500]);
});

Deno.test("a clock that is set right drops the steps after it", () => {
  assert.deepEqual(stepsOf(0, 10, 20, 15), [[0, 1], [10, 2]]);
  assert.deepEqual(stepsOf(50, 60, 0), [[0, 1]]);
});
