/** Batches of records as a broker sends them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { FetchedChunk } from "../../../src/sources/kafka/fetched_chunk.ts";
import fc from "../../support/fast_check.ts";
import { type BatchHead, batchOf, type BatchRecord, markerOf, sealed } from "./batches.ts";

const GZIP = 1;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const TIME_MS = 1_700_000_000_000;

interface Read {
  readonly offset: number;
  readonly timeMs: number;
  readonly key: string | undefined;
  readonly value: string | undefined;
}

interface Aborted {
  readonly producerId: number;
  readonly firstOffset: number;
}

function chunkOf(batches: readonly Uint8Array[], from = 0, aborted: readonly Aborted[] = []): FetchedChunk {
  return new FetchedChunk(from, { batches: Buffer.concat(batches), aborted, end: Infinity }, () => {});
}

function readAll(chunk: FetchedChunk): Read[] {
  const read: Read[] = [];
  for (let record; (record = chunk.next());) {
    const { bytes, offset, timeMs, keyStart, keyLength, valueStart, valueLength } = record;
    const text = (start: number, length: number) =>
      length < 0 ? undefined : Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
    read.push({ offset, timeMs, key: text(keyStart, keyLength), value: text(valueStart, valueLength) });
  }
  return read;
}

/** The offsets of all records. */
function offsets(batches: readonly Uint8Array[], from = 0, aborted: readonly Aborted[] = []): number[] {
  return readAll(chunkOf(batches, from, aborted)).map(({ offset }) => offset);
}

function recordsOf(count: number): BatchRecord[] {
  return Array.from({ length: count }, (_, i) => ({ offsetDelta: i, value: Buffer.from(`${i}`) }));
}

Deno.test("property: what was stored is read: numbers of every size, with keys, values and headers or none", () => {
  const bytes = fc.option(
    fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ minLength: 60, maxLength: 70 })),
    { nil: undefined },
  );
  const size = fc.oneof(...[7, 14, 21, 27].map((bits) => fc.integer({ min: 1, max: 2 ** bits })));
  const record = fc.record({
    gap: size,
    timeDelta: fc.oneof(
      ...[6, 7, 13, 14, 31, 32, 40, 47].map((bits) => fc.integer({ min: -(2 ** bits), max: 2 ** bits })),
    ),
    key: bytes,
    value: bytes,
    headers: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 2 }),
  });
  const text = (part: Uint8Array | undefined) => part && Buffer.from(part).toString("latin1");
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), fc.boolean(), (drawn, isCompressed) => {
      let offsetDelta = -1;
      const records = drawn.map(({ gap, ...rest }) => ({ ...rest, offsetDelta: offsetDelta += gap }));
      const firstOffset = 2 ** 40;
      const head: BatchHead = { firstOffset, firstTimeMs: TIME_MS };
      const batch = isCompressed
        ? batchOf(records, { ...head, attributes: GZIP }, gzipSync)
        : batchOf(records, head);
      const chunk = chunkOf([batch], firstOffset);
      assert.deepEqual(
        readAll(chunk),
        records.map((record) => ({
          offset: firstOffset + record.offsetDelta,
          // Before 1970 there is none.
          timeMs: Math.max(-1, TIME_MS + record.timeDelta),
          key: text(record.key),
          value: text(record.value),
        })),
      );
      assert.equal(chunk.end, firstOffset + offsetDelta + 1);
      assert.equal(chunk.at, chunk.end);
    }),
    { numRuns: 200 },
  );
});

Deno.test("the time is the record's, the broker's where that keeps its own, or none", () => {
  const records = [{ offsetDelta: 0, timeDelta: 0 }, { offsetDelta: 1, timeDelta: 5 }];
  const times = (head: BatchHead) => readAll(chunkOf([batchOf(records, head)])).map(({ timeMs }) => timeMs);
  const head = { firstTimeMs: TIME_MS, maxTimeMs: TIME_MS + 9 };
  assert.deepEqual(times(head), [TIME_MS, TIME_MS + 5]);
  assert.deepEqual(times({ ...head, attributes: LOG_APPEND_TIME }), [TIME_MS + 9, TIME_MS + 9]);
  assert.deepEqual(times({ firstTimeMs: -1 }), [-1, 4]);
  assert.deepEqual(times({ firstTimeMs: 0 }), [0, 5]);
});

