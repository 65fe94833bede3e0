import assert from "node:assert/strict";
import { MemorySource, nextOffset, openRig, outboxRows, type Rig } from "./rig.ts";
import { giveWay } from "../../src/platform/clock/steps.ts";
import { StateError } from "../../src/state/file/state_error.ts";

const NOW_MS = 1_700_000_000_000;
const SERIES = 20_000;
const NEVER = new AbortController().signal;

const events = (ofMs: number, value: number) =>
  Array.from({ length: SERIES }, (_, n) => ({ name: `n${n}`, value, timestamp: ofMs / 1000 }));

/** Very many series in one open window, which is due. `at` is called at each turn of the close. */
async function withDueWindow(
  work: (rig: Rig, buses: readonly MemorySource[], at: (turn: () => void) => void) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const buses = [new MemorySource("http://one"), new MemorySource("http://two")];
    using rig = openRig(directory, buses, NOW_MS, { VABUS_BATCH_SIZE: `${SERIES}` });
    buses[1]!.log = "second-log";
    buses[0]!.publish(...events(NOW_MS - 20_000, 1));
    for (const reader of rig.readers) await reader.drain(NEVER);
    let onTurn = () => {};
    const { sleep } = rig.clock;
    rig.clock.sleep = async (ms) => {
      // Whatever waits for the event loop has a turn, as with a real clock.
      await (ms === 0 ? giveWay() : sleep(ms));
      if (ms === 0) onTurn();
    };
    await work(rig, buses, (turn) => onTurn = turn);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("what is read while windows close in turns is taken in after that", () =>
  withDueWindow(async (rig, buses, at) => {
    const { ingest } = rig.core;
    buses[1]!.publish(...events(NOW_MS - 20_000, 5).slice(0, 3));
    let turns = 0;
    let drained: Promise<unknown> | undefined;
    at(() => {
      turns++;
      assert.ok(ingest.closing);
      assert.equal(nextOffset(rig, 1), 0);
      assert.equal(rig.core.outbox.endId(), 0);
      drained ??= rig.readers[1]!.drain(NEVER);
    });
    rig.clock.ms += 1000;
    assert.equal(await ingest.checkpointInTurns(), true);
    assert.ok(turns > 1);
    assert.equal(rig.core.outbox.endId(), SERIES);
    await drained;
    assert.equal(nextOffset(rig, 1), 3);
    assert.equal(ingest.checkpointNow(true), true);
    const corrected = outboxRows(rig).filter(({ count }) => count === 2);
    assert.deepEqual(corrected.map(({ value }) => value), [6, 6, 6]);
    assert.equal(outboxRows(rig).length, SERIES);
  }));

Deno.test("two who ask for a checkpoint while windows close in turns wait for the same one", () =>
  withDueWindow(async (rig, _, at) => {
    const { ingest } = rig.core;
    const asked: Promise<unknown>[] = [];
    at(() => asked.push(ingest.checkpointIfDue(), ingest.checkpointInTurns(true)));
    rig.clock.ms += 1000;
    await ingest.checkpointIfDue();
    assert.equal(ingest.closing, undefined);
    await Promise.all(asked);
    assert.ok(asked.length >= 4);
    assert.equal(rig.core.outbox.endId(), SERIES);
  }));

Deno.test("a checkpoint at once in the middle of a close, as at the end of a run, closes each window once", () =>
  withDueWindow(async (rig, _, at) => {
    const { ingest } = rig.core;
    at(() => assert.equal(ingest.checkpointNow(), true));
    rig.clock.ms += 1000;
    assert.equal(await ingest.checkpointInTurns(), true);
    assert.equal(rig.core.outbox.endId(), SERIES);
    assert.equal(rig.core.aggregator.windows.windowCount, 0);
  }));

Deno.test("a state that cannot be written ends a close in turns like any other, and nothing is lost", () =>
  withDueWindow(async (rig) => {
    const { ingest, state } = rig.core;
    const { transaction } = state;
    state.transaction = () => {
      throw new StateError("unwritable", "the disk is full");
    };
    assert.equal(await ingest.checkpointInTurns(true), false);
    assert.equal(ingest.obstacle?.name, "state_not_writable");
    state.transaction = transaction;
    assert.equal(await ingest.checkpointInTurns(true), true);
    assert.equal(ingest.obstacle, undefined);
    assert.equal(outboxRows(rig).length, SERIES);
  }));

Deno.test("a damaged state that shows while windows close in turns is not passed over", () =>
  withDueWindow(async (rig, _, at) => {
    const { ingest, state } = rig.core;
    at(() => {
      state.transaction = () => {
        throw new StateError("damaged", "a page is broken");
      };
    });
    await assert.rejects(ingest.checkpointInTurns(true), /a page is broken/);
    assert.equal(ingest.closing, undefined);
  }));

Deno.test("a state that cannot be read while the rows are made is tried again with the checkpoint, a broken one is not", () =>
  withDueWindow(async (rig) => {
    const { checkpoint: { closer }, ingest } = rig.core;
    const { prepare } = closer;
    closer.prepare = () => Promise.reject(new StateError("damaged", "a page is broken"));
    await assert.rejects(ingest.checkpointInTurns(true), /a page is broken/);
    closer.prepare = () => Promise.reject(new StateError("unwritable", "disk I/O error"));
    assert.equal(await ingest.checkpointInTurns(true), true);
    closer.prepare = prepare;
    assert.equal(rig.core.outbox.endId(), SERIES);
  }));

Deno.test("whoever closes windows in turns shows at each turn that it is alive", () =>
  withDueWindow(async (rig, _, at) => {
    const { ingest } = rig.core;
    const seen = new Set<string | undefined>();
    at(() => {
      seen.add(ingest.pulse.overdue(0));
      rig.clock.ms++;
      seen.add(ingest.pulse.overdue(0));
    });
    await ingest.checkpointInTurns(true);
    assert.deepEqual([...seen], [undefined, "the next step of closing windows"]);
  }));
