/** Records of a topic become events, or what is wrong with them is said. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { UpstreamTraces } from "../../../src/event/upstream_traces.ts";
import { FeedMemory } from "../../../src/sources/kafka/feed_memory.ts";
import { PartitionFeed } from "../../../src/sources/kafka/partition_feed.ts";
import { RecordColumns } from "../../../src/sources/kafka/record_columns.ts";
import { RecordTaker } from "../../../src/sources/kafka/record_taker.ts";
import { TakenRecords } from "../../../src/sources/kafka/taken_records.ts";
import { NO_EVENT_TEXTS } from "../event_texts.ts";
import { batchOf, type BatchRecord, recordBytes } from "./batches.ts";

const MIB = 1024 * 1024;
const ARRIVED_MS = 1_700_000_000_000;

/** A feed that has these records, a batch of the bus each. */
function feedOf(...batches: readonly (readonly BatchRecord[])[]): PartitionFeed {
  let firstOffset = 0;
  const stored = batches.map((records) => {
    const batch = batchOf(records, { firstOffset, firstTimeMs: 10 });
    firstOffset += records.length;
    return batch;
  });
  return feedOfBytes(stored, firstOffset);
}

function feedOfBytes(stored: readonly Buffer[], end: number): PartitionFeed {
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
  const fetched = { error: 0, end, stableEnd: end, aborted: [], batches: Buffer.concat(stored) };
  feed.answered({ topic: "t", partition: 0, topicId: undefined, offset: 0 }, fetched, 1);
  return feed;
}

function valuesOf(values: readonly (string | undefined)[]): BatchRecord[] {
  return values.map((value, offsetDelta) => ({
    offsetDelta,
    timeDelta: offsetDelta,
    value: value === undefined ? undefined : Buffer.from(value),
  }));
}

function take(feed: PartitionFeed, limit = 1000, upstream?: UpstreamTraces): TakenRecords {
  const taken = new TakenRecords(new RecordColumns());
  taken.take(feed, limit, upstream);
  return taken;
}

const EVENT = '{"name":"a","value":2,"timestamp":7}';
const SPACED = ' {"timestamp": 8, "name": "b", "value": 3 } ';
const LONG = "x".repeat(MIB + 1);
const REFUSED = `a record of ${MIB + 1} bytes, of which ${MIB} are allowed`;

Deno.test("records are events as they are; what is none is refused at its place, and an empty one is left out", () => {
  const batch = new EventBatch();
  const values = [EVENT, undefined, LONG, SPACED, "nonsense", `${EVENT} x`];
  const keyed = valuesOf(values).map((record, i) => i === 3 ? { ...record, key: Buffer.from("k") } : record);
  const taker = new RecordTaker("topic", undefined);
  const feed = feedOf(keyed);
  assert.equal(taker.take(feed, batch, 1000, ARRIVED_MS), true);
  assert.deepEqual([batch.total, batch.count], [5, 2]);
  assert.deepEqual([...batch.position.subarray(0, 2)], [0, 2]);
  assert.deepEqual([...batch.timeMs.subarray(0, 2)], [7000, 8000]);
  assert.deepEqual([0, 1].map((event) => Buffer.from(batch.rawOf(event)).toString().trim()), [
    EVENT,
    SPACED.trim(),
  ]);
  assert.deepEqual(batch.invalid.map(({ index }) => index), [1, 3, 4]);
  assert.equal(batch.invalid[0]!.detail, REFUSED);
  assert.deepEqual(
    batch.invalid.map((invalid) => Buffer.from(batch.rawOfInvalid(invalid)).toString()),
    [LONG.slice(0, 65_536), "nonsense", `${EVENT} x`],
  );
  assert.deepEqual([0, 1, 2].map((index) => batch.originOf?.(index)), [
    { offset: 0, topic: "topic", key: undefined, busMs: 10 },
    { offset: 2, topic: "topic", key: undefined, busMs: 12 },
    { offset: 3, topic: "topic", key: "k", busMs: 13 },
  ]);
  assert.equal(taker.take(feed, batch, 1000, ARRIVED_MS), false);
});

