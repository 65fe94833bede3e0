/**
 * CSV read from its bytes is what the slow path makes of it, and what a calculation says that shares no code
 * with either.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "../../support/fast_check.ts";
import { CsvHeader } from "../../../src/codec/mapping/csv_header.ts";
import { csvReadings } from "../../../src/codec/mapping/csv_readings.ts";
import type { MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import { rowAt } from "../../../src/codec/mapping/csv_rows.ts";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { ARRIVED_MS, contentOf, read, Readers, type ReadRecord } from "./read.ts";
import { slowly } from "./slowly.ts";

const CSV = { format: "csv" };
const NARROW = {
  ...CSV,
  name: "{/machine}.{column}",
  timestamp: "/time",
  timeUnit: "ms",
  labels: "site:/site,none:/none",
};
const WIDE = { ...CSV, name: "{/machine}.{column}", timestamp: "bus", value: "*" };
const MAPPINGS: readonly MappingTexts[] = [
  NARROW,
  WIDE,
  { ...NARROW, value: "*" },
  { ...CSV, name: "{/machine}", timestamp: "bus", labels: "x:{/site}-{/time}" },
  { ...CSV, name: "n", timestamp: "/time", timeUnit: "rfc3339", value: "/value" },
];
const READERS = new Readers(MAPPINGS);

interface Row {
  readonly machine: string;
  readonly site: string;
  readonly value: number;
  readonly time: number;
  readonly id: string;
  readonly fn: string;
  readonly other: string;
}

const COLUMNS = ["machine", "site", "value", "time", "id", "fn", "other"] as const;
const cellText = fc.oneof(
  fc.constantFrom("oven", "north", "ä", "東京", 'a "b"', "line\nbreak", "a,b", "c;d", "e\tf|g", "😀"),
  fc.string({ unit: fc.constantFrom(..."abc01 .,;\t|\"'\r\näß😀"), minLength: 1, maxLength: 6 }),
);
// A label takes no control character.
const site = cellText.map((text) => text.replace(/\p{Cc}/gu, "_"));
const row = fc.record({
  machine: cellText,
  site: fc.oneof(site, fc.constant("")),
  value: fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
    fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((n) => Number(n.toFixed(2)) + 0),
  ),
  time: fc.integer({ min: 0, max: 4e12 }),
  id: fc.oneof(fc.constant(""), cellText),
  fn: fc.constantFrom("", "avg", "p99"),
  other: fc.oneof(cellText, fc.constant("")),
});

/** @param isQuoted Of each cell that needs no quotes, whether it has them. */
function written(rows: readonly Row[], order: readonly (keyof Row)[], style: {
  separator: string;
  lineBreak: string;
  isQuoted: boolean;
  bom: string;
  blank: string;
}): string {
  const cell = (text: string) =>
    style.isQuoted || /["\r\n]/.test(text) || text.includes(style.separator)
      ? `"${text.split('"').join('""')}"`
      : text;
  const heading = order.map((column) =>
    ({ id: "id", fn: "agg_func" } as Record<string, string>)[column] ?? column
  );
  const lines = [
    heading.join(style.separator),
    ...rows.map((one) => order.map((column) => cell(String(one[column]))).join(style.separator)),
  ];
  return style.bom + lines.join(style.lineBreak + style.blank) + style.lineBreak;
}

const style = fc.record({
  separator: fc.constantFrom(",", ";", "\t", "|"),
  lineBreak: fc.constantFrom("\n", "\r\n"),
  isQuoted: fc.boolean(),
  bom: fc.constantFrom("", "\ufeff"),
  blank: fc.constantFrom("", "", "\n", "\r\n"),
});
const order = fc.shuffledSubarray([...COLUMNS], { minLength: COLUMNS.length });
const essence = ({ events }: ReadRecord) => events.map(({ raw: _, ...event }) => event);

Deno.test("what is written is what is read, whatever the separator, the quotes, the order and the line breaks", () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), order, style, (rows, columns, how) => {
      const content = READERS.read(written(rows, columns, how), NARROW);
      assert.deepEqual(content.invalid, []);
      assert.deepEqual(
        essence(content),
        rows.map(({ machine, site, value, time, id, fn }) => ({
          name: `${machine}.value`,
          labels: site === "" ? {} : { site },
          func: fn === "" ? undefined : fn,
          value,
          timeMs: time,
          id: id === "" ? undefined : id,
        })),
      );
      for (const event of content.events) assert.deepEqual(read(event.raw, NARROW).events, [event]);
    }),
    { numRuns: 800 },
  );
});

