/** What becomes of a partition and its counts by each outcome of a read, and by an operator's order. */
import assert from "node:assert/strict";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import type { Outcome, Partition, Progress } from "../../src/contract/source.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { type IngestObserver, UNOBSERVED } from "../../src/ingest/ingest_options.ts";
import { readAudit } from "../../src/state/audit.ts";
import { readBookEntries } from "../../src/state/checkpoint/book_entries.ts";
import { DOUBTFUL_ENTRY, RESET_ENTRY, SKIPPED_ENTRY } from "../../src/state/outbox/losses.ts";
import { PartedBus } from "../contract/toy/parted_bus.ts";
import { MemorySource, nextOffset, openRig, outboxRows, type Rig } from "./rig.ts";

const NOW_MS = 2_000_000_000;
const NEVER = new AbortController().signal;
const LOG = "first-log";

const event = (aheadSeconds = 0) => ({ name: "a", value: 1, timestamp: NOW_MS / 1000 + aheadSeconds });

async function inDirectory(work: (directory: string) => Promise<void> | void): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-moves-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A handler that has read `read` events of its first bus, and none of its others. */
async function withRead(
  read: number,
  work: (rig: Rig, buses: readonly MemorySource[]) => Promise<void> | void,
  flags: Record<string, string> = {},
  observer: IngestObserver = UNOBSERVED,
): Promise<void> {
  await inDirectory(async (directory) => {
    const buses = [new MemorySource(), new MemorySource("http://other")];
    buses[1]!.log = "second-log";
    for (let i = 0; i < read; i++) buses[0]!.publish(event());
    using rig = openRig(directory, buses, NOW_MS, { IDLE_TIMEOUT: "10", ...flags }, undefined, observer);
    for (const reader of rig.readers) await reader.drain(NEVER);
    rig.core.ingest.checkpointNow();
    await work(rig, buses);
  });
}

function batchOf(count: number, events: readonly unknown[] = Array(count).fill(event())): EventBatch {
  const batch = new EventBatch();
  const reply = { log: "log", offset: 0, next: count, events };
  scanReply(new TextEncoder().encode(JSON.stringify(reply)), batch);
  return batch;
}

/** Settles a read of the first partition that began where the partition is. */
function settle({ core: { ingest } }: Rig, outcome: Outcome, batch = new EventBatch(), number = 0): boolean {
  return ingest.settle(number, ingest.partitions[number]!.progress, outcome, batch, 50, 30);
}

const at = (offset: number | undefined, lineage = LOG) => ({
  lineage,
  next: `${offset}`,
  offset,
  lost: 0,
  decodeMs: 10,
});
const historyOf = ({ core }: Rig, number = 0) => core.ingest.partitions[number]!.progress.history;
/** The number of the last event whose fingerprint is known. */
const lastKnown = (rig: Rig) => historyOf(rig).at(historyOf(rig).size - 1).offset;

/** The partition is sent back: such an outcome tells of no loss. */
function returned(offset: number | undefined, doubtful: number, next = `${offset}`): Outcome {
  return { lineage: LOG, next, offset, kind: "returned", doubtful };
}

function countsOf({ core: { checkpoint, ingest, state } }: Rig) {
  ingest.checkpointNow();
  const entries = readBookEntries(state);
  return {
    lost: checkpoint.counters.lost,
    inAll: ingest.lostEvents,
    ofPartition: ingest.partitions[0]!.lost,
    skipped: entries.get(SKIPPED_ENTRY) ?? 0,
    doubtful: entries.get(DOUBTFUL_ENTRY) ?? 0,
  };
}
const NONE = { lost: 0, inAll: 0, ofPartition: 0, skipped: 0, doubtful: 0 };

Deno.test("what a bus may have given before is told, but for events that are known by their ids", async () => {
  for (const [dedup, doubtful] of [["100", 2], ["0", 3]] as const) {
    await withRead(0, (rig) => {
      const events = [event(), event(), { ...event(), id: "a" }, event(), { ...event(), id: "b" }];
      const mayBeRepeated = (position: number) => position < 4 && position !== 1;
      const taken = { ...at(undefined), kind: "events", mayBeRepeated } as const;
      assert.ok(settle(rig, taken, batchOf(5, events)));
      assert.deepEqual(countsOf(rig), { ...NONE, doubtful });
    }, { DEDUP_MAX_IDS: dedup });
  }
});

