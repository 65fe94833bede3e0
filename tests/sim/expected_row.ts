import { type Reading, valueFault } from "../support/oracle.ts";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";

/** A series in a window and all that was ever aggregated into it. */
export interface ExpectedRow {
  readonly name: string;
  readonly labels: string | undefined;
  readonly aggFunc: string;
  readonly startMs: number;
  readonly endMs: number;
  /** The readings of each bus, in the order of their arrival. */
  readonly readings: Map<string, Reading[]>;
}

/** The key of a row. */
export function rowKey(
  { name, labels = "", aggFunc, windowStartMs, windowEndMs }: Pick<
    Aggregate,
    "name" | "labels" | "aggFunc" | "windowStartMs" | "windowEndMs"
  >,
): string {
  return `${aggFunc}(${name}${labels}) [${windowStartMs}, ${windowEndMs})`;
}

/** Whether the value of a row is a sum that is not finite. */
export function isOverflowing({ aggFunc, readings }: ExpectedRow): boolean {
  if (aggFunc !== "sum") return false;
  return !Number.isFinite([...readings.values()].flat().reduce((sum, { value }) => sum + value, 0));
}

/** What is wrong with the final row of a sink; undefined: nothing. */
export function rowFault(expected: ExpectedRow, row: Aggregate): string | undefined {
  const all = [...expected.readings.values()];
  const count = countOf(expected);
  if (row.count !== count) return `it stands for ${row.count} events instead of ${count}`;
  if (row.aggFunc !== "first" && row.aggFunc !== "last") {
    return valueFault(row.aggFunc, row.value, all.flat());
  }
  // Two buses have no order among themselves: each may have brought the first of those with the same time.
  const faults = all.map((_, i) =>
    valueFault(row.aggFunc, row.value, [...all.slice(i), ...all.slice(0, i)].flat())
  );
  return faults.includes(undefined) ? undefined : faults[0];
}

/** Events that a row stands for. */
export function countOf({ readings }: ExpectedRow): number {
  return [...readings.values()].reduce((sum, { length }) => sum + length, 0);
}
