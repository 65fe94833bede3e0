import assert from "node:assert/strict";
import { csvReadings } from "../../../src/codec/mapping/csv_readings.ts";
import { read } from "./read.ts";
import { slowly } from "./slowly.ts";

const CSV = { format: "csv" };
const WIDE = { ...CSV, name: "{/name}.{column}", value: "*", timestamp: "bus" };
const HEADER = "name,value,timestamp";

Deno.test("CSV: a row ends at a line break, and nowhere else", () => {
  const ends = ["\n", "\r\n", "\r", "\r\r\n", "\n\r", "\n\n", "\r\n\r\n", ""];
  for (const header of ["\n", "\r\n", "\r"]) {
    for (const between of ends) {
      for (const last of ["", "\n", "\r\n", "\r"]) {
        const record = `${HEADER}${header}a,1,5${between}b,2,6${last}`;
        for (const texts of [CSV, WIDE]) {
          assert.deepEqual(read(record, texts), slowly(csvReadings, record, texts), JSON.stringify(record));
        }
      }
    }
  }
  const names = (record: string) => read(record, CSV).events.map(({ name }) => name);
  assert.deepEqual(names(`${HEADER}\na,1,5\r\nb,2,6`), ["a", "b"]);
  assert.deepEqual(names(`${HEADER}\na,1,5\rb,2,6`), []);
});

Deno.test("CSV: cells are as many as the header has, with quotes or without", () => {
  const cells = [
    "",
    "1",
    '""',
    '"1"',
    '"a"',
    '"a,b"',
    '"a""b"',
    '"',
    '"a',
    'a"',
    '"a"b',
    " 1",
    "t",
    "-1",
    "1e3",
  ];
  for (const one of cells) {
    for (const row of [`a,${one},5`, `a,1,${one}`, `${one},1,5`, `a,1,5,${one}`, `a,${one}`]) {
      const record = `${HEADER}\n${row}\nz,1,5`;
      for (const texts of [CSV, WIDE]) {
        assert.deepEqual(read(record, texts), slowly(csvReadings, record, texts), JSON.stringify(record));
      }
    }
  }
});

Deno.test("CSV: a cell that is not UTF-8 refuses the record, wherever it stands", () => {
  const encoder = new TextEncoder();
  for (const row of ["?,1,5", '"?",1,5', "a,1,5,?", 'a,1,5,"?"', "?,,", "a,1,?"]) {
    const text = `${HEADER},more\nz,1,5,\n${row}`;
    const bytes = encoder.encode(text).map((byte) => byte === 0x3f ? 0xff : byte);
    for (const texts of [CSV, WIDE]) {
      const { events, invalid } = read(bytes, texts);
      assert.deepEqual([events.length, invalid.map(({ detail }) => detail)], [0, ["not UTF-8"]], row);
    }
  }
});