Deno.test("how often a bus began anew or went back is counted, since what it had unread is unknown", () =>
  withRead(2, (rig) => {
    const resets = () => {
      rig.core.ingest.checkpointNow();
      return readBookEntries(rig.core.state).get(RESET_ENTRY) ?? 0;
    };
    assert.equal(resets(), 0);
    assert.ok(settle(rig, { ...at(2), kind: "gap", lost: 1 }));
    assert.equal(resets(), 0);
    assert.ok(settle(rig, returned(1, 0)));
    assert.equal(resets(), 1);
    assert.ok(settle(rig, { ...at(0, "other"), kind: "restarted" }));
    assert.equal(resets(), 2);
  }));

Deno.test("events that an operator gives up are skipped once, and count as lost and as given up", () =>
  withRead(2, async (rig, [bus]) => {
    const { aggregator, ingest, state } = rig.core;
    for (let i = 0; i < 8; i++) bus!.publish(event());
    assert.equal(ingest.giveUpBefore(0, 2, "ann"), true, "that is where it is");
    assert.equal(ingest.giveUpBefore(0, 1, "ann"), true);
    assert.deepEqual([nextOffset(rig), countsOf(rig)], [2, NONE]);
    assert.equal(ingest.giveUpBefore(0, 5, "ann"), true);
    assert.equal(nextOffset(rig), 5);
    assert.equal(ingest.lostEvents, 3, "at once");
    const given = { lost: 3, inAll: 3, ofPartition: 3, skipped: 3, doubtful: 0 };
    assert.deepEqual(countsOf(rig), given);
    assert.equal(ingest.giveUpBefore(0, 5, "ann"), true);
    await rig.readers[0]!.drain(NEVER);
    assert.deepEqual([aggregator.books.aggregated, countsOf(rig)], [7, given]);
    assert.deepEqual(
      readAudit(state, 9).map(({ who, action, detail, result }) => [who, action, detail, result]),
      [["ann", "--skip-to", "http://bus=5", "3 events given up"]],
    );
  }));

Deno.test("events of a bus that was never read can be given up, those of one without offsets cannot", () =>
  inDirectory(async (directory) => {
    const buses = [
      new MemorySource(),
      new PartedBus("parted://one", ""),
      new PartedBus("parted://many", "0"),
    ];
    const [, one] = buses as [MemorySource, PartedBus, PartedBus];
    one.publish("", event());
    const sources = buses.map((bus) => bus instanceof PartedBus ? bus.createSource() : bus);
    using rig = openRig(directory, sources, NOW_MS);
    const { ingest } = rig.core;
    for (const reader of rig.readers.slice(1)) await reader.drain(NEVER);
    assert.deepEqual([0, 1, 2].map((source) => ingest.giveUpBefore(source, 4)), [true, false, false]);
    assert.deepEqual([nextOffset(rig), ingest.lostEvents], [4, 4]);
    assert.equal(ingest.partitions[1]!.progress.position, "after 1");
  }));

Deno.test("events that a bus no longer has are counted once, whichever outcome tells of them", () =>
  withRead(2, (rig) => {
    assert.ok(settle(rig, { ...at(7), kind: "events", lost: 3 }, batchOf(2)));
    assert.deepEqual(countsOf(rig), { ...NONE, lost: 3, inAll: 3, ofPartition: 3 });
    assert.ok(settle(rig, { ...at(11), kind: "gap", lost: 4 }));
    assert.deepEqual(countsOf(rig), { ...NONE, lost: 7, inAll: 7, ofPartition: 7 });
    assert.ok(settle(rig, { ...at(13), kind: "idle", lost: 2 }));
    assert.deepEqual(countsOf(rig), { ...NONE, lost: 9, inAll: 9, ofPartition: 9 });
    assert.deepEqual(countsOf(rig), { ...NONE, lost: 9, inAll: 9, ofPartition: 9 });
    assert.equal(nextOffset(rig), 13);
  }));

