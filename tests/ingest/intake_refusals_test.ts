/** What is kept and told of events that are refused or late, and what becomes of those that are put back. */
import assert from "node:assert/strict";
import type { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import type { EventBooks } from "../../src/aggregation/event_books.ts";
import type { Refusal } from "../../src/aggregation/refusal.ts";
import type { SingleRecords } from "../../src/codec/mapping/own_formats.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import type { BatchOrigin, EventFate } from "../../src/ingest/event_sample.ts";
import type { IngestObserver } from "../../src/ingest/ingest_options.ts";
import { Intake, REFUSED_MAX_BYTES } from "../../src/ingest/intake.ts";
import type { PartitionState } from "../../src/ingest/partition_state.ts";
import type { Partitions } from "../../src/ingest/partitions.ts";
import { type DeadLetter, RAW_MAX_BYTES, type RefusedEvent } from "../../src/state/letters/dead_letters.ts";
import { LoneClock } from "./rig.ts";
import { loggerTo } from "../support/logs.ts";

const NOW_MS = 2_000_000_000_000;
const NUMBER = 4;
const PARTITION = { id: "3", number: NUMBER, source: { name: "plant", ordinal: 0 } } as PartitionState;

/** What the aggregator does with an event, by its index in the batch; left out: it aggregates it. */
type Fates = Record<number, Refusal | "corrected">;

function scene(
  { greatestMs = -Infinity, isTapped = true, numberFor = (): number | undefined => NUMBER } = {},
) {
  const log: string[] = [];
  const logger = loggerTo(log);
  const books: EventBooks = {
    ...{ received: 9, aggregated: 0, duplicate: 0, invalid: 1, future: 1, late: 1, overflow: 1, dropped: 0 },
  };
  const calls: unknown[][] = [];
  const given: { fates: Fates } = { fates: {} };
  const aggregator = {
    books,
    watermark: {
      greatestOf: () => greatestMs,
      remove: (...call: unknown[]) => calls.push(["remove", ...call]),
    },
    addPartition: (...call: unknown[]) => {
      calls.push(["add", ...call]);
      return 77;
    },
    aggregate: (
      number: number,
      batch: EventBatch,
      _nowMs: number,
      onRefused: (refusal: Refusal, i: number) => void,
      onCorrected: (i: number) => void,
    ) => {
      calls.push(["aggregate", number, batch.count, [...batch.idLength.subarray(0, batch.count)]]);
      books.received += batch.count;
      for (let i = 0; i < batch.count; i++) {
        const fate = given.fates[i];
        if (fate === "corrected") onCorrected(i);
        else if (fate !== undefined) {
          books[fate]++;
          onRefused(fate, i);
        }
      }
    },
  } as unknown as EventAggregator;
  const refused: RefusedEvent[] = [];
  const notes: unknown[][] = [];
  const passed: (readonly [fates: [number, EventFate][], origin: BatchOrigin])[] = [];
  const observer = {
    refused: (event: RefusedEvent) => refused.push(event),
    troubles: {
      all: [],
      note: (_: EventBatch, ...note: unknown[]) => notes.push(note),
    },
    tap: {
      isOpen: isTapped,
      passed: (_: EventBatch, fates: Map<number, EventFate>, origin: BatchOrigin) =>
        passed.push([[...fates], origin]),
    },
  } as unknown as Pick<IngestObserver, "refused" | "tap" | "troubles">;
  const partitions = { sources: [{ name: "plant" }], numberFor } as unknown as Partitions;
  const read: unknown[][] = [];
  const mapping: SingleRecords = {
    begin: (batch) => read.push(["begin", new TextDecoder().decode(batch.bytes)]),
    read: (batch, ...record) => {
      read.push(record);
      batch.count = 0;
    },
  } as Partial<SingleRecords> as SingleRecords;
  const readers = new Map([["mapped", mapping]]);
  const intake = new Intake(aggregator, partitions, new LoneClock(NOW_MS), logger, observer, readers);
  /** Takes in events that are so many seconds ahead of now. */
  const take = (fates: Fates, aheadSeconds: readonly number[], nextOffset?: number) => {
    given.fates = fates;
    // As in a batch that was used before, an event stands behind those of now.
    const batch = batchOf([...aheadSeconds, -1].map(event));
    batch.count--;
    batch.total--;
    intake.take(PARTITION, batch, nextOffset);
  };
  return { books, calls, given, intake, log, notes, passed, read, refused, take };
}

const event = (aheadSeconds: number) => ({ name: "a", value: 1, timestamp: NOW_MS / 1000 + aheadSeconds });

function batchOf(events: readonly unknown[]): EventBatch {
  const batch = new EventBatch();
  const reply = { log: "log", offset: 0, next: events.length, events };
  scanReply(new TextEncoder().encode(JSON.stringify(reply)), batch);
  return batch;
}

Deno.test("how late an event is counts from the newest of its partition, how far ahead it is from now", () => {
  const fates: Fates = { 1: "late", 2: "corrected", 3: "future", 4: "overflow" };
  const ahead = [-5, -60, -30, 20, -70];
  const cases: [greatestMs: number, ahead: number[], lateMs: number, correctedMs: number][] = [
    [NOW_MS - 1000, ahead, 59_000, 29_000],
    // The first batch has only itself; its newest event is one of the future.
    [-Infinity, ahead, 60_000, 30_000],
    [NOW_MS + 5000, ahead, 60_000, 30_000],
    [-Infinity, ahead.map((seconds) => seconds - 100), 80_000, 50_000],
    [-Infinity, [-5, -60, -30, -6, -70], 55_000, 25_000],
  ];
  for (const [greatestMs, times, lateMs, correctedMs] of cases) {
    const { notes, passed, take } = scene({ greatestMs });
    take(fates, times, 105);
    assert.deepEqual(notes, [
      [1, "late", "plant", lateMs, NOW_MS],
      [2, undefined, "plant", correctedMs, NOW_MS],
      [3, "future", "plant", -1000 * times[3]!, NOW_MS],
      [4, "overflow", "plant", -1000 * times[4]!, NOW_MS],
    ]);
    assert.deepEqual(passed, [[
      [
        [1, { refusal: "late" }],
        [2, { lateMs: correctedMs }],
        [3, { refusal: "future" }],
        [4, { refusal: "overflow" }],
      ],
      { bus: "plant", partition: "3", firstOffset: 100 },
    ]]);
  }
});

Deno.test("while nobody watches the events, none are shown", () => {
  const { notes, passed, take } = scene({ isTapped: false });
  take({ 0: "late", 1: "corrected" }, [-50, -40]);
  assert.deepEqual(passed, []);
  assert.equal(notes.length, 2);
});

Deno.test("that series are refused is told once, and nothing is told of other refusals", () => {
  const { log, take } = scene();
  take({ 0: "late", 1: "future" }, [-50, 40]);
  assert.deepEqual(log, []);
  take({ 0: "overflow", 1: "overflow" }, [0, 0]);
  take({ 0: "overflow" }, [0]);
  assert.equal(log.length, 1);
  assert.match(log[0]!, /ERROR MAX_SERIES is reached/);
});

Deno.test("a mass of refused events is told with what the latest of them was", () => {
  const { intake, take } = scene();
  take({ 0: "future", 1: "future" }, [60, 3600]);
  intake.watch.look(true);
  assert.match(intake.alarms[0]!.detail, /refused as future.*clock/);
});

Deno.test("a refused event is kept with its number, as much of it as fits, and shown to those who watch", () => {
  const { intake, refused, given } = scene();
  given.fates = { 0: "late" };
  const long = { ...event(0), note: "x".repeat(RAW_MAX_BYTES) };
  for (const nextOffset of [12, undefined]) {
    const batch = batchOf([long, "no event"]);
    if (nextOffset === undefined) batch.originOf = (position) => ({ offset: 500 + position, topic: "t" });
    intake.take(PARTITION, batch, nextOffset);
  }
  const rawBytes = JSON.stringify(long).length;
  assert.deepEqual(
    intake.refused.map(({ reason, offset, raw, rawBytes }) => [reason, offset, raw.length, rawBytes]),
    [
      ["invalid", 11, 10, 10],
      ["late", 10, RAW_MAX_BYTES, rawBytes],
      ["invalid", 501, 10, 10],
      ["late", 500, RAW_MAX_BYTES, rawBytes],
    ],
  );
  assert.deepEqual(refused, intake.refused);
  assert.deepEqual(
    intake.refused.map(({ bus, partition }) => [bus, partition]),
    Array(4).fill(["plant", "3"]),
  );
});

Deno.test("refused events are brought to disk when they have become much, what their bus tells of them included", () => {
  const { given, intake } = scene();
  given.fates = { 0: "late" };
  const rawLength = JSON.stringify(event(0)).length;
  const isCrowdedBy = (topic: number | undefined, key: number | undefined) => {
    const batch = batchOf([event(0)]);
    batch.originOf = () => ({
      ...(topic !== undefined && { topic: "t".repeat(topic) }),
      ...(key !== undefined && { key: "k".repeat(key) }),
    });
    intake.take(PARTITION, batch, undefined);
    const { isCrowded } = intake;
    intake.committed();
    assert.deepEqual(intake.refused, []);
    return isCrowded;
  };
  const rest = REFUSED_MAX_BYTES - rawLength;
  const cases: [topic: number | undefined, key: number | undefined, isCrowded: boolean][] = [
    [rest - 1, undefined, false],
    [rest, undefined, true],
    [undefined, rest, true],
    [undefined, rest - 1, false],
    [1000, rest - 1000, true],
    [1000, rest - 1001, false],
  ];
  for (const [topic, key, isCrowded] of cases) {
    assert.equal(isCrowdedBy(topic, key), isCrowded, `${topic} ${key}`);
  }
});

const deadLetter = (more: Partial<DeadLetter> = {}): DeadLetter => ({
  ...{ id: 1, refusedAtMs: 5, reason: "late", detail: "", bus: "plant", partition: "3", offset: undefined },
  ...{ origin: { topic: "line/4" }, isCut: false, sink: undefined, aggregate: undefined },
  raw: new TextEncoder().encode(JSON.stringify({ ...event(0), id: "seven" })),
  ...more,
});

Deno.test("what was cut, has no event or was refused as an aggregate cannot be put back, and changes no count", () => {
  const { books, calls, intake } = scene();
  const before = { ...books };
  const impossible: Partial<DeadLetter>[] = [
    { isCut: true },
    { raw: undefined },
    { reason: "not_finite" },
    { reason: "rejected" },
    { reason: "postponed" },
  ];
  for (const more of impossible) assert.equal(intake.retry(deadLetter(more)), false, JSON.stringify(more));
  assert.deepEqual([books, calls], [before, []]);
});

Deno.test("an event that is put back is taken out of its count; one that is refused again is kept as it came", () => {
  const { books, calls, given, intake } = scene();
  const before = { ...books };
  given.fates = { 0: "future" };
  assert.equal(intake.retry(deadLetter()), true);
  assert.deepEqual(books, { ...before, late: before.late - 1, future: before.future + 1 });
  assert.deepEqual(calls, [["aggregate", NUMBER, 1, [5]]]);
  const [{ reason, origin, bus, partition, offset }] = intake.refused as [RefusedEvent];
  assert.deepEqual({ reason, origin, bus, partition, offset }, {
    reason: "future",
    origin: { topic: "line/4" },
    bus: "plant",
    partition: "3",
    offset: undefined,
  });
});

Deno.test("an event of a bus that is configured no more is put back without its id, and leaves no partition behind", () => {
  const { calls, intake } = scene({ numberFor: () => undefined });
  assert.equal(intake.retry(deadLetter({ bus: "gone" })), true);
  assert.deepEqual(calls, [["add", 0, -Infinity], ["aggregate", 77, 1, [0]], ["remove", 77]]);
});

Deno.test("a record that is put back is mapped again, with the time at which it came", () => {
  const { intake, read } = scene();
  const raw = new TextEncoder().encode("21.5");
  assert.equal(intake.retry(deadLetter({ bus: "mapped", raw })), true);
  assert.deepEqual(read, [["begin", "21.5"], [0, 4, { topic: "line/4", arrivedMs: 5 }]]);
});