Deno.test("records are read by the mapping, which knows key, time and topic of each", () => {
  const reader = readerFor({
    ...NO_EVENT_TEXTS,
    format: "json",
    name: "{key}",
    value: "/v",
    timestamp: "bus",
  });
  const batch = new EventBatch();
  const records = valuesOf(['{"v":1}', undefined, LONG, '{"v":2}', '{"v":3} x'])
    .map((record, i) => ({ ...record, key: Buffer.from(`k${i}`) }));
  assert.equal(new RecordTaker("topic", reader).take(feedOf(records), batch, 1000, ARRIVED_MS), true);
  assert.deepEqual([batch.isMapped, batch.total, batch.count], [true, 4, 2]);
  assert.deepEqual([...batch.value.subarray(0, 2)], [1, 2]);
  assert.deepEqual([...batch.timeMs.subarray(0, 2)], [10, 13]);
  assert.deepEqual([...batch.position.subarray(0, 2)], [0, 2]);
  assert.deepEqual(
    batch.invalid.map((
      { index, detail },
    ) => [index, detail === `a record of ${MIB + 3} bytes, of which ${MIB} are allowed`]),
    [
      [1, true],
      [3, false],
    ],
  );
});

Deno.test("records of plain JSON are mapped at their positions, however many there are and whatever is between them", () => {
  const reader = readerFor({
    ...NO_EVENT_TEXTS,
    format: "json",
    name: "{/n}",
    value: "/v",
    timestamp: "bus",
  });
  const [trailed, missing, slow] = [700, 800, 900];
  const values = Array.from({ length: 3000 }, (_, i) => {
    if (i === missing) return undefined;
    return `{"n":"${i === slow ? "\\u0061" : "a"}","v":${i}}${i === trailed ? " x" : ""}`;
  });
  const batch = new EventBatch();
  new RecordTaker("topic", reader).take(feedOf(valuesOf(values)), batch, 5000, ARRIVED_MS);
  const positions = Array.from({ length: 2999 }, (_, i) => i).filter((i) => i !== trailed);
  assert.deepEqual([batch.total, batch.count], [2999, positions.length]);
  assert.deepEqual([...batch.position.subarray(0, batch.count)], positions);
  assert.deepEqual(
    [...batch.value.subarray(0, batch.count)],
    positions.map((position) => position < missing ? position : position + 1),
  );
  assert.deepEqual(batch.invalid.map(({ index }) => index), [trailed]);
});

Deno.test("a time that the record does not have is not told", () => {
  const batch = new EventBatch();
  const stored = batchOf(valuesOf([EVENT]), { firstTimeMs: -1 });
  new RecordTaker("topic", undefined).take(feedOfBytes([stored], 1), batch, 1000, ARRIVED_MS);
  assert.equal(batch.originOf?.(0).busMs, undefined);
  const atZero = batchOf(valuesOf([EVENT]), { firstTimeMs: 0 });
  new RecordTaker("topic", undefined).take(feedOfBytes([atZero], 1), batch, 1000, ARRIVED_MS);
  assert.equal(batch.originOf?.(0).busMs, 0);
});

Deno.test("as many records are taken as are asked for, and the next ones afterwards", () => {
  const feed = feedOf(valuesOf(["a", "b", "c"]), valuesOf(["d", undefined, "e", "f"]));
  const offsetsOf = (taken: TakenRecords) => Array.from({ length: taken.count }, (_, i) => taken.offsetOf(i));
  assert.deepEqual(offsetsOf(take(feed, 1)), [0]);
  assert.deepEqual(offsetsOf(take(feed, 3)), [1, 2, 3]);
  assert.deepEqual(offsetsOf(take(feed, 2)), [5, 6]);
  assert.deepEqual(offsetsOf(take(feed, 2)), []);
  const many = take(feedOf(valuesOf(Array.from({ length: 700 }, (_, i) => `${i}`))), 600);
  assert.deepEqual(offsetsOf(many), Array.from({ length: 600 }, (_, i) => i));
  assert.equal(Buffer.from(many.copyValues()).toString().split("\n")[599]!.includes("599"), true);
});

Deno.test("16 MiB of values are taken at once, and 32 MiB of what stands around them", () => {
  const values = feedOf(...Array.from({ length: 17 }, () => valuesOf(["x".repeat(MIB)])));
  assert.equal(take(values).count, 16);
  assert.equal(take(values).count, 1);
  // One batch may have more, the next one is begun with it, and no third.
  const wide = (values: readonly string[], bytes: number): BatchRecord[] =>
    valuesOf(values).map((record, i) => i > 0 ? record : { ...record, headers: [["h", "x".repeat(bytes)]] });
  const sizeOf = (records: readonly BatchRecord[]) =>
    records.reduce((sum, record) => sum + recordBytes(record).length, 0);
  const small = wide(["a", "b"], 1);
  const most = 32 * MIB - sizeOf(small);
  const large = wide(["a", "b"], most - sizeOf(wide(["a", "b"], 9_999_999)) + 9_999_999);
  assert.equal(sizeOf(large), most);
  const feed = feedOf(large, small, small);
  assert.deepEqual([take(feed).count, take(feed).count, take(feed).count], [5, 1, 0]);
});

