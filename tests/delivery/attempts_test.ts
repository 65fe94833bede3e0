import assert from "node:assert/strict";
import { SinkError } from "../../src/contract/sink.ts";
import { asFailure, Attempts } from "../../src/delivery/attempts.ts";
import { Interruption } from "../../src/delivery/interruption.ts";
import { Pulse } from "../../src/platform/clock/pulse.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { HastyClock } from "./delivery_rig.ts";

const NEVER = new AbortController().signal;

Deno.test("an attempt that answers is over, and its time limit with it", async () => {
  const clock = new HastyClock();
  const pulse = new Pulse(clock);
  let limit: AbortSignal | undefined;
  clock.sleep = (ms, signal) => {
    clock.pauses.push(ms);
    limit = signal;
    return new Promise(() => {});
  };
  const attempts = new Attempts(5000, clock, pulse);
  assert.equal(await attempts.run(() => Promise.resolve("answer"), NEVER), "answer");
  assert.deepEqual(clock.pauses, [5000]);
  assert.equal(limit?.aborted, true);
  clock.ms = 5001;
  assert.equal(pulse.overdue(0), "the answer of the sink");
  await assert.rejects(attempts.run(() => Promise.reject(new Error("no")), NEVER), /^Error: no$/);
  assert.equal(limit?.aborted, true);
});

Deno.test("an attempt without an answer fails in time, and is told to stop", async () => {
  const clock = new HastyClock();
  let told: AbortSignal | undefined;
  const running = new Attempts(5000, clock, new Pulse(clock)).run((signal) => {
    told = signal;
    assert.equal(signal.aborted, false);
    return new Promise(() => {});
  }, NEVER);
  await assert.rejects(running, { kind: "timed_out", message: "no answer within 5 s" });
  assert.equal(told?.aborted, true);
});

Deno.test("an attempt is told when the delivery stops", async () => {
  const clock = new HastyClock();
  const stop = new AbortController();
  clock.sleep = () => new Promise(() => {});
  const running = new Attempts(5000, clock, new Pulse(clock)).run(
    (signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped")))),
    stop.signal,
  );
  stop.abort();
  await assert.rejects(running, /stopped/);
});

Deno.test("a state that cannot be written for a while is waited out as a sink is; what else is thrown goes on", () => {
  const refused = new SinkError("misconfigured", "no");
  assert.equal(asFailure(refused), refused);
  for (const kind of ["unwritable", "gone"] as const) {
    const { kind: sinkKind, message } = asFailure(new StateError(kind, "disk full"));
    assert.deepEqual([sinkKind, message], ["unavailable", "disk full"]);
  }
  assert.throws(() => asFailure(new StateError("damaged", "torn")), { kind: "damaged" });
  assert.throws(() => asFailure(new TypeError("bug")), TypeError);
});

Deno.test("each change of the operator's ends a wait, once", async () => {
  const interruption = new Interruption();
  assert.equal(interruption.isPaused, false);
  const first = interruption.signal;
  interruption.pause(true);
  assert.deepEqual([interruption.isPaused, first.aborted, interruption.signal.aborted], [true, true, false]);
  const second = interruption.signal;
  interruption.pause(false);
  assert.deepEqual([interruption.isPaused, second.aborted], [false, true]);
  const third = interruption.signal;
  interruption.changed();
  assert.deepEqual([interruption.isPaused, third.aborted, interruption.signal.aborted], [false, true, false]);

  const clock = new HastyClock();
  const pulse = new Pulse(clock);
  const given = new AbortController();
  const signals: AbortSignal[] = [];
  clock.sleep = (ms, signal) => {
    clock.pauses.push(ms);
    signals.push(signal);
    return Promise.resolve();
  };
  for (const end of [() => given.abort(), () => interruption.changed()]) {
    await interruption.sitOut(pulse, clock, end.toString().includes("given") ? [given.signal] : []);
    assert.equal(signals.at(-1)!.aborted, false);
    end();
    assert.equal(signals.at(-1)!.aborted, true);
  }
  assert.deepEqual(clock.pauses, [30_000, 30_000]);
  clock.ms = 30_001;
  assert.equal(pulse.overdue(0), "the operator to resume the sink");
  assert.equal(pulse.overdue(1), undefined);
});
