/** CSV whose header changes, within a file and from one to the next: each row is read by the one over it. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "../../support/fast_check.ts";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import type { Source } from "../../../src/contract/source.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { FileSource } from "../../../src/sources/file/file_source.ts";
import { StdinSource } from "../../../src/sources/file/stdin_source.ts";
import { contentOf } from "../../codec/mapping/read.ts";
import { Reading } from "../../contract/source_reading.ts";
import { inDirectory, quickClock } from "./written_files.ts";

const TEXTS = { format: "csv", labels: "site:{/site}" };
const OTHER_COLUMNS = ["site", "note", ""];

/** A header, and rows under it. */
interface Part {
  readonly columns: readonly string[];
  readonly separator: string;
  readonly hasMark: boolean;
  readonly lineBreak: string;
  readonly values: readonly number[];
}

const part = fc.record({
  columns: fc.subarray(OTHER_COLUMNS).chain((others) => {
    const all = ["name", "value", "timestamp", ...others];
    return fc.shuffledSubarray(all, { minLength: all.length });
  }),
  separator: fc.constantFrom(",", ";", "\t", "|"),
  hasMark: fc.boolean(),
  lineBreak: fc.constantFrom("\n", "\r\n", "\n\n"),
  values: fc.array(fc.integer({ min: 0, max: 1e9 }), { maxLength: 5 }),
});

/** Rows that would be others under the header of another part. */
function textOf({ columns, separator, hasMark, lineBreak, values }: Part): string {
  const cellOf = (column: string, value: number) => {
    switch (column) {
      case "name":
        return `n${value}`;
      case "site":
        return value % 3 === 0 ? "" : `s${value}`;
      case "note":
        return `"a${separator}\nb${value}"`;
      case "":
        return value % 2 === 0 ? "" : "7";
      default:
        return column === "value" ? `${value}` : `${1000 + value}`;
    }
  };
  const rows = values.map((value) => columns.map((column) => cellOf(column, value)));
  const text = [columns, ...rows].map((cells) => `${cells.join(separator)}${lineBreak}`).join("");
  return `${hasMark ? "\ufeff" : ""}${text}`;
}

function eventsOf(parts: readonly Part[]): string[] {
  return parts.flatMap(({ columns, values }) =>
    values.map((value) => {
      const site = columns.includes("site") && value % 3 !== 0 ? `s${value}` : undefined;
      return JSON.stringify([`n${value}`, value, (1000 + value) * 1000, site]);
    })
  );
}

const csvFile = (pattern: string, isFollowed: boolean) =>
  new FileSource(`file://${pattern}`, pattern, { reader: readerFor(TEXTS), isFollowed });

/** What is read up to the end; `restart` makes another source. */
async function readAll(reading: Reading, limit: number, restart?: () => Source): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const { kind } = await reading.read({ limit });
    if (kind === "idle") return seen;
    if (kind === "events") {
      const { events, invalid } = contentOf(reading.batch);
      assert.deepEqual(invalid, []);
      for (const { name, value, timeMs, labels } of events) {
        seen.push(JSON.stringify([name, value, timeMs, labels["site"]]));
      }
    }
    if (restart === undefined) continue;
    await reading.source.close();
    reading = await Reading.open(restart(), { ...reading.progress, history: new LogHistory() });
  }
}

Deno.test("CSV files that were joined, plain and gzip: each row under its own header, after every restart", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(part, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      fc.boolean(),
      (parts, limit, isCompressed, restarts) =>
        inDirectory(async (directory) => {
          const path = `${directory}/joined.csv`;
          const text = parts.map(textOf).join("");
          await Deno.writeFile(path, isCompressed ? gzipSync(text) : new TextEncoder().encode(text));
          const reading = await Reading.open(csvFile(path, false));
          const seen = await readAll(reading, limit, restarts ? () => csvFile(path, false) : undefined);
          await reading.source.close();
          assert.deepEqual(seen, eventsOf(parts));
        }),
    ),
    { numRuns: 80 },
  ));

Deno.test("CSV through a pipe: the header changes wherever the pieces end", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(part, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 50 }),
      async (parts, limit, pieceBytes) => {
        const bytes = new TextEncoder().encode(parts.map(textOf).join(""));
        let at = 0;
        const read = () => {
          const piece = bytes.slice(at, at += pieceBytes);
          return Promise.resolve(piece.length === 0 ? undefined : piece);
        };
        const source = new StdinSource("stdin:", { read, isTerminal: false }, readerFor(TEXTS), true);
        assert.deepEqual(await readAll(await Reading.open(source), limit), eventsOf(parts));
      },
    ),
    { numRuns: 80 },
  ));

Deno.test("a CSV file that is followed: the next one of its name has another order, also over a restart", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/app.csv`;
    const write = (text: string) => Deno.writeTextFile(path, text, { append: true });
    await write("name,value,timestamp\na,1,1000\ntimestamp,value,name\n1001,2,b\n");
    const context = { clock: quickClock() };
    let reading = await Reading.open(csvFile(path, true), undefined, context);
    const seen = await readAll(reading, 10);
    await write("1002,3,c\n");
    await reading.source.close();
    reading = await Reading.open(csvFile(path, true), reading.progress, context);
    seen.push(...await readAll(reading, 10));
    await Deno.truncate(path, 0);
    await write("value,name,timestamp\n4,d,1003\n");
    seen.push(...await readAll(reading, 10));
    await Deno.rename(path, `${path}.1`);
    await Deno.writeTextFile(path, "timestamp;name;value\n1004;e;5\n");
    await reading.source.close();
    for (const next of await Reading.openAll(csvFile(path, true))) seen.push(...await readAll(next, 10));
    assert.deepEqual(seen.map((text) => JSON.parse(text).slice(0, 3)), [
      ["a", 1, 1_000_000],
      ["b", 2, 1_001_000],
      ["c", 3, 1_002_000],
      ["d", 4, 1_003_000],
      ["e", 5, 1_004_000],
    ]);
  }));
