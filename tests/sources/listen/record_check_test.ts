/** Records before they go into the inbox: which are kept, which are told of, and in what steps. */
import assert from "node:assert/strict";
import { FormatReaders } from "../../../src/sources/listen/format_readers.ts";
import { RecordCheck } from "../../../src/sources/listen/record_check.ts";
import { formatted } from "./runs.ts";

const CONTEXT = { topic: "plant", arrivedMs: 7, busMs: 7 };
const KIB = 1024;
const GOOD = (name: string) => `m,n=${name} f=1 5`;
const BAD = "m f=x 5";
/** Of text alone no event is made, and that is no fault. */
const TEXT = 'm state="on" 5';

/** What becomes of lines of line protocol. */
function check(lines: readonly string[]) {
  const held: number[] = [];
  const steps = new RecordCheck(new FormatReaders({})).check(
    "influx",
    formatted("influx", ...lines).records,
    CONTEXT,
  );
  for (let step = steps.next();; step = steps.next()) {
    if (!step.done) {
      held.push(step.value as number);
      continue;
    }
    const { runs, faults, faulty } = step.value;
    const kept = runs.map(({ records: { bytes, ends } }) =>
      Array.from(
        ends,
        (end, i) => new TextDecoder().decode(bytes.subarray(i === 0 ? 0 : ends[i - 1]! + 1, end)),
      )
    );
    return { held, runs, kept, faults, faulty };
  }
}

Deno.test("records that give an event are kept, and the others told of by their number", () => {
  const [a, b, c] = ["a", "b", "c"].map(GOOD) as [string, string, string];
  for (
    const [lines, kept, numbers] of [
      [[], [], []],
      [[a], [[a]], []],
      [[a, b, c], [[a, b, c]], []],
      [[BAD], [], [1]],
      [[BAD, a, b], [[a, b]], [1]],
      [[a, BAD, b], [[a, b]], [2]],
      [[a, b, BAD], [[a, b]], [3]],
      [[BAD, BAD, a, BAD, BAD, b, BAD], [[a, b]], [1, 2, 4, 5, 7]],
      [[TEXT], [], []],
      [[TEXT, a, TEXT], [[a]], []],
      // One event is enough.
      [["m f=1,g=x 5", a], [["m f=1,g=x 5", a]], []],
    ] as const
  ) {
    const found = check(lines);
    assert.deepEqual([found.kept, found.faults.map(({ number }) => number), found.faulty], [
      kept,
      numbers,
      numbers.length,
    ], lines.join("; "));
    for (const { topic, format } of found.runs) assert.deepEqual([topic, format], ["plant", "influx"]);
    assert.deepEqual(found.held, []);
  }
});

Deno.test("twenty faults are told, and all are counted", () => {
  for (const [count, told] of [[19, 19], [20, 20], [21, 20], [50, 20]] as const) {
    const { faults, faulty } = check(Array(count).fill(BAD));
    assert.deepEqual([faults.length, faulty], [told, count]);
    assert.match(faults[0]!.reason, /./);
  }
});

Deno.test("a step has 2000 records or 256 KiB at most, or one record, and what it holds is told", () => {
  const lines = (count: number, bytes = 0) =>
    Array.from(
      { length: count },
      (_, i) => bytes === 0 ? GOOD(`${i}`) : `m f=1,s="${"x".repeat(bytes - 12)}" 5`,
    );
  for (
    const [records, sizes] of [
      [lines(2000), [2000]],
      [lines(2001), [2000, 1]],
      [lines(4001), [2000, 2000, 1]],
      [[...lines(1, 300 * KIB), ...lines(2)], [1, 2]],
      [lines(3, 100 * KIB), [2, 1]],
      [lines(3, 300 * KIB), [1, 1, 1]],
      [[...lines(1, 128 * KIB - 1), ...lines(1, 128 * KIB)], [2]],
      [lines(2, 128 * KIB), [1, 1]],
    ] as const
  ) {
    const found = check(records);
    assert.deepEqual(found.kept.map(({ length }) => length), sizes);
    assert.deepEqual(found.kept.flat(), records);
    const ends = 8 * records.length;
    let decoded = 0;
    const expected = found.runs.slice(0, -1).map((run) => ends + (decoded += run.decoded?.byteLength ?? 0));
    assert.deepEqual(found.held, expected);
  }
  // Faults have the number that they have in the whole request.
  const { faults } = check([...lines(2000), BAD, ...lines(1), BAD]);
  assert.deepEqual(faults.map(({ number }) => number), [2001, 2003]);
});

Deno.test("what a request was decoded to is kept up to a megabyte, where all of it is right", () => {
  const lines = Array.from({ length: 30_000 }, (_, i) => GOOD(`${i}`));
  const { runs } = check(lines);
  const kept = runs.filter(({ decoded }) => decoded !== undefined);
  const bytes = kept.reduce((sum, { decoded }) => sum + decoded!.byteLength, 0);
  assert.ok(kept.length > 1 && kept.length < runs.length);
  assert.deepEqual(runs.slice(0, kept.length), kept);
  assert.ok(bytes >= KIB * KIB && bytes - kept.at(-1)!.decoded!.byteLength < KIB * KIB);
  assert.deepEqual(check([GOOD("a"), BAD]).runs.map(({ decoded }) => decoded), [undefined]);
});
