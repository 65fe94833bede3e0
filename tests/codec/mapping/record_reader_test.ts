import assert from "node:assert/strict";
import { readRecords } from "../../../src/codec/bus_records.ts";
import { CsvHeader } from "../../../src/codec/mapping/csv_header.ts";
import { compileMapping } from "../../../src/codec/mapping/event_mapping.ts";
import { makeEvent } from "../../../src/codec/mapping/reading.ts";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { ARRIVED_MS, contentOf, read, refusal } from "./read.ts";

const CONTEXT = { arrivedMs: ARRIVED_MS };
const MAPPED = { name: "m.{/name}" };
const bytesOf = (text: string) => new TextEncoder().encode(text);
const json = (name: string, more = {}) => JSON.stringify({ name, value: 1, timestamp: 5, ...more });

/** What records of a bus become, one after the other. */
function readAll(records: readonly string[], texts = MAPPED) {
  const batch = new EventBatch();
  const reader = readerFor(texts)!;
  const origin = { problem: undefined, ...CONTEXT };
  readRecords(records.map((text) => ({ bytes: bytesOf(text), ...origin })), batch, reader);
  const { events, invalid } = contentOf(batch);
  return { names: events.map(({ name }) => name), raw: invalid.map(({ raw }) => raw), batch };
}

Deno.test("what follows an event in its record makes all of the record invalid, wherever it stands", () => {
  const bad = `${json("b")} x`;
  const cases: readonly (readonly [string[], string[]])[] = [
    [[bad], []],
    [[bad, json("a")], ["m.a"]],
    [[json("a"), bad], ["m.a"]],
    [[json("a"), json("c"), bad, json("d")], ["m.a", "m.c", "m.d"]],
  ];
  for (const [records, names] of cases) {
    const found = readAll(records);
    assert.deepEqual([found.names, found.raw, found.batch.total], [names, [bad], records.length]);
    assert.deepEqual(
      [...found.batch.position.subarray(0, names.length)],
      records.flatMap((record, i) => record === bad ? [] : [i]),
    );
  }
});

Deno.test("a batch knows that its events are mapped, and the unit of their times", () => {
  const unitsOf = (texts: Parameters<typeof readerFor>[0]) => {
    const batch = new EventBatch();
    readerFor(texts)!.begin(batch);
    assert.equal(batch.isMapped, true);
    return batch.unitsPerSecond;
  };
  assert.deepEqual(
    [unitsOf(MAPPED), unitsOf({ timeUnit: "ms" }), unitsOf({ format: "influx" })],
    [1, 1000, 1e9],
  );
  assert.equal(unitsOf({ timeUnit: "rfc3339" }), undefined);
});

Deno.test("line protocol and CSV are read as text in a reply, and no record of them is a plain one", () => {
  const batch = new EventBatch();
  for (
    const [format, hasLines] of [["influx", true], ["csv", true], ["json", false], ["value", false]] as const
  ) {
    const reader = readerFor({ format })!;
    assert.equal(reader.hasLines, hasLines, format);
    if (format !== "json") assert.equal(reader.readPlain(batch, 0, CONTEXT), -1, format);
  }
});

Deno.test("a text in a reply that is not UTF-8 leaves nothing in the batch", () => {
  const batch = new EventBatch();
  const good = bytesOf('"m v=1 5\nm v=NaN 5\n');
  const bytes = Uint8Array.from([...good, 0x6d, 0xff, ...bytesOf(' v=1 5"')]);
  batch.reset(bytes);
  const reader = readerFor({ format: "influx" })!;
  reader.begin(batch);
  assert.equal(reader.readText(batch, 0, bytes.length, CONTEXT), false);
  assert.deepEqual([batch.count, batch.invalid.length, batch.surplus], [0, 0, 0]);
});

Deno.test("a record whose content stands elsewhere is refused with that content", () => {
  for (const format of ["json", "value", "influx", "csv"]) {
    for (const content of ["no record", "half \ud800"]) {
      const batch = new EventBatch();
      batch.reset(bytesOf("[7]"));
      const reader = readerFor({ format })!;
      reader.begin(batch);
      reader.read(batch, 0, 3, CONTEXT, content);
      const [refused] = batch.invalid;
      assert.deepEqual([batch.count, batch.invalid.length], [0, 1], format);
      assert.equal(refused!.alone?.(), content, `${format}: ${content}`);
    }
  }
});