Deno.test("a partition that goes back has doubtful events and no lost ones, and knows no more than what is before", () =>
  withRead(20, (rig) => {
    assert.equal(lastKnown(rig), 19);
    assert.ok(settle(rig, returned(15, 5)));
    assert.deepEqual([nextOffset(rig), lastKnown(rig)], [15, 14]);
    assert.deepEqual(countsOf(rig), { ...NONE, doubtful: 5 });
    assert.ok(settle(rig, returned(12, 3)));
    assert.deepEqual(countsOf(rig), { ...NONE, doubtful: 8 });
    assert.ok(settle(rig, returned(undefined, 0, "12")));
    assert.equal(historyOf(rig).size, 0, "events without numbers have no fingerprints");
  }));

Deno.test("the fingerprints of events are those of their own log, under their own numbers", () =>
  withRead(2, (rig) => {
    const own = historyOf(rig);
    assert.equal(own.size, 2);
    assert.ok(settle(rig, { ...at(5), kind: "events" }, batchOf(3)));
    assert.equal(historyOf(rig), own);
    assert.deepEqual([own.size, lastKnown(rig)], [5, 4]);
    assert.ok(settle(rig, { ...at(undefined), next: "6", kind: "events" }, batchOf(1)));
    assert.equal(historyOf(rig).size, 0);
    assert.ok(settle(rig, { ...at(100, "new-log"), kind: "restarted" }));
    assert.notEqual(historyOf(rig), own);
    assert.ok(settle(rig, { ...at(103, "new-log"), kind: "events" }, batchOf(3)));
    assert.deepEqual([historyOf(rig).size, lastKnown(rig)], [3, 102]);
  }));

Deno.test("partitions that exchange their logs exchange what is durable of them, and none of them is idle", () =>
  withRead(3, (rig) => {
    const { aggregator, ingest } = rig.core;
    const [one, two] = [ingest.partitions[0]!, ingest.partitions[1]!];
    const [ofOne, ofTwo] = [one.committed, two.committed];
    const told: (readonly [number, Progress])[] = [];
    [one, two].forEach((state, i) => {
      state.partition = {
        ...state.partition!,
        committed: (progress: Progress) => Promise.resolve(void told.push([i, progress])),
      } as Partition;
    });
    const exchange = (number: number, lineage: string) =>
      settle(rig, { kind: "exchanged", lineage }, undefined, number);
    assert.equal(exchange(0, "unknown-log"), false);
    assert.deepEqual([one.committed, told], [ofOne, []]);
    assert.equal(exchange(1, LOG), true);
    assert.deepEqual([one.committed, two.committed], [ofTwo, ofOne]);
    assert.deepEqual(told.splice(0), [[1, ofOne], [0, ofTwo]]);
    ingest.checkpointNow();
    assert.deepEqual(told.map(([number]) => number).sort(), [0, 1], "both are in the checkpoint");
    for (const [i, lineage] of [LOG, "second-log"].entries()) {
      ingest.setIdle(0);
      ingest.setIdle(1);
      assert.equal(exchange(0, lineage), true);
      assert.equal(one.progress.lineage, lineage);
      ingest.setIdle(i);
      assert.equal(aggregator.watermark.allIdle(), false, `${1 - i} is not idle`);
    }
  }));

Deno.test("what was read from where a partition is no more is not taken in", () =>
  withRead(2, (rig) => {
    const { aggregator, ingest } = rig.core;
    const earlier = ingest.partitions[0]!.progress;
    assert.ok(settle(rig, { ...at(3), kind: "events" }, batchOf(1)));
    assert.equal(ingest.settle(0, earlier, { ...at(3), kind: "events" }, batchOf(1), 0), false);
    assert.deepEqual([aggregator.books.aggregated, nextOffset(rig)], [3, 3]);
  }));

Deno.test("a read that brings events ends the failure of its partition, and its steps are told in seconds", async () => {
  const told: unknown[][] = [];
  const observer = {
    ...UNOBSERVED,
    processed: (...call: Parameters<IngestObserver["processed"]>) => {
      const [source, steps, before, after] = call;
      told.push([source, steps, after.received - before.received]);
    },
    checkpointed: (seconds: number) => told.push([seconds]),
  };
  await withRead(
    0,
    (rig) => {
      const { ingest, state } = rig.core;
      told.splice(0);
      ingest.readFailed(0, "away");
      assert.ok(settle(rig, { ...at(2), kind: "events" }, batchOf(2)));
      assert.equal(ingest.sources[0]!.failure, undefined);
      assert.deepEqual(told.splice(0), [["http://bus", { fetch: 0.02, decode: 0.01, aggregate: 0 }, 2]]);
      const transaction = state.transaction.bind(state);
      state.transaction = (work) => {
        rig.clock.ms += 1500;
        return transaction(work);
      };
      ingest.checkpointNow();
      assert.deepEqual(told, [[1.5]]);
    },
    {},
    observer,
  );
});

