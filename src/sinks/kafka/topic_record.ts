import type { Aggregate, AggregateRecord } from "../../aggregation/aggregate.ts";
import { labelsOf, labelsProblem } from "../../event/labels.ts";

/** The latest time that a Date can have. */
const MAX_TIME_MS = 8.64e15;

/** The aggregate of a record; undefined: it does not have the public shape. */
export function aggregateIn(record: Partial<AggregateRecord>): Aggregate | undefined {
  const { name, agg_func: aggFunc, value, count, revision } = record;
  const windowStartMs = Math.round(Number(record.window_start) * 1000);
  const windowEndMs = Math.round(Number(record.window_end) * 1000);
  if (typeof name !== "string" || typeof aggFunc !== "string" || typeof value !== "number") return undefined;
  if (!isWhole(count) || !isWhole(revision)) return undefined;
  if (![windowStartMs, windowEndMs].every((timeMs) => Math.abs(timeMs) <= MAX_TIME_MS)) return undefined;
  const labels = record.labels ?? {};
  if (labelsProblem(name, labels) !== undefined) return undefined;
  return { name, ...labelsOf(labels), aggFunc, value, windowStartMs, windowEndMs, count, revision };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