Deno.test("a row of CSV is a record of its own: what is refused of it comes with its header", () => {
  const header = CsvHeader.of("name,value,timestamp");
  const rowOf = (row: string | Uint8Array, texts = {}) => {
    const bytes = typeof row === "string" ? bytesOf(row) : row;
    const batch = new EventBatch();
    batch.reset(bytes);
    const reader = readerFor({ format: "csv", ...texts })!;
    reader.begin(batch);
    const next = reader.readRow(batch, 0, bytes.length, CONTEXT, header);
    const { events, invalid } = contentOf(batch);
    return {
      next: next?.row.text,
      total: batch.total,
      surplus: batch.surplus,
      events: events.length,
      invalid,
    };
  };
  const none = { next: undefined, total: 1, surplus: 0, events: 0 };
  assert.deepEqual(rowOf("a,1,5"), { ...none, events: 1, invalid: [] });
  assert.deepEqual(rowOf("a,b,5").invalid.map(({ raw }) => raw), ["name,value,timestamp\na,b,5"]);
  assert.deepEqual(rowOf("a,1"), {
    ...none,
    invalid: [{ detail: "2 cells, where the header has 3", raw: "name,value,timestamp\na,1" }],
  });
  assert.deepEqual(rowOf(Uint8Array.of(0x61, 0x2c, 0xff, 0x2c, 0x35)).invalid.map(({ detail }) => detail), [
    "not UTF-8",
  ]);
  for (const text of ["name,value,timestamp", "timestamp,name,value"]) {
    assert.deepEqual(rowOf(text), { ...none, next: text, total: 0, invalid: [] });
  }
  const wide = { name: "{column}", value: "*", timestamp: "bus" };
  assert.deepEqual(rowOf("1,x,5", wide), { ...none, surplus: 1, events: 2, invalid: [] });
  // A number beyond the greatest is meant as one, and is none.
  const refused = rowOf("1e999,x,2e999", wide);
  assert.deepEqual(refused.invalid.map(({ raw }) => raw), ["name,value,timestamp\n1e999,x,2e999"]);
  assert.match(refused.invalid[0]!.detail, /and 1 more of its parts do not fit$/);
  assert.deepEqual([refused.total, refused.surplus], [1, 0]);
});

Deno.test("functions and ids of a mapped record are checked as those of an event are", () => {
  const funcOf = (agg_func: unknown) => read(json("a", { agg_func }), MAPPED).events.map(({ func }) => func);
  for (const none of [null, "", undefined]) assert.deepEqual(funcOf(none), [undefined]);
  assert.deepEqual(funcOf("max"), ["max"]);
  for (const other of [5, true, [], {}]) {
    assert.match(refusal(json("a", { agg_func: other }), MAPPED), /^unknown function that is no text; /);
  }
  assert.equal(refusal(json("a", { id: "\ud800" }), MAPPED), "id with half a surrogate pair");
  assert.deepEqual(read(json("a", { id: "i" }), MAPPED).events.map(({ id }) => id), ["i"]);
});

Deno.test("a record with one number is kept as it came, and of one with several each has its own", () => {
  const texts = { name: "{path}", value: "*", timestamp: "bus", labels: "site:/site" };
  const one = '{ "a": 1, "site": "n", "b": "x" }';
  assert.deepEqual(read(one, texts).events.map(({ raw }) => raw), [one]);
  assert.deepEqual(read('{"a":1,"site":"n","b":2}', texts).events.map(({ raw }) => raw), [
    '{"a":1,"site":"n"}',
    '{"b":2,"site":"n"}',
  ]);
});

Deno.test("what goes wrong in the program itself is no fault of the record", () => {
  const compiled = compileMapping(MAPPED);
  assert.ok("ok" in compiled);
  const parts = {
    at: () => {
      throw new Error("broken");
    },
    fill: () => undefined,
    value: 1,
    valueName: "the value",
  };
  assert.throws(() => makeEvent(compiled.ok!, parts, CONTEXT), { message: "broken" });
});

Deno.test("there is no reader of a mapping with a fault", () => {
  assert.throws(() => readerFor({ format: "xml" }), /^Error: is none; there are json, value/);
  assert.equal(readerFor({}), undefined);
});