Deno.test("a first record without a time does not cost the others of its batch theirs", () => {
  const records = [{ offsetDelta: 0 }, { offsetDelta: 1, timeDelta: TIME_MS + 1 }];
  const read = readAll(chunkOf([batchOf(records, { firstTimeMs: -1, maxTimeMs: TIME_MS })]));
  assert.deepEqual(read.map(({ timeMs }) => timeMs), [-1, TIME_MS]);
});

Deno.test("a chunk begins where it was asked to, and ends with its last whole batch", () => {
  const first = batchOf(recordsOf(3), { firstOffset: 10, lastDelta: 4 });
  const second = batchOf(recordsOf(2), { firstOffset: 20 });
  assert.deepEqual(offsets([first, second], 10), [10, 11, 12, 20, 21]);
  assert.deepEqual(offsets([first, second], 12), [12, 20, 21]);
  // Its last records were compacted away.
  assert.deepEqual(offsets([first, second], 13), [20, 21]);
  for (const length of [1, 11, 12, 60, second.length - 1]) {
    const chunk = chunkOf([first, second.subarray(0, length)], 10);
    assert.equal(chunk.end, 15, `with ${length} bytes of a second batch`);
    assert.deepEqual(readAll(chunk).map(({ offset }) => offset), [10, 11, 12]);
    assert.equal(chunk.at, 15);
  }
  assert.throws(() => chunkOf([first.subarray(0, -1)], 10), /the beginning of a batch of records only/);
});

Deno.test("transactions that were given up are passed over, from their first record to their marker", () => {
  const of = (producerId: number, firstOffset: number) =>
    batchOf(recordsOf(2), { firstOffset, producerId, attributes: TRANSACTIONAL });
  const batches = [
    of(7, 0),
    of(8, 2),
    markerOf(0, 4, 7),
    of(7, 5),
    markerOf(1, 7, 8),
    markerOf(1, 8, 7),
    batchOf(recordsOf(1), { firstOffset: 9, producerId: 7 }),
  ];
  assert.deepEqual(offsets(batches), [0, 1, 2, 3, 5, 6, 9]);
  assert.deepEqual(offsets(batches, 0, [{ producerId: 7, firstOffset: 0 }]), [2, 3, 5, 6, 9]);
  // Another one of the same producer is given up later, whatever the order in which both are told.
  const both = [{ producerId: 7, firstOffset: 5 }, { producerId: 7, firstOffset: 0 }];
  const twice = batches.with(5, markerOf(0, 8, 7));
  assert.deepEqual(offsets(twice, 0, both), [2, 3, 9]);
  // What is in no transaction is read even if its producer has one that is given up.
  assert.deepEqual(
    offsets([batchOf(recordsOf(1), { producerId: 7 }), of(7, 1)], 0, [{ producerId: 7, firstOffset: 0 }]),
    [0],
  );
  // The marker of a transaction that was committed ends none that was given up.
  assert.deepEqual(
    offsets([of(7, 0), markerOf(1, 2, 7), of(7, 3)], 0, [{ producerId: 7, firstOffset: 0 }]),
    [],
  );
});

