/** What is news, for which a checkpoint is written although nothing was read. */
import assert from "node:assert/strict";
import { StateError } from "../../src/state/file/state_error.ts";
import { readRefusalAlarms, type RefusalAlarm } from "../../src/state/letters/refusal_alarms.ts";
import { askForRedelivery } from "../../src/state/outbox/redelivery.ts";
import { durableOffset, MemorySource, openRig, type Rig } from "./rig.ts";

const NOW_MS = 2_000_000_000;
const NEVER = new AbortController().signal;
const FLAGS = { CHECKPOINT_INTERVAL: "5", MAX_FUTURE_SKEW: "10" };
const OPTIONS = {
  checkpointIntervalMs: 5000,
  maxWaitMs: 30_000,
  idleTimeoutMs: 3_600_000,
  outboxMaxRows: 1000,
  maxFutureSkewMs: 10_000,
  readers: new Map(),
};

const event = (aheadSeconds: number) => ({ name: "a", value: 1, timestamp: NOW_MS / 1000 + aheadSeconds });
const events = (count: number, aheadSeconds: number) =>
  Array.from({ length: count }, () => event(aheadSeconds));

async function withRig(work: (rig: Rig, bus: MemorySource) => Promise<void> | void): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-news-" });
  try {
    const bus = new MemorySource();
    using rig = openRig(directory, [bus], NOW_MS, FLAGS);
    rig.core.ingest.checkpointNow();
    await work(rig, bus);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** How many checkpoints are written by what `work` does. */
function writtenBy({ core: { state } }: Rig, work: () => void): number {
  const transaction = state.transaction.bind(state);
  let written = 0;
  state.transaction = (write) => {
    written++;
    return transaction(write);
  };
  try {
    work();
  } finally {
    state.transaction = transaction;
  }
  return written;
}

/** Lets time pass, and looks whether a checkpoint is due. */
const lookAfter = ({ clock, core }: Rig, ms: number) => {
  clock.ms += ms;
  void core.ingest.checkpointIfDue();
};

const aboutAlarms = ({ log }: Rig) =>
  log.filter((line) => line.includes("alarm=")).map((line) => /alarm="(\w+)"/.exec(line)![1]);
const reasons = (alarms: readonly RefusalAlarm[]) => alarms.map(({ reason }) => reason);

Deno.test("a handler that has just started has no news", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-news-" });
  try {
    for (let starts = 0; starts < 2; starts++) {
      using rig = openRig(directory, [new MemorySource()], NOW_MS, FLAGS);
      assert.equal(writtenBy(rig, () => rig.core.ingest.checkpointNow()), 0);
      assert.deepEqual(aboutAlarms(rig), []);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("options that are changed are news, once, and hold from then on", () =>
  withRig((rig) => {
    const { ingest } = rig.core;
    assert.equal(writtenBy(rig, () => ingest.checkpointNow()), 0);
    ingest.change({ ...OPTIONS, checkpointIntervalMs: 60_000 });
    assert.equal(writtenBy(rig, () => lookAfter(rig, 59_999)), 0);
    assert.equal(writtenBy(rig, () => lookAfter(rig, 1)), 1);
    assert.equal(writtenBy(rig, () => ingest.checkpointNow()), 0);
    ingest.change({ ...OPTIONS, outboxMaxRows: 0 });
    assert.equal(ingest.obstacle?.name, "outbox_full");
  }));

Deno.test("an alarm over refused events is on disk with the next checkpoint, and so is its end", () =>
  withRig(async (rig, bus) => {
    const { ingest, state } = rig.core;
    bus.publish(...events(50, 20));
    await rig.readers[0]!.drain(NEVER);
    ingest.checkpointNow();
    ingest.lookAtRefusals();
    assert.deepEqual(ingest.refusalAlarms, [], "the minute is not over");
    assert.deepEqual(readRefusalAlarms(state), []);
    const look = (
      ms: number,
    ) => [writtenBy(rig, () => lookAfter(rig, ms)), reasons(readRefusalAlarms(state))];
    assert.deepEqual(look(60_000), [1, ["future"]]);
    assert.deepEqual(look(5000), [0, ["future"]], "it is told once");
    assert.deepEqual(look(60_000), [1, []]);
    assert.deepEqual(look(60_000), [0, []]);
    assert.deepEqual(aboutAlarms(rig), ["events_refused_future", "events_refused_future"]);
  }));

Deno.test("an alarm that takes the place of another one is news", () =>
  withRig(async (rig, bus) => {
    const { ingest, state } = rig.core;
    for (const refused of [events(50, 20), Array(50).fill("1")]) {
      bus.publish(...refused);
      await rig.readers[0]!.drain(NEVER);
      ingest.checkpointNow();
      rig.clock.ms += 60_000;
      assert.equal(writtenBy(rig, () => ingest.lookAtRefusals()), 0);
      assert.equal(writtenBy(rig, () => ingest.checkpointNow()), 1);
    }
    assert.deepEqual(reasons(readRefusalAlarms(state)), ["invalid"]);
  }));

Deno.test("an alarm over late data is told when it begins and when it ends, and is news each time", () =>
  withRig((rig) => {
    const { ingest, state } = rig.core;
    let alarms: RefusalAlarm[] = [];
    Object.defineProperty(ingest["intake"], "alarms", { get: () => alarms });
    const other = { reason: "future", detail: "too far ahead", since: 1 };
    const late = { reason: "late_data", detail: "the oven is late", since: 1 };
    const told = () => rig.log.splice(0).filter((line) => line.includes("late_data"));
    for (
      const [present, written, telling] of [
        [[other], 0, []],
        [[other, late], 1, [/WARN .*the oven is late/]],
        [[{ ...late, detail: "the oven is late for longer" }], 0, []],
        [[], 1, [/INFO .*no series keeps sending late events any more/]],
        [[], 0, []],
      ] as const
    ) {
      alarms = [...present];
      assert.equal(writtenBy(rig, () => lookAfter(rig, 5000)), written);
      const lines = told();
      assert.equal(lines.length, telling.length);
      telling.forEach((line, i) => assert.match(lines[i]!, line));
      if (written > 0) assert.deepEqual(readRefusalAlarms(state), present);
    }
  }));

Deno.test("the loop that makes checkpoints makes each as it falls due", () =>
  withRig(async (rig, bus) => {
    const { ingest } = rig.core;
    bus.publish(event(0));
    await rig.readers[0]!.drain(NEVER);
    const stop = new AbortController();
    const startedMs = rig.clock.ms;
    const { sleep } = rig.clock;
    rig.clock.sleep = (ms) => {
      if (durableOffset(rig) === 1) stop.abort();
      return sleep(ms);
    };
    await ingest.keepCheckpointing(stop.signal);
    assert.equal(durableOffset(rig), 1);
    assert.ok(rig.clock.ms - startedMs <= 5100, `${rig.clock.ms - startedMs} ms`);
  }));

Deno.test("a state file that has gone away is noticed without any news, and so is its return", () =>
  withRig((rig) => {
    const { ingest, state } = rig.core;
    Deno.renameSync(state.path, `${state.path}.away`);
    assert.equal(ingest.checkpointNow(), false);
    assert.equal(ingest.obstacle?.name, "state_gone");
    Deno.renameSync(`${state.path}.away`, state.path);
    assert.equal(writtenBy(rig, () => assert.equal(ingest.checkpointNow(), true)), 0);
    assert.equal(ingest.obstacle, undefined);
  }));

Deno.test("a redelivery that somebody has asked for wakes the deliveries without any news", () =>
  withRig(async (rig) => {
    const { ingest, outbox, state } = rig.core;
    const stop = new AbortController();
    let isAwake = false;
    const woken = outbox.waitForMore(outbox.endId(), stop.signal).then(() => isAwake = true);
    ingest.checkpointNow();
    await Promise.resolve();
    assert.equal(isAwake, false);
    askForRedelivery(state, "sqlite", 0, NOW_MS);
    ingest.checkpointNow();
    await Promise.resolve();
    assert.equal(isAwake, true);
    stop.abort();
    await woken;
  }));

Deno.test("a look at the clock waits where the state cannot be read, and passes over no damage", () =>
  withRig((rig) => {
    const { checkpoint, ingest } = rig.core;
    const { follow } = checkpoint;
    for (
      const [kind, message] of [["unwritable", "disk I/O error"], ["damaged", "a page is broken"]] as const
    ) {
      checkpoint.follow = () => {
        throw new StateError(kind, message);
      };
      if (kind === "damaged") assert.throws(() => ingest.checkpointNow(), /a page is broken/);
      else assert.equal(ingest.checkpointNow(), true);
    }
    checkpoint.follow = follow;
  }));