Deno.test("a window waits for MAX_WAIT for a bus that is paused or cannot be opened, though it was idle before", async () => {
  const endMs = NOW_MS + 10_000;
  const ways: ((rig: Rig) => void)[] = [
    ({ core }) => core.ingest.pause(0, true),
    ({ core }) => core.ingest.openFailed(0, "away"),
    ({ core }) => core.ingest.readFailed(0, "away"),
  ];
  for (const way of ways) {
    await withRead(1, (rig) => {
      const { ingest, watermark } = { ...rig.core, ...rig.core.aggregator };
      assert.ok(watermark.allIdle());
      way(rig);
      assert.equal(watermark.allIdle(), false);
      const rowsAt = (ms: number) => {
        rig.clock.ms = ms;
        ingest.checkpointNow();
        return outboxRows(rig).length;
      };
      assert.deepEqual([endMs, endMs + 29_999, endMs + 30_000].map(rowsAt), [0, 0, 1], String(way));
    }, { MAX_WAIT: "30" });
  }
});

Deno.test("a bus that is paused reads on as one that was not idle", () =>
  withRead(1, (rig) => {
    const { ingest } = rig.core;
    assert.equal(ingest.sources[0]!.isPaused, false);
    ingest.pause(0, true);
    assert.equal(ingest.sources[0]!.isPaused, true);
    assert.equal(settle(rig, { ...at(2), kind: "events" }, batchOf(1)), false, "it is held back");
    ingest.pause(0, false);
    assert.equal(ingest.sources[0]!.isPaused, false);
    assert.ok(settle(rig, { ...at(2), kind: "events" }, batchOf(1)));
  }));

Deno.test("the idle time of a partition begins anew with each read that is held back, and with each event", () =>
  withRead(1, (rig) => {
    const { aggregator: { watermark }, ingest } = rig.core;
    const isIdleAfter = (ms: number) => {
      const { progress } = ingest.partitions[0]!;
      ingest.settle(
        0,
        progress,
        { ...at(undefined), next: progress.position, kind: "idle" },
        new EventBatch(),
        ms,
      );
      return watermark.allIdle();
    };
    let next = 1;
    const interruptions: (() => void)[] = [
      () => assert.ok(settle(rig, { ...at(++next), kind: "events" }, batchOf(1))),
      () => {
        ingest.pause(0, true);
        ingest.pause(0, false);
      },
      () => ingest.readFailed(0, "away"),
    ];
    for (const interrupt of interruptions) {
      assert.equal(isIdleAfter(10_000), true);
      interrupt();
      assert.equal(watermark.allIdle(), false);
      assert.equal(isIdleAfter(9999), false);
      interrupt();
      assert.equal(isIdleAfter(9999), false);
    }
    ingest.pause(0, true);
    isIdleAfter(10_000);
    assert.equal(settle(rig, { ...at(++next), kind: "events" }, batchOf(1)), false);
    assert.equal(watermark.allIdle(), false);
  }));

Deno.test("a partition that forgets its events is not idle while a wrong clock keeps it from being read", () =>
  withRead(1, (rig) => {
    const { aggregator: { watermark }, ingest } = rig.core;
    assert.equal(ingest.holdsUnread(0), false);
    assert.equal(watermark.allIdle(), true);
    ingest.heardTime(0, NOW_MS + 3_600_000);
    assert.equal(ingest.holdsUnread(0), true);
    assert.equal(watermark.allIdle(), false);
    assert.equal(ingest.obstacle?.name, "clock_behind");
    ingest.detach(0);
    assert.equal(ingest.obstacle, undefined, "nobody is held back any more");
  }, { MAX_FUTURE_SKEW: "10" }));

Deno.test("partitions may be apart by the shortest window and the lateness that is allowed", async () => {
  for (const [interval, spanMs] of [["10", 13_000], ["60,20", 23_000]] as const) {
    await withRead(0, (rig) => assert.equal(rig.core.ingest.alignmentSpanMs, spanMs), {
      AGGREGATION_INTERVAL: interval,
      ALLOWED_LATENESS: "3",
    });
  }
});
