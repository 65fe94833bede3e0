import assert from "node:assert/strict";
import { ClockGuard } from "../../src/ingest/clock_guard.ts";
import { ReadingGate } from "../../src/ingest/reading_gate.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import type { OwnClock } from "../../src/platform/clock/own_clock.ts";
import { Pulse } from "../../src/platform/clock/pulse.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import type { OutboxLog } from "../../src/state/outbox/outbox_log.ts";
import { LoneClock } from "./rig.ts";
import { loggerTo } from "../support/logs.ts";

const NEVER = new AbortController().signal;
const SKEW_MS = 100;

function batchOf(...timesMs: number[]): EventBatch {
  const batch = new EventBatch();
  batch.count = timesMs.length;
  batch.timeMs = Float64Array.from(timesMs);
  return batch;
}

function scene() {
  const clock = new LoneClock(1000);
  const log: string[] = [];
  const logger = loggerTo(log);
  /** Which event times the right clock would allow, and who says that the own clock is wrong. */
  const evidence = { excused: (_eventMs: number) => false, accuser: undefined as string | undefined };
  const ownClock: Pick<OwnClock, "heard" | "excuse" | "accuser"> = {
    heard: (name, dateMs) => void log.push(`${name} says ${dateMs}`),
    excuse: (eventMs, skewMs) => evidence.excused(eventMs) ? `a bus says so (${skewMs})` : undefined,
    accuser: () => evidence.accuser,
  };
  const guard = new ClockGuard(ownClock as OwnClock, clock, logger);
  const outbox = { dispute: undefined as string | undefined, pending: 0 };
  const gate = new ReadingGate(
    {
      get dispute() {
        return outbox.dispute;
      },
      pendingCount: () => outbox.pending,
      slowestSinks: () => ["a", "b", "c", "d"],
    } as Partial<OutboxLog> as OutboxLog,
    guard,
    clock,
    () => 10,
  );
  return { clock, log, evidence, guard, outbox, gate };
}

Deno.test("events are held back only where one of them is refused by a clock that is wrong", () => {
  const { evidence, guard } = scene();
  const why = () => guard.failure?.detail.slice(0, 21);
  evidence.excused = (eventMs) => eventMs === 1200;
  assert.equal(guard.holdsBack(0, batchOf(), SKEW_MS), false);
  assert.equal(guard.holdsBack(0, batchOf(1000, 1100), SKEW_MS), false);
  assert.equal(guard.holdsBack(0, batchOf(1101, 1000), SKEW_MS), false, "no clock would allow it");
  assert.equal(why(), undefined);
  assert.equal(guard.holdsBack(0, batchOf(1101, 1200), SKEW_MS), true);
  assert.equal(why(), "a bus says so (100): ");
  evidence.excused = () => true;
  assert.equal(guard.holdsBack(0, batchOf(1100), SKEW_MS), false);
  assert.equal(why(), undefined);
  assert.equal(guard.holdsBack(0, batchOf(1101), SKEW_MS), true);
});

Deno.test("the clock is right again once no partition is held back; both are told once", () => {
  const { clock, evidence, guard, log } = scene();
  evidence.accuser = "it is later";
  assert.equal(guard.holdsUnread(0, SKEW_MS), true);
  assert.equal(log.length, 1);
  clock.ms = 3000;
  assert.equal(guard.holdsUnread(1, SKEW_MS), true);
  assert.deepEqual([guard.failure?.sinceMs, guard.failure?.pauseEndMs], [1000, 5000]);
  assert.match(guard.failure!.detail, /^it is later: events of now would be refused as future\. /);
  evidence.accuser = undefined;
  assert.equal(guard.holdsUnread(2, SKEW_MS), false, "one that was never held back");
  assert.equal(guard.holdsUnread(0, SKEW_MS), false);
  assert.ok(guard.failure);
  guard.gone(1);
  assert.equal(guard.failure, undefined);
  guard.gone(1);
  assert.deepEqual(log.map((line) => line.slice(25, 60)), [
    "ERROR fetching stops: it is later: ",
    "INFO  the clock is right again: fet",
  ]);
  guard.heard("bus", 7);
  assert.equal(log[2], "bus says 7");
});

