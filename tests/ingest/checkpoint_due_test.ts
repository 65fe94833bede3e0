import assert from "node:assert/strict";
import { leaveRequest, readDeadLetterIds } from "../../src/state/letters/dead_letters.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { durableOffset, MemorySource, openRig, type Rig } from "./rig.ts";

const NOW_MS = 2_000_000_000;
const NEVER = new AbortController().signal;

interface Scene {
  readonly rig: Rig;
  /**
   * Reads what is published, without making a checkpoint; then `ms` go by, and one is made if it is due.
   * Returns whether it was.
   */
  isDueAfter(ms: number, ...events: unknown[]): Promise<boolean>;
}

async function withRig(work: (scene: Scene) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const bus = new MemorySource();
    using rig = openRig(directory, [bus], NOW_MS, {
      CHECKPOINT_INTERVAL: "5",
      AGGREGATION_INTERVAL: "10",
      VABUS_BATCH_SIZE: "20000",
      MAX_WAIT: "30",
    });
    const { ingest } = rig.core;
    const isDueAfter = async (ms: number, ...events: unknown[]) => {
      bus.publish(...events);
      await rig.readers[0]!.drain(NEVER);
      rig.clock.ms += ms;
      await ingest.checkpointIfDue();
      return durableOffset(rig) === bus.next;
    };
    await work({ rig, isDueAfter });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Of a window that stays open. */
const event = (ms = NOW_MS) => ({ name: "a", value: 1, timestamp: ms / 1000 });

Deno.test("a checkpoint is due when its interval is over, counted from the last one", () =>
  withRig(async ({ isDueAfter }) => {
    assert.equal(await isDueAfter(4999, event()), false);
    assert.equal(await isDueAfter(1), true);
    assert.equal(await isDueAfter(4999, event()), false);
    assert.equal(await isDueAfter(1), true);
  }));

Deno.test("requests that a checkpoint leaves to the next one do not wait for the interval", () =>
  withRig(async ({ rig, isDueAfter }) => {
    const { ingest, state } = rig.core;
    assert.equal(await isDueAfter(5000, ...Array.from({ length: 2500 }, () => ({ name: "a" }))), true);
    leaveRequest(state, "purge", readDeadLetterIds(state, {}));
    const purgedAfter = (ms: number) => {
      rig.clock.ms += ms;
      ingest.checkpointIfDue();
      return ingest.fulfilled.purged;
    };
    assert.deepEqual([4999, 1, 49, 1, 49, 1].map(purgedAfter), [0, 1000, 1000, 2000, 2000, 2500]);
  }));

Deno.test("where nothing has come a checkpoint that is due writes nothing", () =>
  withRig(async ({ rig, isDueAfter }) => {
    const { state } = rig.core;
    const transaction = state.transaction.bind(state);
    let written = 0;
    state.transaction = (work) => {
      written++;
      return transaction(work);
    };
    await isDueAfter(5000, event());
    // Its window closes.
    await isDueAfter(5000);
    const before = written;
    assert.ok(before >= 2);
    for (let i = 0; i < 3; i++) await isDueAfter(5000);
    assert.equal(written, before);
    await isDueAfter(5000, event(rig.clock.ms));
    assert.equal(written, before + 1);
  }));

Deno.test("checkpoints take a tenth of the time at most: after a long one the next is due later", () =>
  withRig(async ({ rig, isDueAfter }) => {
    const { state } = rig.core;
    const transaction = state.transaction.bind(state);
    let tookMs = 800;
    state.transaction = (work) => {
      rig.clock.ms += tookMs;
      return transaction(work);
    };
    const later = event(NOW_MS + 50_000);
    assert.equal(await isDueAfter(5000, later), true);
    tookMs = 0;
    assert.equal(await isDueAfter(7999, later), false);
    assert.equal(await isDueAfter(1), true);
    assert.equal(await isDueAfter(5000, later), true);
  }));

Deno.test("a window that is due is not left waiting, but for 50 ms since others were closed", () =>
  withRig(async ({ rig, isDueAfter }) => {
    assert.equal(await isDueAfter(5000, event()), true);
    rig.core.ingest.setIdle(0);
    const later = event(NOW_MS + 6000);
    assert.equal(await isDueAfter(0, later, event(NOW_MS - 20_000)), true);
    const endId = rig.core.outbox.endId();
    assert.ok(endId > 0);
    assert.equal(await isDueAfter(49, event(NOW_MS - 20_000)), false);
    assert.equal(await isDueAfter(1), true);
    assert.ok(rig.core.outbox.endId() > endId);
  }));

Deno.test("where a window ends within 50 ms the checkpoint that closes it is the next one", () =>
  withRig(async ({ rig, isDueAfter }) => {
    const { outbox } = rig.core;
    const of = (windowMs: number) => event(NOW_MS + windowMs);
    assert.equal(await isDueAfter(14_949, of(10_000)), true);
    assert.equal(await isDueAfter(5000, of(10_000)), true, "51 ms before the end");
    assert.equal(outbox.endId(), 0);
    assert.equal(await isDueAfter(5001, of(20_000)), true);
    assert.equal(outbox.endId(), 1);
    assert.equal(await isDueAfter(5000, of(20_000)), false, "50 ms before the end");
    assert.equal(await isDueAfter(50), true);
    assert.equal(outbox.endId(), 2);
  }));

Deno.test("windows of the past that fill the memory are closed, whatever time checkpoints take", () =>
  withRig(async ({ rig, isDueAfter }) => {
    const { state, aggregator } = rig.core;
    const transaction = state.transaction.bind(state);
    state.transaction = (work) => {
      rig.clock.ms += 10_000;
      return transaction(work);
    };
    const windowsFrom = (startMs: number, count: number) =>
      Array.from({ length: count }, (_, i) => event(startMs + i * 10_000));
    const startMs = NOW_MS - 40_000_000;
    assert.equal(await isDueAfter(5000, event(startMs)), true);
    // Checkpoints take a tenth of the time, so the next is due after 100 s.
    assert.equal(await isDueAfter(1, ...windowsFrom(startMs, 2000)), false);
    assert.equal(await isDueAfter(1, ...windowsFrom(startMs + 20_000_000, 100)), true);
    assert.ok(aggregator.windows.windowCount < 10);
    assert.equal(await isDueAfter(1, event(startMs + 30_000_000)), false);
  }));

Deno.test("one window of the past with very many series is closed, whatever time checkpoints take", () =>
  withRig(async ({ rig, isDueAfter }) => {
    const { state } = rig.core;
    const transaction = state.transaction.bind(state);
    state.transaction = (work) => {
      rig.clock.ms += 10_000;
      return transaction(work);
    };
    const startMs = NOW_MS - 40_000_000;
    const series = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ ...event(startMs), name: `n${from + i}` }));
    assert.equal(await isDueAfter(5000, event(startMs)), true);
    for (let from = 0; from < 65_536; from += 16_384) {
      assert.equal(await isDueAfter(1, ...series(from, from + 16_384)), false);
    }
    assert.equal(await isDueAfter(1, ...series(65_536, 65_537)), true);
    assert.equal(await isDueAfter(1, ...series(0, 1)), false);
  }));