Deno.test("a record is what the slow path makes of it: by each mapping, cut anywhere, as bytes and in a reply", () => {
  const soup = fc.string({ unit: fc.constantFrom(...'ab,;"\n\r1.5e-t\ufeffä \t'), maxLength: 30 });
  const header = fc.constantFrom(
    "machine,value,time,site\n",
    "machine;time;value\r\n",
    "\ufeffsite|value|machine|time\n",
    "value\n",
    '"machine",value,time\n',
    "value,machine,value,time\n",
    "machine,temp, load ,time,id\n",
  );
  const cell = fc.constantFrom(
    "a",
    "7",
    "2.5",
    "",
    "true",
    "FALSE",
    "1e400",
    " 3",
    '"q"',
    '"1""2"',
    '"x,y"',
    "1,5",
    "2026-01-31T06:00:00Z",
  );
  const line = fc.tuple(fc.array(cell, { minLength: 1, maxLength: 5 }), fc.constantFrom(",", ",", ";", "|"))
    .map(([cells, separator]) => cells.join(separator));
  const lines = fc.tuple(header, fc.array(line, { maxLength: 5 }), fc.constantFrom("\n", "\r\n"))
    .map(([first, rest, lineBreak]) => first + rest.join(lineBreak));
  const whole = fc.tuple(fc.array(row, { minLength: 1, maxLength: 3 }), order, style)
    .map(([rows, columns, how]) => written(rows, columns, how));
  // Another header follows: its rows are refused, or are events by chance.
  const changed = fc.tuple(fc.oneof(lines, whole), fc.oneof(lines, whole)).map(([one, other]) =>
    one + "\n" + other
  );
  const record = fc.tuple(
    fc.oneof(lines, whole, changed, fc.tuple(header, soup).map((parts) => parts.join("")), soup),
    fc.nat(60),
  )
    .map(([text, cut]) => text.slice(0, Math.max(0, text.length - (cut > 30 ? 0 : cut))).toWellFormed());
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...MAPPINGS),
      (records, texts) => {
        const all = records.map((one) => slowly(csvReadings, one, texts));
        for (const [i, one] of records.entries()) {
          assert.deepEqual(
            READERS.read(one, texts),
            all[i],
            JSON.stringify(one),
          );
        }
        const reply = READERS.inReply(records, texts);
        assert.deepEqual(essence(reply), all.flatMap(essence));
        const details = ({ invalid }: ReadRecord) => invalid.map(({ detail }) => detail);
        assert.deepEqual(details(reply), all.flatMap(details));
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("where any number is an event, a cell that is meant as one is refused, and not left out", () => {
  const table = "machine;a;b;c\nkiln;1,5;2;x\noven;3;1e400;TRUE\nfan;1.2.3;4;False";
  const { events, invalid } = READERS.read(table, WIDE);
  assert.deepEqual(events.map(({ name, value }) => [name, value]), [
    ["kiln.b", 2],
    ["oven.a", 3],
    ["oven.c", 1],
    ["fan.b", 4],
    ["fan.c", 0],
  ]);
  assert.deepEqual(invalid, [
    {
      detail: 'the value in the column a "1,5" has a decimal comma; decimals stand behind a point',
      raw: "machine;a\nkiln;1,5",
    },
    { detail: 'the value in the column b "1e400" is not a finite number', raw: "machine;b\noven;1e400" },
  ]);
});

Deno.test("a header within a record is the one of the rows under it", () => {
  const table = "machine,a,b\noven,1,2\n\ufeffmachine; b;a\noven;3;4\nmachine,a,b\noven,5,6";
  for (const mapping of [WIDE, { ...WIDE, value: "/a" }, { ...WIDE, name: "n", value: "/b" }]) {
    for (const { events, invalid } of [read(table, mapping), slowly(csvReadings, table, mapping)]) {
      assert.deepEqual(invalid, []);
      const values = events.map(({ value }) => value);
      assert.deepEqual(
        values,
        mapping.value === "*" ? [1, 2, 3, 4, 5, 6] : mapping.value === "/a" ? [1, 4, 5] : [2, 3, 6],
      );
    }
  }
});

Deno.test("a record whose header lacks the value or the time is refused as a whole", () => {
  for (const header of ["time,site", "value,site", "site,other"]) {
    const text = `${header}\n1000,2\n3000,4`;
    const { events, invalid } = read(text, { ...CSV, name: "n", timestamp: "/time", value: "/value" });
    assert.deepEqual([events.length, invalid.length], [0, 1], header);
  }
});

Deno.test("a row is no header by the text of one cell, nor where it is an event", () => {
  const one = { ...CSV, name: "n", timestamp: "bus", value: "/value" };
  const two = { ...CSV, name: "{/machine}", timestamp: "bus", value: "/value" };
  for (
    const [mapping, row] of [
      [one, "oven,x,value,3"],
      [one, "value,,x,y"],
      [one, "value,7,x,y"],
      [two, "oven,x,value,y"],
      [two, "machine,7,value,y"],
    ] as const
  ) {
    const text = `machine,value,site,note\noven,1,a,b\n${row}\noven,2,a,b`;
    const { events, invalid } = read(text, mapping);
    const isEvent = row.split(",")[1] === "7";
    assert.deepEqual(events.map(({ value }) => value), isEvent ? [1, 7, 2] : [1, 2], row);
    assert.equal(invalid.length, isEvent ? 0 : 1, row);
  }
});

Deno.test("a row with its header elsewhere is what a record of both is", () => {
  const header = CsvHeader.of("machine;value;time;site");
  const texts = ["oven", "1", "1.5", "1,5", "", "x", '"q;""\n"', '"', "1000", "ä", "true", "1e999"];
  const rows = fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 5 }).map((cells) =>
    cells.join(";")
  );
  const one = rows.filter((row) => rowAt(row, 0, ";").text === row && row !== "");
  const readers = MAPPINGS.map((mapping) => readerFor(mapping)!);
  fc.assert(
    fc.property(one, fc.nat(MAPPINGS.length - 1), (row, index) => {
      const bytes = new TextEncoder().encode(row);
      const batch = new EventBatch();
      batch.reset(bytes);
      const reader = readers[index]!;
      reader.begin(batch);
      assert.equal(reader.readRow(batch, 0, bytes.length, { arrivedMs: ARRIVED_MS }, header), undefined);
      assert.equal(batch.total, 1);
      assert.deepEqual(contentOf(batch), slowly(csvReadings, `${header.row.text}\n${row}`, MAPPINGS[index]!));
    }),
    { numRuns: 800 },
  );
});