Deno.test("what contradicts itself is a fault, after what came before it", () => {
  const good = batchOf(recordsOf(2));
  const faults: readonly [what: string, batch: Uint8Array, fault: RegExp][] = [
    ["an old format", batchOf(recordsOf(1), { firstOffset: 2, format: 1 }), /before that of Kafka 0.11/],
    ["too short", Buffer.concat([Buffer.alloc(8), Buffer.from([0, 0, 0, 48]), Buffer.alloc(60)]), /0\.11/],
    [
      "an unknown compression",
      batchOf(recordsOf(1), { firstOffset: 2, attributes: 5 }),
      /unknown compression/,
    ],
    ["a negative offset", batchOf(recordsOf(1), { firstOffset: -1 }), /contradict each other/],
    ["a negative end", batchOf(recordsOf(1), { firstOffset: 2, lastDelta: -1 }), /contradict each other/],
    ["a negative count", batchOf(recordsOf(1), { firstOffset: 2, count: -1 }), /contradict each other/],
    ["more than have room", batchOf(recordsOf(2), { firstOffset: 2, lastDelta: 0 }), /contradict each other/],
    ["the offsets of before", batchOf(recordsOf(1), { firstOffset: 1 }), /not asked for/],
  ];
  for (const [what, batch, fault] of faults) {
    const chunk = chunkOf([good, batch]);
    assert.equal(chunk.end, 2, what);
    assert.deepEqual(readAll(chunk).map(({ offset }) => offset), [0, 1], what);
    if (what !== "the offsets of before") assert.throws(() => chunkOf([batch]), fault, what);
  }
  assert.throws(() => chunkOf([good], 2), /not asked for/);
});

Deno.test("records that contradict their batch are a fault", () => {
  const records = (deltas: readonly number[], head: BatchHead = {}) =>
    batchOf(deltas.map((offsetDelta) => ({ offsetDelta })), { lastDelta: 9, ...head });
  assert.deepEqual(offsets([records([0, 9])]), [0, 9]);
  for (const deltas of [[1, 1], [2, 1], [-1], [10]]) {
    assert.throws(() => offsets([records(deltas)]), /whose offsets contradict/, `${deltas}`);
  }
  assert.throws(() => offsets([records([0], { count: 2 })]), /cut off|does not end/);
  const whole = records([0]);
  // The length of the record, its key's and its value's.
  for (const at of [61, 65, 66]) {
    const bytes = Buffer.from(whole);
    bytes[at] = 20;
    assert.throws(() => offsets([sealed(bytes)]), /cut off/, `byte ${at}`);
  }
  // Numbers of more bytes than any has: the length, and the time.
  for (const at of [61, 63]) {
    const bytes = Buffer.concat([whole.subarray(0, at), Buffer.alloc(12, 0xff)]);
    bytes.writeInt32BE(bytes.length - 12, 8);
    assert.throws(() => offsets([sealed(bytes)]), /does not end/, `byte ${at}`);
  }
  const broken = batchOf(recordsOf(1), { attributes: GZIP });
  assert.throws(() => offsets([broken]), /compressed with gzip that cannot be read/);
});

Deno.test("a chunk has no more than the partition that it is of", () => {
  const batches = Buffer.concat([batchOf(recordsOf(3)), batchOf(recordsOf(2), { firstOffset: 3 })]);
  const chunk = (end: number) => new FetchedChunk(0, { batches, aborted: [], end }, () => {});
  assert.equal(chunk(5).end, 5);
  // What lies before the fault is read first.
  assert.equal(chunk(4).end, 3);
  assert.equal(chunk(3).end, 3);
  assert.throws(() => chunk(2), /has records up to offset 2, and says that it ends at 2$/);
});

Deno.test("a small part of an answer is copied, so that the rest is freed, and a large one is not", () => {
  const batch = batchOf(recordsOf(3));
  for (const [length, isCopied] of [[2, false], [2.1, true]] as const) {
    const answer = new Uint8Array(Math.floor(batch.length * length));
    answer.set(batch);
    const chunk = new FetchedChunk(0, { batches: answer, aborted: [], end: 9 }, () => {});
    assert.equal(chunk.storedBytes, batch.length);
    answer[batch.length - 1]! ^= 1;
    if (isCopied) assert.equal(readAll(chunk).length, 3);
    else assert.throws(() => readAll(chunk), /whose checksum is another one/);
  }
});

