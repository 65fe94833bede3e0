import assert from "node:assert/strict";
import { keyOf, type Row } from "../support/oracle.ts";
import { CLOSING } from "./plant.ts";

/** Relative: sums are not compensated in Flink. */
const SUM_TOLERANCE = 1e-9;
/** Relative: of the handler's sketch, and of the two neighbouring values that Flink takes one between. */
const [SKETCH_TOLERANCE, NEIGHBOUR_TOLERANCE] = [0.01, 0.001];
/** Absolute: Flink computes it of the sum of squares, which costs digits beside values of about 100. */
const SPREAD_TOLERANCE = 1e-6;

/** What is shown of a difference. */
const SHOWN = 5;

/** Compares the rows of a job with those of a handler, whatever instance they are of. Returns how many. */
export function assertEqualRows(ofFlink: readonly Row[], ofHandler: readonly Row[]): number {
  const expected = byIdentity(ofHandler);
  const found = byIdentity(ofFlink);
  const differences = [
    ...[...expected.keys()].filter((key) => !found.has(key)).map((key) => `missing: ${key}`),
    ...[...found].flatMap(([key, row]) => {
      const other = expected.get(key);
      if (other === undefined) return [`too many: ${key}`];
      return isEqual(row, other)
        ? []
        : [`${key}: ${row.value} of ${row.count}, not ${other.value} of ${other.count}`];
    }),
  ];
  assert.deepEqual(differences.slice(0, SHOWN), [], `${differences.length} of ${expected.size} rows differ`);
  return expected.size;
}

function byIdentity(rows: readonly Row[]): Map<string, Row> {
  const found = new Map<string, Row>();
  for (const row of rows) {
    if (row.name === CLOSING) continue;
    const key = keyOf(row);
    assert.ok(!found.has(key), `${key} is there twice`);
    found.set(key, row);
  }
  return found;
}

function isEqual(row: Row, other: Row): boolean {
  const difference = Math.abs(row.value - other.value);
  if (row.aggFunc === "stddev") return row.count === other.count && difference <= SPREAD_TOLERANCE;
  const tolerance = /^p\d/.test(row.aggFunc) ? SKETCH_TOLERANCE + NEIGHBOUR_TOLERANCE : SUM_TOLERANCE;
  return row.count === other.count && difference <= tolerance * Math.abs(row.value);
}