Deno.test("what lies before a fault is taken first, even one record", () => {
  const damaged = batchOf(valuesOf(["b"]), { firstOffset: 1 });
  damaged[damaged.length - 2]! ^= 1;
  assert.equal(take(feedOfBytes([batchOf(valuesOf(["a"])), damaged], 2)).count, 1);
  damaged.writeBigInt64BE(0n, 0);
  assert.throws(() => take(feedOfBytes([damaged], 2)), /whose checksum is another one/);
});

Deno.test("key and value have a mebibyte together; of longer ones a beginning is kept", () => {
  for (
    const [keyLength, valueLength, isLong, kept, keyKept] of [
      [-1, MIB, false, MIB, undefined],
      [-1, MIB + 1, true, 65_536, undefined],
      [0, MIB, false, MIB, 0],
      [1, MIB - 1, false, MIB - 1, 1],
      [1, MIB, true, 65_536, 1],
      [MIB, 0, false, 0, 65_536],
      [MIB, 1, true, 1, 65_536],
      [65_536, 70_000, false, 70_000, 65_536],
      [65_537, 70_000, false, 70_000, 65_536],
    ] as const
  ) {
    const key = keyLength < 0 ? undefined : Buffer.alloc(keyLength, "k");
    const taken = take(feedOf([{ offsetDelta: 0, key, value: Buffer.alloc(valueLength, "v") }]));
    assert.deepEqual(
      [taken.isLong(0), taken.sizeOf(0), taken.keptOf(0), taken.keyOf(0)?.length],
      [isLong, Math.max(0, keyLength) + valueLength, kept, keyKept],
      `key ${keyLength}, value ${valueLength}`,
    );
  }
});

Deno.test("values are copied with what is between them, or without where that is half of it", () => {
  // Between two values of one batch are seven bytes and the key.
  const copied = (keyLength: number) => {
    const records = valuesOf(["0123456789", "abcdefghij"])
      .map((record) => ({ ...record, key: Buffer.alloc(keyLength, "k") }));
    const taken = take(feedOf(records, records));
    const copy = Buffer.from(taken.copyValues()).toString();
    for (const [i, line] of ["0123456789\n", "abcdefghij\n", "0123456789\n", "abcdefghij\n"].entries()) {
      assert.equal(copy.slice(taken.copyOf(i), taken.copyOf(i) + 11), line);
    }
    return copy.length;
  };
  assert.deepEqual([0, 15, 16, 30].map(copied), [2 * 28, 2 * 43, 2 * 22, 2 * 22]);
});

Deno.test("the traces of records are noted until there are enough", () => {
  const traced = (count: number) =>
    Array.from({ length: count }, (_, offsetDelta): BatchRecord => ({
      offsetDelta,
      value: Buffer.from("1"),
      headers: offsetDelta % 2 === 0 ? [["traceparent", `t${offsetDelta}`]] : [],
    }));
  const upstream = new UpstreamTraces();
  assert.equal(take(feedOf(traced(5)), 1000, upstream).count, 5);
  assert.deepEqual(upstream.texts(), ["t0", "t2", "t4"]);
  take(feedOf(traced(100)), 1000, upstream);
  assert.equal(upstream.texts().length, 32);
});

Deno.test("columns grow twofold, keep what they have, and are those of their batch", () => {
  const columns = new RecordColumns();
  columns.reserve(1);
  assert.deepEqual([columns.run.length, columns.offset.length], [256, 256]);
  columns.offset[255] = columns.copy[255] = 9;
  const { copy } = columns;
  columns.reserve(256);
  assert.equal(columns.copy, copy);
  columns.reserve(257);
  assert.deepEqual([columns.run.length, columns.timeMs.length], [512, 512]);
  assert.deepEqual([columns.offset[255], columns.copy[255]], [9, 9]);
  columns.reserve(1025);
  assert.equal(columns.keyStart.length, 1025);
  const [one, other] = [new EventBatch(), new EventBatch()];
  assert.equal(RecordColumns.of(one), RecordColumns.of(one));
  assert.notEqual(RecordColumns.of(one), RecordColumns.of(other));
});
