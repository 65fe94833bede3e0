import assert from "node:assert/strict";
import { RecordEvents } from "../../../src/codec/mapping/record_events.ts";
import type { CheckedEvent } from "../../../src/codec/event_check.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";

const ENCODER = new TextEncoder();
const event = (name: string): CheckedEvent => ({
  name,
  labels: "",
  functionId: 0,
  value: 1,
  timeMs: 1000,
  id: undefined,
});

/** A batch of the bytes of several records, which `begin` begins with one of. */
function batchOf(...records: (string | Uint8Array)[]) {
  const all = records.map((record) => typeof record === "string" ? ENCODER.encode(record) : record);
  const batch = new EventBatch();
  batch.reset(Uint8Array.from(all.flatMap((record) => [...record])));
  const begin = (events: RecordEvents, index: number) => {
    const start = all.slice(0, index).reduce((sum, { length }) => sum + length, 0);
    events.begin(batch, index, start, start + all[index]!.length);
  };
  return { batch, begin };
}

/** What is kept of each refusal: which record, where it is, and the text where that is another one. */
const refusalsOf = ({ invalid }: EventBatch) =>
  invalid.map(({ index, detail, rawStart, rawEnd, alone }) => [index, detail, rawStart, rawEnd, alone?.()]);

Deno.test("a refusal has the bytes of its record, or the text that the record has instead", () => {
  const { batch, begin } = batchOf("first", "second", "third", "fourth", "fifth", "sixth");
  const events = new RecordEvents();
  const other = ENCODER.encode("<text>");
  begin(events, 0);
  events.textAt(other, 1, 5);
  events.refuse("a");
  begin(events, 1);
  events.refuse("b");
  begin(events, 2);
  events.textIs("half \ud800");
  events.refuse("c");
  begin(events, 3);
  events.wholeIs(() => "whole");
  events.refuse("d");
  events.refuse("e", () => "alone");
  begin(events, 4);
  events.refuse("f");
  begin(events, 2);
  events.textIs("half \ud800");
  begin(events, 5);
  events.textAt(other, 1, 5);
  events.refuse("g");
  assert.deepEqual(refusalsOf(batch), [
    [0, "a", 0, 5, "text"],
    [1, "b", 5, 11, undefined],
    [2, "c", 11, 16, "half \ud800"],
    [3, "d", 16, 22, "whole"],
    [3, "e", 16, 22, "alone"],
    [4, "f", 22, 27, undefined],
    [5, "g", 27, 32, "text"],
  ]);
});

Deno.test("an event has its record and where it is, and the text that the record has instead", () => {
  const { batch, begin } = batchOf("first", "second");
  const events = new RecordEvents();
  begin(events, 0);
  events.textIs("text");
  assert.equal(events.take({ event: event("a") }), true);
  assert.equal(events.take({ event: event("b"), alone: () => "alone" }), true);
  events.finish();
  begin(events, 1);
  events.take({ event: event("c") });
  events.finish();
  const shown = [...Array(batch.count).keys()].map((i) => [
    batch.position[i],
    batch.rawStart[i],
    batch.rawEnd[i],
    batch.alone[i]?.(batch, i),
  ]);
  assert.deepEqual(shown, [[0, 0, 5, "text"], [0, 0, 5, "alone"], [1, 5, 11, undefined]]);
  assert.equal(batch.surplus, 1);
});

Deno.test("each record is UTF-8 or not by itself, and so is its text", () => {
  const { begin } = batchOf("ü", Uint8Array.of(0x61, 0xff), "a");
  const events = new RecordEvents();
  const found = [0, 1, 2].map((index) => {
    begin(events, index);
    return [events.isUtf8(), events.isUtf8()];
  });
  assert.deepEqual(found, [[true, true], [false, false], [true, true]]);
  begin(events, 1);
  events.textAt(ENCODER.encode("(ü)"), 1, 3);
  assert.deepEqual([events.isUtf8(), events.text(), events.text(1, 4)], [true, "ü", "ü)"]);
});

Deno.test("a byte order mark stays part of the text", () => {
  const { begin } = batchOf("\ufeffa");
  const events = new RecordEvents();
  begin(events, 0);
  assert.equal(events.text(), "\ufeffa");
});

Deno.test("what is taken back leaves nothing of the record, and nothing for the next one", () => {
  const { batch, begin } = batchOf("first", "second", "third");
  const events = new RecordEvents();
  begin(events, 0);
  events.take({ event: event("a") });
  events.take({ event: "refused" });
  events.finish();
  begin(events, 1);
  events.wholeIs(() => "whole");
  events.take({ event: event("b") });
  events.take({ event: event("c") });
  events.take({ event: "refused as well" });
  events.undo();
  assert.deepEqual([batch.count, events.count], [1, 0]);
  assert.deepEqual(refusalsOf(batch), [[0, "refused", 0, 5, undefined]]);
  events.refuse("all of it");
  events.finish();
  begin(events, 2);
  events.take({ event: event("d") });
  events.finish();
  assert.deepEqual(refusalsOf(batch).at(-1), [1, "all of it", 5, 11, undefined]);
  assert.deepEqual([batch.count, batch.alone[1], batch.surplus], [2, undefined, 1]);
});

Deno.test("a record of which nothing fits is one refusal that counts the others", () => {
  const { batch, begin } = batchOf("first", "second", "third", "fourth");
  const events = new RecordEvents();
  const refuse = (index: number, ...details: string[]) => {
    begin(events, index);
    for (const detail of details) assert.ok(events.take({ event: detail, alone: () => detail }));
    events.finish();
  };
  refuse(0, "a", "b", "c");
  refuse(1, "d");
  refuse(2, "h", "i");
  assert.deepEqual(refusalsOf(batch), [
    [0, "a; and 2 more of its parts do not fit", 0, 5, undefined],
    [1, "d", 5, 11, "d"],
    [2, "h; and 1 more of its parts do not fit", 11, 16, undefined],
  ]);
  assert.equal(batch.surplus, 0);
  begin(events, 3);
  events.take({ event: event("e") });
  events.take({ event: "f" });
  events.take({ event: "g" });
  events.finish();
  assert.equal(batch.surplus, 2);
  assert.deepEqual(batch.invalid.map(({ detail }) => detail).slice(3), ["f", "g"]);
});

Deno.test("a record has so many events and refusals at most, and the rest is one refusal more", () => {
  const { batch, begin } = batchOf("first");
  const events = new RecordEvents(2);
  begin(events, 0);
  const taken = ["a", "b", "c"].map((name) => events.take({ event: event(name) }));
  events.finish();
  assert.deepEqual([taken, batch.count, batch.surplus], [[true, true, false], 2, 2]);
  assert.deepEqual(refusalsOf(batch), [[
    0,
    "more than 2 events in one record: the rest of them",
    0,
    5,
    undefined,
  ]]);
});
