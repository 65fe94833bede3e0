/** Where rows of CSV end, and the header that a content begins with. */
import assert from "node:assert/strict";
import { csvHeaderIn, readCsvHeader, rowEnd } from "../../../src/sources/file/csv_header.ts";
import { withoutSpace } from "../../../src/sources/file/line_space.ts";
import { cutLines } from "../../../src/sources/file/record_cutter.ts";
import { CsvHeader } from "../../../src/codec/mapping/csv_header.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const COMMA = 0x2c;
const QUOTED_MAX = 64 * 1024;
const HEADER_MAX = 8192;

Deno.test("a row ends at the first line break outside of quotes, where its quotes end", () => {
  for (
    const [text, start, end, lastEnd] of [
      ["", 0, -1, -1],
      ["a", 0, -1, -1],
      ["\n", 0, 0, 0],
      ["a,b\nc", 0, 3, 3],
      ["a,b\nc\n", 4, 5, 5],
      // A quote within a cell is a character of it.
      ['a"b\nc"\n', 0, 3, 3],
      ['a,b"\nc\n', 0, 4, 4],
      // A cell in quotes has line breaks, separators and quotes.
      ['"a\nb"\nc\n', 0, 5, 5],
      ['a,"b\nc"\nd', 0, 7, 7],
      ['"a,\nb",c\n', 0, 8, 8],
      ['"a""\nb"\nc', 0, 7, 7],
      ['""\na', 0, 2, 2],
      ['"",""\na', 0, 5, 5],
      ['"""\n"\na', 0, 5, 5],
      // Behind a closed cell a quote opens none.
      ['"a"b"\nc"\n', 0, 5, 5],
      ['"a" "\nb"\n', 0, 5, 5],
      ['x\n"a\nb"\n', 2, 7, 7],
      // A quote that does not end belongs to its own line, where nothing follows.
      ['"a\nb\n', 0, -1, 2],
      ['a,"b\nc', 0, -1, 4],
      // Quotes that end, in a row that does not yet.
      ['"a\nb"', 0, -1, -1],
      ['"a\nb",c', 0, -1, -1],
    ] as const
  ) {
    assert.equal(rowEnd(bytesOf(text), start, COMMA, false), end, JSON.stringify(text));
    assert.equal(rowEnd(bytesOf(text), start, COMMA, true), lastEnd, JSON.stringify(text));
  }
  assert.equal(rowEnd(bytesOf('a;"b\nc"\n'), 0, ";".charCodeAt(0), false), 7);
});

Deno.test("a quote that does not end within 64 KiB belongs to its own line alone", () => {
  const row = (length: number) => `"a\n${"b".repeat(length - 5)}"\n`;
  for (const [length, end] of [[QUOTED_MAX, QUOTED_MAX - 1], [QUOTED_MAX + 1, 2]] as const) {
    assert.equal(rowEnd(bytesOf(row(length)), 0, COMMA, false), end, `${length}`);
    assert.equal(rowEnd(bytesOf(`x\n${row(length)}`), 2, COMMA, false), 2 + end, `${length}`);
  }
  const open = `"a\n${"b".repeat(QUOTED_MAX - 4)}`;
  assert.equal(rowEnd(bytesOf(open), 0, COMMA, false), -1);
  assert.equal(rowEnd(bytesOf(`${open}b`), 0, COMMA, false), 2);
});

Deno.test("a content begins with its header, behind a byte order mark and empty lines", () => {
  for (
    const [text, isLast, expected] of [
      ["a,b\n1,2\n", false, ["a,b", ","]],
      ["\r\n\n\ra;b\r\n1", false, ["a;b", ";"]],
      ["\ufeffa,b\n", false, ["a,b", ","]],
      ["\ufeff\na\tb\n", false, ["a\tb", "\t"]],
      ["a,b \t\r\n", false, ["a,b \t", ","]],
      ['"a\nb",c\n', false, ['"a\nb",c', ","]],
      ["a,b", true, ["a,b", ","]],
      ["a,b", false, undefined],
      ["", true, undefined],
      ["\n\n", true, undefined],
      ["", false, undefined],
      ['"a\nb",c', false, undefined],
      ['"a\nb",c', true, ['"a\nb",c', ","]],
      ['a;"b\nc";d\n1,2,3,4\n', false, ['a;"b\nc";d', ";"]],
      ['a,"b\nc"\n1;2;3;4\n', false, ['a,"b\nc"', ","]],
    ] as const
  ) {
    const found = csvHeaderIn(bytesOf(text), 7, isLast);
    const said = found && [found.columns.row.text, found.columns.separator];
    assert.deepEqual(said?.[0]?.trim(), expected?.[0].trim(), JSON.stringify(text));
    assert.equal(said?.[1], expected?.[1], JSON.stringify(text));
    if (found !== undefined) assert.equal(found.at, 7);
  }
  // Two bytes of the mark are none, and what is no text has no columns.
  for (
    const bytes of [[0xef, 0xbb, 0x61, 0x0a], [0xef, 0x61, 0xbf, 0x0a], [0x61, 0xbb, 0xbf, 0x0a], [
      0xff,
      0x2c,
      0x0a,
    ]]
  ) {
    assert.equal(csvHeaderIn(new Uint8Array(bytes), 0, false)?.columns.row.text, "");
  }
});