Deno.test("what stands in the way is told by its weight", () => {
  const { evidence, gate, guard, outbox } = scene();
  const name = () => gate.obstacle?.name;
  assert.equal(gate.obstacle, undefined);
  evidence.accuser = "late";
  guard.holdsUnread(0, SKEW_MS);
  assert.match(gate.obstacle!.detail, /^late: /);
  assert.equal(name(), "clock_behind");
  outbox.pending = 9;
  assert.equal(name(), "clock_behind");
  outbox.pending = 10;
  assert.deepEqual(gate.obstacle, {
    name: "outbox_full",
    detail: "10 aggregates wait for a, b, c and 1 more (OUTBOX_MAX_ROWS)",
  });
  outbox.dispute = "two of them";
  assert.deepEqual(gate.obstacle, { name: "state_disputed", detail: "two of them" });
  gate.stateFailure = new StateError("gone", "no directory");
  assert.deepEqual(gate.obstacle, { name: "state_gone", detail: "no directory" });
  gate.stateFailure = new StateError("unwritable", "disk full");
  assert.deepEqual(gate.obstacle, { name: "state_not_writable", detail: "disk full" });
});

Deno.test("reading waits for its way to be free, in steps of a tenth of a second", async () => {
  const { clock, gate, outbox } = scene();
  const pulse = new Pulse(clock);
  const source = { name: "bus", isPaused: false };
  const steps: number[] = [];
  const { sleep } = clock;
  clock.sleep = (ms) => {
    steps.push(ms);
    if (steps.length === 3) outbox.pending = 0;
    return sleep(ms);
  };
  assert.equal(await gate.pass(source, NEVER, pulse), undefined);
  assert.deepEqual(steps, []);
  outbox.pending = 10;
  assert.equal(await gate.pass(source, NEVER, pulse), undefined);
  assert.deepEqual(steps, [100, 100, 100]);
  clock.ms += 101;
  assert.equal(pulse.overdue(0), "outbox_full");
  outbox.pending = 10;
  assert.equal(await gate.pass(source, AbortSignal.abort(), pulse), undefined);
  assert.equal(steps.length, 3);
});

Deno.test("who has patience is told what has lasted for longer; a pause by an operator at once", async () => {
  const { clock, gate, outbox } = scene();
  const pulse = new Pulse(clock);
  const source = { name: "bus", isPaused: false };
  outbox.pending = 10;
  const patience = { sinceMs: 0, ms: 500 };
  assert.equal((await gate.pass(source, NEVER, pulse, patience))?.name, "outbox_full");
  assert.equal(clock.ms, 1500, "counted from when it was met");
  outbox.pending = 0;
  source.isPaused = true;
  assert.deepEqual(await gate.pass(source, NEVER, pulse, patience), {
    name: "source_paused",
    detail: "bus: an operator has paused it",
  });
  assert.equal(clock.ms, 1500);
  const { sleep } = clock;
  clock.sleep = (ms) => {
    source.isPaused = clock.ms < 60_000;
    return sleep(ms);
  };
  assert.equal(await gate.pass(source, NEVER, pulse), undefined, "without a limit it is waited for");
  assert.ok(clock.ms >= 60_000);
});

Deno.test("a clock that is behind is tried again after its pause, all tries together as long as the patience", async () => {
  const { clock, evidence, gate, guard } = scene();
  const pulse = new Pulse(clock);
  const source = { name: "bus", isPaused: false };
  evidence.accuser = "late";
  guard.holdsUnread(0, SKEW_MS);
  const patience = { sinceMs: 0, ms: 3000 };
  assert.equal(await gate.pass(source, NEVER, pulse, patience), undefined);
  assert.equal(clock.ms, 3000, "two seconds after it was found out");
  guard.holdsUnread(0, SKEW_MS);
  assert.equal((await gate.pass(source, NEVER, pulse, patience))?.name, "clock_behind");
  assert.equal(clock.ms, 4000, "three seconds after it was found out");
  const later = { sinceMs: 3500, ms: 3000 };
  assert.equal(await gate.pass(source, NEVER, pulse, later), undefined);
  assert.equal(clock.ms, 5000, "the loop began only at 3500");
});
