import assert from "node:assert/strict";
import type { Outcome } from "../../src/contract/source.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { leaveRequest, readDeadLetters, readRequests } from "../../src/state/letters/dead_letters.ts";
import { MemorySource, openRig, outboxRows, type Rig } from "./rig.ts";

const NOW_MS = 2_000_000_000;

/**
 * A handler that has refused the given events as too far ahead, and whose clock has caught up with them
 * since.
 */
async function rigWithRefused(directory: string, ...events: unknown[]): Promise<Rig> {
  const source = new MemorySource();
  source.publish(...events);
  const rig = openRig(directory, [source], NOW_MS, { MAX_FUTURE_SKEW: "0" });
  await rig.readers[0]!.drain(new AbortController().signal);
  rig.core.ingest.checkpointNow();
  rig.clock.ms += 1_000_000;
  return rig;
}

async function inTemporaryDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const ahead = (name: string) => ({ name, value: 1, timestamp: NOW_MS / 1000 + 50 });

Deno.test("an operator who asks twice for the same dead letter gets its event counted once", async () => {
  await inTemporaryDirectory(async (directory) => {
    using rig = await rigWithRefused(directory, ahead("a"), ahead("b"));
    const { state, ingest, aggregator } = rig.core;
    const ids = readDeadLetters(state, { limit: 9 }).map(({ id }) => id);
    leaveRequest(state, "retry", ids);
    leaveRequest(state, "retry", [ids[0]!, ids[0]!]);
    ingest.checkpointNow(true);
    assert.deepEqual(outboxRows(rig).map(({ name, count }) => [name, count]), [["a", 1], ["b", 1]]);
    assert.deepEqual([aggregator.books.received, aggregator.books.future], [2, 0]);
    assert.deepEqual(readDeadLetters(state, { limit: 9 }), []);
    assert.deepEqual(readRequests(state), []);
    assert.equal(ingest.fulfilled.retried, 2);
  });
});

Deno.test("of two requests for one dead letter the first counts", async () => {
  await inTemporaryDirectory(async (directory) => {
    using rig = await rigWithRefused(directory, ahead("thrown away"), ahead("kept"));
    const { state, ingest } = rig.core;
    const [first, second] = readDeadLetters(state, { limit: 9 }).map(({ id }) => id);
    leaveRequest(state, "purge", [first!]);
    leaveRequest(state, "retry", [first!, second!]);
    leaveRequest(state, "purge", [second!]);
    ingest.checkpointNow(true);
    assert.deepEqual(outboxRows(rig).map(({ name, count }) => [name, count]), [["kept", 1]]);
    assert.deepEqual(ingest.fulfilled, { retried: 1, purged: 1 });
    assert.deepEqual(readDeadLetters(state, { limit: 9 }), []);
  });
});

Deno.test("a dead letter of a bus that is configured no more is no duplicate of another bus's ids", async () => {
  await inTemporaryDirectory(async (directory) => {
    const withId = (id: string, ahead: number) => ({
      name: "a",
      value: 1,
      timestamp: NOW_MS / 1000 + ahead,
      id,
    });
    const flags = { MAX_FUTURE_SKEW: "0" };
    const [stays, goes] = [new MemorySource("http://stays"), new MemorySource("http://goes")];
    goes.log = "other-log";
    stays.publish(withId("1", 0));
    goes.publish(withId("1", 50), withId("2", 50));
    {
      using rig = openRig(directory, [stays, goes], NOW_MS, flags);
      for (const reader of rig.readers) await reader.drain(new AbortController().signal);
      rig.core.ingest.checkpointNow();
    }
    using rig = openRig(directory, [stays], NOW_MS + 1_000_000, flags);
    const { aggregator, ingest, state } = rig.core;
    leaveRequest(state, "retry", readDeadLetters(state, { limit: 9 }).map(({ id }) => id));
    ingest.checkpointNow();
    stays.publish(withId("2", 51));
    await rig.readers[0]!.drain(new AbortController().signal);
    const { aggregated, duplicate } = aggregator.books;
    assert.deepEqual({ aggregated, duplicate }, { aggregated: 4, duplicate: 0 });
  });
});

Deno.test("of two buses that begin one log at the same moment, one is taken in", async () => {
  await inTemporaryDirectory((directory) => {
    using rig = openRig(directory, [new MemorySource("http://one"), new MemorySource("http://two")], NOW_MS);
    const { ingest } = rig.core;
    const settle = (number: number, outcome: Outcome) =>
      ingest.settle(number, ingest.partitions[number]!.progress, outcome, new EventBatch(), 0);
    const step = { lineage: "one log", next: "1", offset: 1, lost: 0, decodeMs: 0 } as const;
    assert.ok(settle(0, { ...step, kind: "events" }));
    for (const kind of ["events", "idle", "gap", "restarted", "moved"] as const) {
      assert.ok(!settle(1, { ...step, kind }), kind);
    }
    assert.deepEqual(ingest.partitions.map((state) => state?.progress.lineage), ["one log", undefined]);
    assert.ok(settle(0, { ...step, kind: "idle" }), "the one that reads it reads on");
    assert.ok(settle(1, { ...step, lineage: "another log", kind: "events" }));
    return Promise.resolve();
  });
});

