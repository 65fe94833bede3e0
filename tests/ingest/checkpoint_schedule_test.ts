import assert from "node:assert/strict";
import { CheckpointSchedule } from "../../src/ingest/checkpoint_schedule.ts";
import fc from "../support/fast_check.ts";

const no = () => false;
const yes = () => true;

/** A schedule that begins at 1000 ms; `at` sets its clock. */
function schedule() {
  let nowMs = 1000;
  const of = new CheckpointSchedule({ monotonicMs: () => nowMs });
  return { of, at: (ms: number) => (nowMs = ms) };
}

Deno.test("a checkpoint is due after the interval, or at once where memory is short", () => {
  const { at, of } = schedule();
  assert.equal(of.isDue(0, false, no, no), true, "no checkpoint has taken any time yet");
  at(5999);
  assert.equal(of.isDue(5000, false, no, no), false);
  assert.equal(of.isDue(5000, true, no, no), true);
  at(6000);
  assert.equal(of.isDue(5000, false, no, no), true);
});

Deno.test("what presses waits for 50 ms, and is asked for only then", () => {
  const { at, of } = schedule();
  let asked = 0;
  const isPressing = () => ++asked > 0;
  at(1049);
  assert.equal(of.isDue(5000, false, isPressing, no), false);
  assert.equal(asked, 0);
  at(1050);
  assert.equal(of.isDue(5000, false, isPressing, no), true);
  assert.equal(of.isDue(5000, false, no, no), false);
});

Deno.test("the interval waits up to 100 ms for windows that are about to end, and for nothing else", () => {
  const { at, of } = schedule();
  at(6000);
  assert.equal(of.isDue(5000, false, no, yes), false);
  assert.equal(of.isDue(5000, false, no, no), true, "no window is about to end");
  assert.equal(of.isDue(5000, false, yes, yes), true, "one is due already");
  assert.equal(of.isDue(5000, true, no, yes), true, "memory is short");
  at(6099);
  assert.equal(of.isDue(5000, false, no, yes), false);
  at(6100);
  assert.equal(of.isDue(5000, false, no, yes), true);
});

Deno.test("after a long checkpoint the next waits for ten times as long, but for short memory", () => {
  const { at, of } = schedule();
  at(1900);
  assert.equal(of.written(1000, true), 900);
  at(1900 + 8999);
  assert.equal(of.isDue(5000, false, yes, no), false);
  assert.equal(of.isDue(5000, true, no, no), true);
  at(1900 + 9000);
  assert.equal(of.isDue(5000, false, no, no), true);
  assert.equal(of.isDue(99_000, false, yes, no), true);
});

Deno.test("what presses does not wait for a checkpoint that came by the interval", () => {
  const { at, of } = schedule();
  at(6100);
  of.written(6000, false);
  assert.equal(of.isDue(10, false, yes, no), true);
  at(6200);
  of.written(6100, true);
  at(7199);
  assert.equal(of.isDue(10, false, yes, no), false, "it waits for the one before that something pressed for");
  at(7200);
  assert.equal(of.isDue(10, false, yes, no), true);
});

Deno.test("what comes by the interval waits for all that were before, so that they take a tenth of the time", () => {
  const { at, of } = schedule();
  at(6100);
  of.written(6000, false);
  at(6200);
  of.written(6100, true);
  at(8099);
  assert.equal(of.isDue(10, false, no, no), false);
  at(8100);
  assert.equal(of.isDue(10, false, no, no), true);
});

Deno.test("checkpoints of any lengths take a tenth of the time, and two of them beyond that", () => {
  const step = fc.record({
    tookMs: fc.nat({ max: 200 }),
    waitMs: fc.nat({ max: 400 }),
    presses: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step, { size: "max", maxLength: 60 }), (steps) => {
    const { at, of } = schedule();
    let [nowMs, takenMs, longestMs] = [1000, 0, 0];
    for (const { tookMs, waitMs, presses } of steps) {
      at(nowMs += waitMs);
      const isByInterval = of.isDue(20, false, no, no);
      if (!isByInterval && !(presses && of.isDue(20, false, yes, no))) continue;
      at(nowMs += tookMs);
      of.written(nowMs - tookMs, presses);
      takenMs += tookMs;
      longestMs = Math.max(longestMs, tookMs);
      assert.ok(takenMs <= (nowMs - 1000) / 10 + 2 * longestMs, `${takenMs} of ${nowMs - 1000} ms`);
    }
  }));
});

Deno.test("after a failure it is tried again each second, whatever else is", () => {
  const { at, of } = schedule();
  at(2000);
  of.failed();
  at(2999);
  assert.equal(of.isDue(10, true, yes, no), false);
  at(3000);
  assert.equal(of.isDue(99_000, false, no, no), true);
  of.skipped(3000);
  at(4000);
  assert.equal(of.isDue(99_000, false, no, no), false, "nothing to write: nothing has failed any more");
  of.failed();
  at(3500);
  of.written(3500, false);
  assert.equal(of.isDue(10, true, no, no), true, "written: nothing has failed any more");
});

Deno.test("where there was nothing to write the interval begins anew, and the state is as old as before", () => {
  const { at, of } = schedule();
  assert.equal(of.sinceWrittenMs(1500), 500);
  of.skipped(4000);
  at(8999);
  assert.equal(of.isDue(5000, false, no, no), false);
  at(9000);
  assert.equal(of.isDue(5000, false, no, no), true);
  assert.equal(of.sinceWrittenMs(9000), 8000);
  at(9100);
  of.written(9050, false);
  assert.equal(of.sinceWrittenMs(9100), 50, "as of its beginning");
});

Deno.test("what presses waits for 50 ms more where there was nothing to write, and for no less than before", () => {
  const { at, of } = schedule();
  of.skipped(4000);
  at(4049);
  assert.equal(of.isDue(5000, false, yes, no), false);
  at(4050);
  assert.equal(of.isDue(5000, false, yes, no), true);
  of.written(3950, true);
  of.skipped(4100);
  at(5049);
  assert.equal(of.isDue(5000, false, yes, no), false, "the one that was written still owes");
  at(5050);
  assert.equal(of.isDue(5000, false, yes, no), true);
});
