import assert from "node:assert/strict";
import { EventBatch, INT_COLUMNS } from "../../src/event/event_batch.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("room for events is made when it is needed, for all columns, and keeps what they hold", () => {
  const batch = new EventBatch();
  const capacityAfter = (count: number, events?: number) => {
    batch.count = count;
    batch.reserve(events);
    const columns = [...INT_COLUMNS.map((column) => batch[column]), batch.value, batch.timeMs];
    assert.deepEqual(new Set(columns.map(({ length }) => length)), new Set([batch.position.length]));
    return batch.position.length;
  };
  assert.equal(capacityAfter(0), 1024);
  for (const [i, column] of INT_COLUMNS.entries()) batch[column].fill(i + 1);
  batch.value.fill(0.5);
  batch.timeMs.fill(1.5);
  assert.equal(capacityAfter(1023), 1024);
  assert.equal(capacityAfter(1022, 2), 1024);
  assert.equal(capacityAfter(1024), 2048);
  assert.equal(capacityAfter(1024, 1024), 2048);
  for (const [i, column] of INT_COLUMNS.entries()) {
    assert.deepEqual([...batch[column].subarray(1022, 1026)], [i + 1, i + 1, 0, 0], column);
  }
  assert.deepEqual([...batch.value.subarray(1022, 1026)], [0.5, 0.5, 0, 0]);
  assert.deepEqual([...batch.timeMs.subarray(1022, 1026)], [1.5, 1.5, 0, 0]);
  assert.equal(capacityAfter(2000, 49), 4096);
  assert.equal(capacityAfter(4000, 5001), 9001);
});

Deno.test("text is appended behind the other texts, whatever its characters take", () => {
  const batch = new EventBatch();
  const added = [
    ..."a".repeat(3),
    "ü",
    "€",
    "😀",
    "",
    "x".repeat(700),
    "€".repeat(341),
    "€".repeat(1000),
    "end",
  ];
  const ranges = added.map((text) => batch.appendExtra(text));
  let at = 0;
  for (const [i, { start, length }] of ranges.entries()) {
    assert.equal(start, ~at);
    assert.equal(textOf(batch.extra.subarray(~start, ~start + length)), added[i]);
    at += length;
  }
  assert.equal(batch.extraLength, at);
  const small = new EventBatch();
  const { extra } = small;
  small.appendExtra("x".repeat(341));
  assert.equal(small.extra, extra, "three bytes for each character were there");
});

Deno.test("room for text is made only when it is needed: twice the room, or as much as is needed", () => {
  const batch = new EventBatch();
  const { extra } = batch;
  extra.fill(7);
  batch.extraLength = 1000;
  batch.reserveExtra(24);
  assert.equal(batch.extra, extra);
  batch.reserveExtra(25);
  assert.equal(batch.extra.length, 2048);
  assert.deepEqual([...batch.extra.subarray(999, 1001)], [7, 0]);
  batch.reserveExtra(5000);
  assert.equal(batch.extra.length, 6000);
  assert.equal(batch.extra[999], 7);
});

Deno.test("a batch that is emptied holds nothing of what it held, and is told apart from that", () => {
  const batch = new EventBatch();
  const other = new EventBatch();
  other.reset(bytesOf(""));
  batch.reset(bytesOf("old"));
  const { filling } = batch;
  assert.notEqual(filling, other.filling);
  batch.reserve();
  Object.assign(batch, { total: 3, isMapped: true, surplus: 2, unitsPerSecond: undefined, count: 1 });
  batch.appendExtra("text");
  batch.alone[0] = () => "alone";
  batch.originOf = () => ({});
  batch.invalid.push({ index: 0, detail: "d", rawStart: 0, rawEnd: 1 });
  const bytes = bytesOf("new");
  batch.reset(bytes);
  const { total, isMapped, surplus, unitsPerSecond, count, extraLength, originOf, invalid, alone } = batch;
  assert.deepEqual(
    { total, isMapped, surplus, unitsPerSecond, count, extraLength, originOf, invalid, alone },
    {
      total: 0,
      isMapped: false,
      surplus: 0,
      unitsPerSecond: 1,
      count: 0,
      extraLength: 0,
      originOf: undefined,
      invalid: [],
      alone: [undefined],
    },
  );
  assert.equal(batch.bytes, bytes);
  assert.equal(new Set([filling, other.filling, batch.filling]).size, 3);
});

Deno.test("a new batch is one of plain events with times in seconds, and has no room for any yet", () => {
  const batch = new EventBatch();
  const columns = [...INT_COLUMNS.map((column) => batch[column]), batch.value, batch.timeMs, batch.bytes];
  assert.deepEqual(columns.filter(({ length }) => length > 0), []);
  const { isMapped, unitsPerSecond, total, surplus, count, extraLength } = batch;
  assert.deepEqual([isMapped, unitsPerSecond, total, surplus, count, extraLength], [false, 1, 0, 0, 0, 0]);
});

Deno.test("a reply's memory is freed at once, unless it is shared", () => {
  const batch = new EventBatch();
  const own = bytesOf("a reply");
  batch.reset(own);
  batch.total = 1;
  batch.release();
  assert.deepEqual([own.buffer.byteLength, batch.bytes.length, batch.total], [0, 0, 0]);
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  batch.reset(shared);
  batch.release();
  assert.deepEqual([shared.length, batch.bytes.length], [8, 0]);
});

Deno.test("the record of an event is its own bytes, or one that is made for it alone", () => {
  const batch = new EventBatch();
  batch.reset(bytesOf("first,second"));
  batch.reserve(2);
  batch.count = 2;
  for (const [i, [start, end]] of [[0, 5], [6, 12]].entries()) {
    batch.rawStart[i] = start!;
    batch.rawEnd[i] = end!;
  }
  batch.alone[1] = (of, event) => `${of === batch} ${event} ü`;
  assert.deepEqual([textOf(batch.rawOf(0)), textOf(batch.rawOf(1))], ["first", "true 1 ü"]);
  const invalid = { index: 0, detail: "", rawStart: 6, rawEnd: 12 };
  assert.equal(textOf(batch.rawOfInvalid(invalid)), "second");
  assert.equal(textOf(batch.rawOfInvalid({ ...invalid, alone: () => "ä" })), "ä");
});
