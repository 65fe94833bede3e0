import type { Aggregate, Aggregates } from "../aggregation/aggregate.ts";
import { byCodePoints } from "../event/labels.ts";

/** The indices of aggregates in the order of {@link Aggregates.order}. */
export function orderOf(aggregates: Aggregates): Int32Array {
  if (aggregates.order !== undefined) return aggregates.order();
  const rows = [...aggregates];
  return Int32Array.from(rows.keys()).sort((a, b) => compare(rows[a]!, rows[b]!) || a - b);
}

function compare(a: Aggregate, b: Aggregate): number {
  return a.windowStartMs - b.windowStartMs || a.windowEndMs - b.windowEndMs ||
    byCodePoints(a.name, b.name) || byCodePoints(a.labels ?? "", b.labels ?? "") ||
    byCodePoints(a.aggFunc, b.aggFunc) || a.revision - b.revision;
}
