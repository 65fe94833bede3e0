/** The end-to-end tests rely on the oracle. These tests show that it finds faults. */
import assert from "node:assert/strict";
import type { StreamEvent } from "../support/event_stream.ts";
import { ALL_FUNCTIONS, eventStream } from "../support/event_stream.ts";
import { exactSum, Oracle, type Row } from "../support/oracle.ts";

const WINDOW_MS = 1000;
const READINGS = [[3, 1200], [-1.5, 1100], [4, 1999], [0, 1100], [10, 1500]] as const;

/** By hand, over 3, -1.5, 4, 0, 10. */
const EXPECTED: Record<string, number> = {
  sum: 15.5,
  avg: 3.1,
  min: -1.5,
  max: 10,
  count: 5,
  first: -1.5,
  last: 4,
  stddev: Math.sqrt((0.01 + 21.16 + 0.81 + 9.61 + 47.61) / 4),
  p50: 3,
  p99: 10,
  "p99.9": 10,
};

Deno.test("accepts the right rows of every function", () => {
  oracleOfReadings().assertRows(rightRows(), "here", "i");
});

for (
  const [fault, spoil] of [
    ["a missing row", (rows: Row[]) => rows.slice(1)],
    ["a row twice", (rows: Row[]) => [...rows, rows[0]!]],
    ["a row too many", (rows: Row[]) => [...rows, { ...rows[0]!, name: "other" }]],
    ["a wrong window", (rows: Row[]) => [{ ...rows[0]!, windowEndMs: 3000 }, ...rows.slice(1)]],
    ["a wrong count", (rows: Row[]) => [{ ...rows[0]!, count: 4 }, ...rows.slice(1)]],
    ["a wrong instance", (rows: Row[]) => [{ ...rows[0]!, instance: "j" }, ...rows.slice(1)]],
    ["no revision", (rows: Row[]) => [{ ...rows[0]!, revision: NaN }, ...rows.slice(1)]],
    ["a missing value", (rows: Row[]) => [{ ...rows[0]!, value: NaN }, ...rows.slice(1)]],
  ] as [string, (rows: Row[]) => Row[]][]
) {
  Deno.test(`finds ${fault}`, () => {
    assert.throws(() => oracleOfReadings().assertRows(spoil(rightRows()), "here", "i"));
  });
}

for (const aggFunc of ALL_FUNCTIONS) {
  Deno.test(`finds a wrong value of ${aggFunc}`, () => {
    const off = /^p/.test(aggFunc) ? 1.011 : 1 + 2e-9;
    const rows = rightRows().map((row) => row.aggFunc === aggFunc ? { ...row, value: row.value * off } : row);
    assert.throws(() => oracleOfReadings().assertRows(rows, "here", "i"), new RegExp(`\u0000${aggFunc}`));
  });
}

Deno.test("sums exactly", () => {
  assert.equal(exactSum([1e100, 1, -1e100]), 1);
  assert.equal(exactSum(Array(10).fill(0.1)), 1);
  assert.equal(exactSum([]), 0);
});

Deno.test("the same seed gives the same stream, another one another", () => {
  const texts = (seed: number) =>
    [...eventStream({
      seed,
      eventCount: 1000,
      nameCount: 10,
      baseMs: 0,
      windowSizeMs: 60_000,
      windowCount: 3,
      futureShare: 0,
    })].map((event) => event.text);
  assert.deepEqual(texts(1), texts(1));
  assert.notDeepEqual(texts(1), texts(2));
});

function oracleOfReadings(): Oracle {
  const oracle = new Oracle(WINDOW_MS);
  for (const aggFunc of ALL_FUNCTIONS) {
    for (const [value, timeMs] of READINGS) {
      oracle.add({ text: "", fate: "aggregated", name: "n", aggFunc, value, timeMs } satisfies StreamEvent);
    }
  }
  return oracle;
}

function rightRows(): Row[] {
  return ALL_FUNCTIONS.map((aggFunc) => ({
    name: "n",
    aggFunc,
    windowStartMs: 1000,
    windowEndMs: 2000,
    value: EXPECTED[aggFunc]!,
    count: READINGS.length,
    revision: 0,
    instance: "i",
  }));
}