Deno.test("a bus that begins a new log is not idle until it has been found empty for long enough again", async () => {
  await inTemporaryDirectory(async (directory) => {
    const source = new MemorySource();
    source.publish({ name: "a", value: 1, timestamp: NOW_MS / 1000 });
    using rig = openRig(directory, [source], NOW_MS, { IDLE_TIMEOUT: "10" });
    const { ingest } = rig.core;
    await rig.readers[0]!.drain(new AbortController().signal);
    ingest.checkpointNow();
    // Idle by now, its window not ended yet by the wall clock.
    const settle = (outcome: Outcome, elapsedMs: number) =>
      ingest.settle(0, ingest.partitions[0]!.progress, outcome, new EventBatch(), elapsedMs);
    const step = { lineage: "another log", next: undefined, offset: undefined, lost: 0 };
    settle({ ...step, kind: "restarted" }, 0);
    rig.clock.ms += 60_000;
    ingest.checkpointNow();
    assert.deepEqual(outboxRows(rig), []);
    settle({ ...step, kind: "idle", decodeMs: 0 }, 10_000);
    ingest.checkpointNow();
    assert.equal(outboxRows(rig).length, 1);
  });
});

Deno.test("a bus that is back at a log that was read before has been read, and is out of no reach any more", async () => {
  await inTemporaryDirectory(async (directory) => {
    const source = new MemorySource();
    source.publish({ name: "a", value: 1, timestamp: NOW_MS / 1000 });
    using rig = openRig(directory, [source], NOW_MS);
    const { ingest } = rig.core;
    await rig.readers[0]!.drain(new AbortController().signal);
    const state = ingest.partitions[0]!;
    const { lineage, position } = state.progress;
    const settle = (outcome: Outcome) => ingest.settle(0, state.progress, outcome, new EventBatch(), 0);
    assert.ok(settle({ kind: "restarted", lineage: "another", next: undefined, offset: undefined, lost: 0 }));
    ingest.checkpointNow();
    state.failed("no connection", NOW_MS);
    assert.ok(settle({ kind: "moved", lineage: lineage! }));
    assert.deepEqual([state.progress.lineage, state.progress.position], [lineage, position]);
    assert.equal(state.failure, undefined);
  });
});

Deno.test("the alarm over invalid events says what is wrong with one of them", async () => {
  await inTemporaryDirectory(async (directory) => {
    const source = new MemorySource();
    source.publish({ name: "a", timestamp: NOW_MS / 1000 });
    using rig = openRig(directory, [source], NOW_MS);
    const { ingest } = rig.core;
    await rig.readers[0]!.drain(new AbortController().signal);
    ingest.lookAtRefusals(true);
    assert.match(
      ingest.refusalAlarms[0]!.detail,
      /refused as invalid\. The latest: value is not a finite number\./,
    );
  });
});

Deno.test("a dead letter tells the offset that its event had, whichever place in a reply that was", async () => {
  await inTemporaryDirectory(async (directory) => {
    const source = new MemorySource();
    source.publish("1", ahead("fine"), ahead("too far"), "2");
    using rig = openRig(directory, [source], NOW_MS, { MAX_FUTURE_SKEW: "40", VABUS_BATCH_SIZE: "10" });
    const read = async () => {
      await rig.readers[0]!.drain(new AbortController().signal);
      rig.core.ingest.checkpointNow();
      return readDeadLetters(rig.core.state, { limit: 9 })
        .sort((a, b) => a.offset! - b.offset!).map(({ offset, reason }) => [offset, reason]);
    };
    const first = [[0, "invalid"], [1, "future"], [2, "future"], [3, "invalid"]];
    assert.deepEqual(await read(), first);
    source.publish({ name: "a", value: 1, timestamp: NOW_MS / 1000 }, "3", ahead("late"));
    assert.deepEqual(await read(), [...first, [5, "invalid"], [6, "future"]]);
  });
});

Deno.test("the ids of a bus that has moved go with it: another bus at its old address has none", async () => {
  await inTemporaryDirectory(async (directory) => {
    const event = { name: "a", value: 1, timestamp: NOW_MS / 1000, id: "1" };
    const read = async (...sources: MemorySource[]) => {
      using rig = openRig(directory, sources, NOW_MS);
      for (const reader of rig.readers) await reader.drain(new AbortController().signal);
      rig.core.ingest.checkpointNow();
      const { aggregated, duplicate } = rig.core.aggregator.books;
      return { aggregated, duplicate };
    };
    const bus = new MemorySource("http://old");
    bus.publish(event);
    assert.deepEqual(await read(bus), { aggregated: 1, duplicate: 0 });
    const moved = new MemorySource("http://new");
    moved.publish(event, event);
    assert.deepEqual(await read(moved), { aggregated: 1, duplicate: 1 });
    const other = new MemorySource("http://old");
    other.log = "another-log";
    other.publish(event);
    assert.deepEqual(await read(moved, other), { aggregated: 2, duplicate: 1 });
  });
});

Deno.test("a cursor that has moved is news for a checkpoint, once; without news nothing is written", async () => {
  await inTemporaryDirectory(async (directory) => {
    const source = new MemorySource();
    source.publish({ name: "a", value: 1, timestamp: NOW_MS / 1000 });
    {
      using rig = openRig(directory, [source], NOW_MS);
      const { ingest, outbox, state } = rig.core;
      await rig.readers[0]!.drain(new AbortController().signal);
      ingest.checkpointNow(true);
      const transaction = state.transaction.bind(state);
      let written = 0;
      state.transaction = (work) => {
        written++;
        return transaction(work);
      };
      assert.ok(ingest.checkpointNow());
      assert.equal(written, 0);
      outbox.advance("sqlite", 1);
      outbox.advance("sqlite", 1);
      assert.ok(ingest.checkpointNow());
      assert.ok(ingest.checkpointNow());
      assert.equal(written, 1);
    }
    using rig = openRig(directory, [source], NOW_MS);
    assert.equal(rig.core.outbox.cursor("sqlite"), 1);
    assert.equal(rig.core.outbox.hasUnsavedCursors, false);
  });
});