/** A file with that content, which gives so many bytes at once. */
function fileOf(text: string, atOnce: number) {
  const bytes = bytesOf(text);
  const read = (at: number, into: Uint8Array) => {
    const part = bytes.subarray(at, at + Math.min(atOnce, into.length));
    into.set(part);
    return Promise.resolve(part.length);
  };
  return { path: "f.csv", content: { read, storedBytesAt: (at: number) => at, close: () => {} } };
}

Deno.test("a header of a file is read as far as it is there, and refused where it is too long", async () => {
  const headerOf = async (text: string, at = 0, isComplete = false) => {
    const found = [1, 7, 1e6].map((atOnce) => readCsvHeader(fileOf(text, atOnce), at, isComplete));
    const [first, ...others] = (await Promise.all(found)).map((one) => one && [one.at, one.columns.row.text]);
    for (const other of others) assert.deepEqual(other, first);
    return first;
  };
  assert.deepEqual(await headerOf("a,b\n1,2\n"), [0, "a,b"]);
  assert.deepEqual(await headerOf("1,2\nc,d\n3,4", 4), [4, "c,d"]);
  assert.equal(await headerOf("a,b"), undefined);
  assert.deepEqual(await headerOf("a,b", 0, true), [0, "a,b"]);
  const most = "a".repeat(HEADER_MAX - 1);
  assert.deepEqual(await headerOf(`${most}\n`), [0, most]);
  assert.equal(await headerOf(most), undefined);
  assert.deepEqual(await headerOf(most, 0, true), [0, most]);
  for (const isComplete of [false, true]) {
    await assert.rejects(headerOf(`${most}a\n1`, 0, isComplete), {
      kind: "garbage",
      message: "f.csv: no row ends within its first 8192 bytes: it is no CSV with a header",
    });
  }
});

Deno.test("a line ends before the blanks at its end, a row of CSV behind its last tab", () => {
  for (
    const [text, line, row] of [
      ["a", "a", "a"],
      ["a \r", "a", "a"],
      ["a\t \r", "a", "a\t"],
      ["a\t\t \r", "a", "a\t\t"],
      ["a \t", "a", "a \t"],
      [" \t\r", "", ""],
      ["", "", ""],
      ["a b", "a b", "a b"],
    ] as const
  ) {
    const bytes = bytesOf(`x${text}y`);
    const end = bytes.length - 1;
    const textTo = (last: number) => new TextDecoder().decode(bytes.subarray(1, last));
    assert.equal(textTo(withoutSpace(bytes, 1, end, false)), line, JSON.stringify(text));
    assert.equal(textTo(withoutSpace(bytes, 1, end, true)), row, JSON.stringify(text));
  }
});

Deno.test("whole lines are cut off, up to a limit, and the last one where nothing follows", () => {
  const header = CsvHeader.of("a,b");
  const of = (text: string, limit: number, isLast: boolean, columns?: CsvHeader) => {
    const { bounds, taken } = cutLines(bytesOf(text), limit, isLast, columns);
    const lines: string[] = [];
    for (let i = 0; i < bounds.length; i += 2) lines.push(text.slice(bounds[i], bounds[i + 1]));
    return [lines, taken];
  };
  assert.deepEqual(of("a\n\n b \n\r\nc", 9, false), [["a", " b"], 9]);
  assert.deepEqual(of("a\n\n b \n\r\nc", 9, true), [["a", " b", "c"], 10]);
  assert.deepEqual(of("a\nb\nc\n", 2, false), [["a", "b"], 4]);
  assert.deepEqual(of("a\n\nb\n", 1, false), [["a"], 2]);
  assert.deepEqual(of("a\nb\n", 0, true), [[], 0]);
  assert.deepEqual(of("", 9, true), [[], 0]);
  assert.deepEqual(of('"a\nb",1\nc', 9, false, header), [['"a\nb",1'], 8]);
  assert.deepEqual(of('"a\nb",1\nc', 9, true, header), [['"a\nb",1', "c"], 9]);
  assert.deepEqual(of('"a\nb",1\nc', 9, true), [['"a', 'b",1', "c"], 9]);
  assert.deepEqual(of('"a\nb\n', 9, true, header), [['"a', "b"], 5]);
});
