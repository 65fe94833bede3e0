import assert from "node:assert/strict";
import { CsvHeader, HEADER_MAX } from "../../../src/codec/mapping/csv_header.ts";
import { csvReadings } from "../../../src/codec/mapping/csv_readings.ts";
import { compileMapping, type MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import { ARRIVED_MS } from "./read.ts";

function mappingOf(texts: MappingTexts) {
  const compiled = compileMapping({ format: "csv", ...texts });
  assert.ok("ok" in compiled);
  return compiled.ok!;
}

/** Every event needs three columns, two, one and none. */
const THREE = {};
const TWO = { name: "n" };
const ONE = { name: "n", timestamp: "bus" };
const NONE = { name: "{column}", value: "*", timestamp: "bus" };

Deno.test("a row is a header where it has the columns of the present one, or all that every event needs", () => {
  const cases: readonly (readonly [string, MappingTexts, string, boolean])[] = [
    ["name,value,timestamp", THREE, "timestamp,name,value", true],
    ["name,value,timestamp", THREE, "name,value,timestamp,unit", true],
    ["name,value,timestamp", THREE, "name,value,timestamp,7", true],
    ["name,value,timestamp", THREE, "name,value,timestamp,", true],
    ["name,value,timestamp", THREE, "name,value,unit", false],
    ["a,value,timestamp", TWO, "value,timestamp,b", true],
    ["a,value,timestamp", TWO, "value,timestamp,7", true],
    ["a,value,timestamp", TWO, "value,b,c", false],
    // One name may be there by chance: all others have to be names as well.
    ["a,value", ONE, "value,b", true],
    ["a,value", ONE, "value,b,c", true],
    ["a,value", ONE, "value,7", false],
    ["a,value", ONE, "value,", false],
    ["a,value", ONE, "value,value", false],
    ["a,value", ONE, "b,c", false],
    ["a,b,c", NONE, "c,a,b", true],
    ["a,b,c", NONE, "a,b,d", false],
    ["a,b,c", NONE, "a,b", false],
    ["a,b,c", NONE, "a,b,c,d", false],
    ["a,b,1", NONE, "1,a,b", false],
    // Columns whose names are numbers are no sign of a header.
    ["1,2,a", { name: "n", value: "/1", timestamp: "/2" }, "2,1,b", false],
    ["1,t,a", { name: "n", value: "/1", timestamp: "/t" }, "t,1,b", true],
  ];
  for (const [header, texts, row, isOne] of cases) {
    const found = CsvHeader.of(header).successor({ text: row }, mappingOf(texts));
    assert.equal(found?.row.text, isOne ? row : undefined, `${header} / ${row}`);
  }
});

Deno.test("a header has its own separator, and no byte order mark", () => {
  const next = CsvHeader.of("name,value,timestamp").successor(
    { text: "\ufeffvalue;name;timestamp" },
    mappingOf(THREE),
  );
  assert.deepEqual([next!.row.cells, next!.separator], [["value", "name", "timestamp"], ";"]);
});

Deno.test("a header has so many characters at most", () => {
  const header = (length: number) => "name,value,timestamp,".padEnd(length, "x");
  const first = CsvHeader.of("name,value,timestamp");
  for (const [length, isOne] of [[HEADER_MAX, true], [HEADER_MAX + 1, false]] as const) {
    const text = header(length);
    assert.equal(first.successor({ text }, mappingOf(THREE)) !== undefined, isOne, `${length}`);
    const record = `${text}\na,1,5,x\n`;
    const [reading] = csvReadings(record, mappingOf(THREE), { arrivedMs: ARRIVED_MS });
    assert.equal(typeof reading!.event, isOne ? "object" : "string", `${length}`);
  }
});
