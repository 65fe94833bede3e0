import assert from "node:assert/strict";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LineBuffer } from "../../../src/sources/file/line_buffer.ts";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { CsvHeader } from "../../../src/codec/mapping/csv_header.ts";
import { NO_EVENT_TEXTS } from "../event_texts.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

function bufferOf(text: string, at = 0): LineBuffer {
  const buffer = new LineBuffer(at);
  add(buffer, text);
  return buffer;
}

function add(buffer: LineBuffer, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    const room = buffer.room();
    const piece = bytes.subarray(at, at + room.length);
    room.set(piece);
    buffer.added(piece.length);
    at += piece.length;
  }
}

const textIn = (buffer: LineBuffer) => new TextDecoder().decode(buffer.peek());
const eventOf = (name: string) => `{"name":"${name}","value":1,"timestamp":5}`;

Deno.test("the rest of a line is skipped up to its end, and no further", () => {
  for (
    const [text, left, isEnd] of [
      ["rest\nnext\n", "next\n", true],
      ["\nnext\n", "next\n", true],
      ["rest without an end", "", false],
      ["", "", false],
    ] as const
  ) {
    const buffer = bufferOf(text);
    assert.equal(buffer.skip(), isEnd, text);
    assert.equal(textIn(buffer), left, text);
    assert.equal(buffer.at, text.length - left.length);
  }
});

Deno.test("a buffer grows twofold from 64 KiB to a megabyte, and what was taken makes room in it", () => {
  const buffer = new LineBuffer();
  assert.deepEqual([buffer.length, buffer.isTight, buffer.isFull], [0, true, false]);
  const rooms: number[] = [];
  while (!buffer.isFull) {
    const room = buffer.room();
    rooms.push(room.length / KIB);
    room.fill(0x61);
    buffer.added(room.length);
    assert.equal(buffer.isTight, true);
  }
  assert.deepEqual(rooms, [64, 64, 128, 256, 512]);
  assert.deepEqual([buffer.length, buffer.room().length], [MIB, 0]);
  buffer.release();
  assert.deepEqual([buffer.length, buffer.isTight, buffer.room().length], [0, true, 64 * KIB]);
  add(buffer, "ab\ncd");
  assert.equal(buffer.isTight, false);
  buffer.skip();
  assert.deepEqual([textIn(buffer), buffer.length, buffer.room().length], ["cd", 2, 64 * KIB - 2]);
  assert.equal(textIn(buffer), "cd");
  // Grown, it begins with what was left.
  add(buffer, `\n${"e".repeat(64 * KIB)}`);
  assert.equal(textIn(buffer), `cd\n${"e".repeat(64 * KIB)}`);
});

Deno.test("a buffer goes on where it is, and begins anew elsewhere", () => {
  const buffer = bufferOf("ab\ncd", 100);
  buffer.seek(100);
  assert.equal(textIn(buffer), "ab\ncd");
  buffer.skip();
  assert.equal(buffer.at, 103);
  buffer.seek(103);
  assert.equal(textIn(buffer), "cd");
  buffer.seek(100);
  assert.deepEqual([textIn(buffer), buffer.at, buffer.length], ["", 100, 0]);
  add(buffer, "xy");
  assert.equal(textIn(buffer), "xy");
  buffer.empty();
  assert.deepEqual([buffer.length, buffer.at], [0, 100]);
});

Deno.test("lines are taken with where they begin, and those that are there are known", () => {
  const [a, b] = [eventOf("a"), eventOf("b")];
  const buffer = bufferOf(`${a}\n\n${b}\n${a}`, 50);
  assert.equal(buffer.hasLine(undefined), true);
  const batch = new EventBatch();
  assert.deepEqual(buffer.take(batch, 5, false, undefined, undefined, 7), {
    bytes: a.length + b.length + 3,
    header: undefined,
  });
  assert.deepEqual([batch.total, batch.count], [2, 2]);
  assert.deepEqual([0, 1].map((i) => batch.originOf!(i)), [{ offset: 50 }, { offset: 52 + a.length }]);
  assert.deepEqual([textIn(buffer), buffer.at], [a, 53 + a.length + b.length]);
  assert.equal(buffer.hasLine(undefined), false);
  assert.equal(buffer.take(batch, 5, false, undefined, undefined, 7).bytes, 0);
  assert.equal(buffer.take(batch, 5, true, undefined, undefined, 7).bytes, a.length);
  assert.deepEqual([batch.total, buffer.length], [1, 0]);
});

Deno.test("lines behind another header of CSV are taken next, and the same one is none", () => {
  const reader = readerFor({ ...NO_EVENT_TEXTS, format: "csv", name: "{column}", timestamp: "/t" });
  const buffer = bufferOf("5,1\na,t\n2,5\nt,a\n7,3\n", 10);
  const header = { at: 0, columns: CsvHeader.of("t,a") };
  const batch = new EventBatch();
  const first = buffer.take(batch, 9, false, reader, header, 0);
  assert.deepEqual([first.bytes, first.header?.at, first.header?.columns.row.text], [8, 14, "a,t"]);
  assert.deepEqual([batch.total, textIn(buffer), buffer.at], [1, "2,5\nt,a\n7,3\n", 18]);
  const second = buffer.take(batch, 9, false, reader, first.header, 0);
  assert.deepEqual([second.bytes, second.header?.at], [8, 22]);
  const last = buffer.take(batch, 9, false, reader, second.header, 0);
  assert.deepEqual([last.bytes, last.header, batch.total, buffer.length], [4, second.header, 1, 0]);
  const alone = bufferOf("a,t\n");
  assert.deepEqual([alone.take(batch, 9, false, reader, header, 0).bytes, batch.total, alone.length], [
    4,
    0,
    0,
  ]);
  const same = bufferOf("5,1\nt,a\n5,2\n");
  assert.equal(same.take(batch, 9, false, reader, header, 0).header, header);
  assert.deepEqual([batch.total, batch.originOf!(1).offset], [2, 8]);
});

Deno.test("a line that fills the buffer is refused with its beginning", () => {
  const buffer = bufferOf("a".repeat(MIB), 5);
  const batch = new EventBatch();
  assert.equal(buffer.refuse(batch), MIB);
  assert.deepEqual([batch.total, batch.count, buffer.length, buffer.at], [1, 0, 0, MIB + 5]);
  const [invalid] = batch.invalid;
  assert.deepEqual([invalid!.index, invalid!.detail], [0, "a line of more than 1048576 bytes"]);
  assert.equal(new TextDecoder().decode(batch.rawOfInvalid(invalid!)), "a".repeat(64 * KIB));
  assert.deepEqual(batch.originOf!(0), { offset: 5 });
});