Deno.test("bytes that are no UTF-8 refuse the record, and leave nothing of it in the batch", () => {
  const good = new TextEncoder().encode("machine,value,time\na,1,5\nb,x,6\n");
  const bad = Uint8Array.from([...good, 0x6d, 0xff, ...new TextEncoder().encode(",1,5\n")]);
  assert.deepEqual(read(bad, NARROW).invalid.map(({ detail }) => detail), ["not UTF-8"]);
  assert.deepEqual(read(bad, NARROW).events, []);
});

Deno.test("a record has no more events than it may have", () => {
  const text = "value,load,time\n" + Array.from({ length: 6000 }, (_, i) => `${i},1,5`).join("\n");
  const { events, invalid } = READERS.read(text, MAPPINGS[1]!);
  assert.equal(events.length, 0);
  assert.match(invalid[0]!.detail, /\{\/machine\} finds nothing/);
  const wide = "machine,value,load,time\n" + Array.from({ length: 6000 }, (_, i) => `m,${i},1,5`).join("\n");
  const content = READERS.read(wide, MAPPINGS[1]!);
  assert.equal(content.events.length, 10_000);
  assert.match(content.invalid[0]!.detail, /more than 10000 events in one record/);
});

Deno.test("a function or an id is only what stands in its own column", () => {
  const of = (record: string) => read(record, CSV).events.map(({ func, id, value }) => [func, id, value]);
  assert.deepEqual(of("name,unit,value,timestamp\na,max,1,5\na,,2,6"), [
    [undefined, undefined, 1],
    [undefined, undefined, 2],
  ]);
  assert.deepEqual(of("name,agg_func,value,timestamp\na,max,1,5"), [["max", undefined, 1]]);
  assert.deepEqual(of("name,id,value,timestamp\na,max,1,5"), [[undefined, "max", 1]]);
  for (const func of ["median", "SUM", "p101"]) {
    const { events, invalid } = read(`name,agg_func,value,timestamp\na,${func},1,5\na,sum,2,6`, CSV);
    assert.deepEqual(events.map(({ func, value }) => [func, value]), [["sum", 2]], func);
    assert.equal(invalid.length, 1, func);
  }
});

Deno.test("an id that is too long to be kept is one event with the digest of it", () => {
  const of = (length: number) =>
    READERS.read(`machine,id,value,time\na,${"x".repeat(length)},1,5\na,i,2,6`, NARROW).events
      .map(({ id, value }) => [id, value]);
  assert.deepEqual(of(256), [["x".repeat(256), 1], ["i", 2]]);
  assert.deepEqual(of(257), [[createHash("sha256").update("x".repeat(257)).digest("hex"), 1], ["i", 2]]);
});

Deno.test("of a row with several numbers, one whose series is none is refused, and the others are events", () => {
  const long = "x".repeat(600);
  const { events, invalid } = READERS.read(`machine,u,${long},v\na,1,2,3\na,4,5,6`, WIDE);
  assert.deepEqual(events.map(({ name, value }) => [name, value]), [["a.u", 1], ["a.v", 3], ["a.u", 4], [
    "a.v",
    6,
  ]]);
  assert.deepEqual(invalid.map(({ raw }) => raw), [`machine,${long}\na,2`, `machine,${long}\na,5`]);
});