Deno.test("it is told how much memory undone compression takes, and what is let go is undone again", () => {
  const told: number[] = [];
  const gzipped = (firstOffset: number, count: number) =>
    batchOf(recordsOf(count), { firstOffset, attributes: GZIP }, gzipSync);
  const batches = Buffer.concat([gzipped(0, 2), batchOf(recordsOf(2), { firstOffset: 2 }), gzipped(4, 3)]);
  const chunk = new FetchedChunk(0, { batches, aborted: [], end: 9 }, (bytes) => told.push(bytes));
  const read = () => chunk.next()?.offset;
  chunk.letGoUnpacked();
  assert.deepEqual(told, []);
  assert.deepEqual([read(), told.splice(0)], [0, [16]]);
  chunk.letGoUnpacked();
  assert.deepEqual([read(), told.splice(0)], [1, [0, 16]]);
  assert.deepEqual([read(), told.splice(0)], [2, [0]]);
  chunk.letGoUnpacked();
  assert.deepEqual([read(), told.splice(0)], [3, [0]]);
  assert.deepEqual([read(), told.splice(0)], [4, [24]]);
  assert.deepEqual([read(), read(), told.splice(0)], [5, 6, []]);
  assert.deepEqual([read(), chunk.at, told.splice(0)], [undefined, 7, [0]]);
  assert.deepEqual([read(), chunk.at, told], [undefined, 7, []]);
});

Deno.test("a transaction of one record is given up, and so is one that began where a batch ends", () => {
  const of = (producerId: number, firstOffset: number, count: number) =>
    batchOf(recordsOf(count), { firstOffset, producerId, attributes: TRANSACTIONAL });
  const aborted = [{ producerId: 7, firstOffset: 0 }, { producerId: 8, firstOffset: 4 }];
  assert.deepEqual(offsets([of(7, 0, 1), of(8, 1, 2)], 0, aborted), [1, 2]);
  assert.deepEqual(offsets([of(8, 2, 2), of(8, 4, 1)], 0, aborted), [2, 3]);
  assert.deepEqual(offsets([of(8, 2, 3)], 0, aborted), []);
});

Deno.test("a marker with a key that is too short, or none, gives nothing up", () => {
  const marker = (key: Uint8Array | undefined) =>
    batchOf([{ offsetDelta: 0, key }], { firstOffset: 1, producerId: 7, attributes: 0x30 });
  const of = (firstOffset: number) =>
    batchOf(recordsOf(1), { firstOffset, producerId: 7, attributes: TRANSACTIONAL });
  const aborted = [{ producerId: 7, firstOffset: 0 }];
  const after = (batch: Buffer) => offsets([of(0), batch, of(2)], 0, aborted);
  assert.deepEqual(after(marker(Buffer.from([0, 0, 0, 0]))), [2]);
  assert.deepEqual(after(marker(Buffer.from([0, 0, 0, 0, 0]))), [2]);
  assert.deepEqual(after(marker(Buffer.from([0, 0, 1, 0]))), []);
  assert.deepEqual(after(marker(Buffer.from([0, 0, 0]))), []);
  assert.deepEqual(after(marker(undefined)), []);
  assert.deepEqual(after(batchOf([], { firstOffset: 1, producerId: 7, attributes: 0x30 })), []);
});

Deno.test("times at the ends of what a number holds, and beyond them", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const timeOf = (firstTimeMs: number | bigint, timeDelta: number | bigint = 0) =>
    readAll(chunkOf([batchOf([{ offsetDelta: 0, timeDelta }], { firstTimeMs })]))[0]!.timeMs;
  assert.deepEqual([timeOf(0), timeOf(most), timeOf(BigInt(most) + 1n)], [0, most, -1]);
  assert.deepEqual([timeOf(5, -5), timeOf(5, -6), timeOf(most, 1)], [0, -1, -1]);
  assert.deepEqual([timeOf(most - 1, 1), timeOf(-1, 0), timeOf(-6, 5)], [most, -1, -1]);
});
