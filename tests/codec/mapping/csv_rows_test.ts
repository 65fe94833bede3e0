import assert from "node:assert/strict";
import { isRowEnd } from "../../../src/codec/mapping/csv_cells.ts";
import { csvRowEnd } from "../../../src/codec/mapping/csv_row_end.ts";
import { csvText, rowAt, separatorOf } from "../../../src/codec/mapping/csv_rows.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("a row of CSV has cells, in quotes or without, and ends at its line break", () => {
  const cases: readonly (readonly [
    text: string,
    cells: readonly string[],
    row: string,
    more?: { rest?: string; isOpen?: boolean },
  ])[] = [
    ["", [""], ""],
    ["a", ["a"], "a"],
    ["a,b", ["a", "b"], "a,b"],
    [",", ["", ""], ","],
    ["a,b\nc", ["a", "b"], "a,b", { rest: "c" }],
    ["a,b\r\nc", ["a", "b"], "a,b", { rest: "c" }],
    ["a\rb\nc", ["a\rb"], "a\rb", { rest: "c" }],
    ["a\r", ["a\r"], "a\r"],
    ["\nc", [""], "", { rest: "c" }],
    ["a,\nc", ["a", ""], "a,", { rest: "c" }],
    ['"a"', ["a"], '"a"'],
    ['"a,b\nc",d\ne', ["a,b\nc", "d"], '"a,b\nc",d', { rest: "e" }],
    ['"a""b",c', ['a"b', "c"], '"a""b",c'],
    ['"""",c', ['"', "c"], '"""",c'],
    ['"",c', ["", "c"], '"",c'],
    ['"a"b,c', ["ab", "c"], '"a"b,c'],
    ['a"b,c"', ['a"b', 'c"'], 'a"b,c"'],
    ['"a', ["a"], '"a', { isOpen: true }],
    ['a,"b\nc', ["a", "b\nc"], 'a,"b\nc', { isOpen: true }],
    ['"a""', ['a"'], '"a""', { isOpen: true }],
    ['"', [""], '"', { isOpen: true }],
    ['"a"\r\n"b"', ["a"], '"a"', { rest: '"b"' }],
  ];
  for (const [text, cells, row, { rest = "", isOpen = false } = {}] of cases) {
    const before = "x,\n";
    const found = rowAt(before + text, before.length, ",");
    const end = before.length + text.length - rest.length;
    assert.deepEqual(found, { cells, text: row, isOpen, end }, text);
    const bytes = bytesOf(before + text + '"');
    assert.equal(csvRowEnd(bytes, before.length, bytes.length - 1, 0x2c), before.length + row.length, text);
  }
});

Deno.test("where a row ends is found in bytes, however they go on behind the text", () => {
  const bytes = bytesOf('a,b\r\n"c"""');
  for (let end = 0; end <= 3; end++) assert.equal(csvRowEnd(bytes, 0, end, 0x2c), end);
  assert.equal(csvRowEnd(bytes, 0, 4, 0x2c), 4, "a line feed behind the end of the text is no part of it");
  assert.equal(csvRowEnd(bytes, 0, 5, 0x2c), 3);
  for (const end of [6, 7, 8, 9, 10]) assert.equal(csvRowEnd(bytes, 5, end, 0x2c), end);
  assert.equal(csvRowEnd(bytesOf("a;b,c\nd"), 0, 7, 0x3b), 5);
  const ends = [0, 1, 2, 3, 4, 5].map((at) => isRowEnd(bytesOf("\ra\r\nb"), at, 5));
  assert.deepEqual(ends, [false, false, true, true, false, true]);
  assert.equal(isRowEnd(bytesOf("\r\n"), 0, 1), false);
});

Deno.test("the separator of a header is the one that it has most of, outside of quotes", () => {
  const cases = [
    ["a", ","],
    ["a,b", ","],
    ["a;b", ";"],
    ["a\tb", "\t"],
    ["a|b", "|"],
    ["a;b,c", ","],
    ["a;b,c;d", ";"],
    ['"a,b,c";d', ";"],
    ["a,b\nc;d;e;f", ","],
    ["\ufeffa;b\nc", ";"],
    ["\ufeff\na;b;c", ","],
    ["\na;b;c", ","],
  ] as const;
  for (const [text, separator] of cases) assert.equal(separatorOf(text), separator, text);
});

Deno.test("cells become a row again, in quotes where they have to be", () => {
  const cells = ["a", "b,c", 'd"e', "f\ng", "h\ri", "", " j;"];
  const text = 'a,"b,c","d""e","f\ng","h\ri",, j;';
  assert.equal(csvText(cells, ","), text);
  assert.equal(csvText(["b,c", "d;e"], ";"), 'b,c;"d;e"');
  assert.deepEqual(rowAt(text, 0, ",").cells, cells);
});