Deno.test("a window waits for a bus that is out of reach until MAX_WAIT is over since its end, and no longer", () =>
  withRig(async ({ rig: { core, clock }, isDueAfter }) => {
    const endMs = NOW_MS + 10_000;
    assert.equal(await isDueAfter(5000, event()), true);
    core.ingest.readFailed(0, "away");
    clock.ms = endMs + 29_999;
    core.ingest.checkpointNow();
    assert.equal(core.outbox.endId(), 0);
    clock.ms += 1;
    core.ingest.checkpointNow();
    assert.equal(core.outbox.endId(), 1);
  }));

Deno.test("what is refused is brought to disk when it has become much", () =>
  withRig(async ({ isDueAfter }) => {
    assert.equal(await isDueAfter(0, ...Array(9999).fill("1")), false);
    assert.equal(await isDueAfter(0, "1"), true);
    const long = JSON.stringify("x".repeat(65_534));
    assert.equal(await isDueAfter(0, ...Array(255).fill(long)), false);
    assert.equal(await isDueAfter(0, long), true);
    assert.equal(await isDueAfter(0, "1"), false);
  }));

Deno.test("a state that could not be written is tried again each second, and fetching stops meanwhile", () =>
  withRig(async ({ rig, isDueAfter }) => {
    const { ingest, state } = rig.core;
    const { transaction } = state;
    let tries = 0;
    state.transaction = () => {
      tries++;
      throw new StateError("unwritable", "the disk is full");
    };
    assert.equal(await isDueAfter(5000, event()), false);
    assert.equal(tries, 1);
    assert.deepEqual(ingest.obstacle, { name: "state_not_writable", detail: "the disk is full" });
    for (let i = 2; i < 5; i++) {
      rig.clock.ms += 999;
      ingest.checkpointIfDue();
      assert.equal(tries, i - 1);
      rig.clock.ms += 1;
      ingest.checkpointIfDue();
      assert.equal(tries, i);
    }
    assert.equal(rig.log.filter((line) => line.includes("fetching stops")).length, 1);
    state.transaction = transaction;
    rig.clock.ms += 1000;
    ingest.checkpointIfDue();
    assert.equal(ingest.obstacle, undefined);
    assert.equal(durableOffset(rig), 1);
    assert.equal(rig.log.filter((line) => line.includes("can be written again")).length, 1);
  }));

Deno.test("patience for what stands in the way of fetching is measured, and told apart from its end", () =>
  withRig(async ({ rig }) => {
    const { ingest } = rig.core;
    const { pulse, sources: [source] } = ingest;
    let leftMs = Infinity;
    Object.defineProperty(ingest["gate"], "obstacle", {
      get: () => leftMs > 0 ? { name: "outbox_full", detail: "full" } : undefined,
    });
    const sleep = rig.clock.sleep;
    rig.clock.sleep = (ms) => {
      leftMs -= ms;
      return sleep(ms);
    };
    const startedMs = rig.clock.ms;
    await ingest.mayFetch(source!, NEVER, pulse, { sinceMs: -Infinity, ms: 30_000 });
    assert.equal(rig.clock.ms - startedMs, 30_000);
    leftMs = 1000;
    await ingest.mayFetch(source!, NEVER, pulse);
    assert.equal(rig.clock.ms - startedMs, 31_000);
    leftMs = Infinity;
    await ingest.mayFetch(source!, AbortSignal.abort(), pulse);
    assert.equal(rig.clock.ms - startedMs, 31_000);
  }));

Deno.test("the loop that makes checkpoints is stuck while it is silent for too long, not when it has ended", () =>
  withRig(async ({ rig }) => {
    const { ingest } = rig.core;
    const stop = new AbortController();
    let wasStuck: string | undefined;
    rig.clock.sleep = () => {
      rig.clock.ms += 3_600_000;
      wasStuck = ingest.pulse.overdue(0);
      stop.abort();
      return Promise.resolve();
    };
    await ingest.keepCheckpointing(stop.signal);
    assert.equal(wasStuck, "the next look for a checkpoint that is due");
    assert.equal(ingest.pulse.overdue(0), undefined);
  }));
