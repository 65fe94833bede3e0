import type { Aggregate } from "../aggregation/aggregate.ts";

/** What makes an aggregate another one than its neighbours in a list of one name. */
export type AggregateKey = Pick<
  Aggregate,
  "labels" | "aggFunc" | "windowStartMs" | "windowEndMs" | "revision"
>;

/** Where a page of aggregates ends. */
export interface PageEnd {
  /** Windows that start before this time are on pages before; Unix ms. */
  readonly startMs: number;
  /** The last aggregate of the page, in a window that starts then; undefined: the page has no such window. */
  readonly last: AggregateKey | undefined;
}

/** The order of a list: by the start of the window, its end, labels, function and revision. */
export function compareAggregates(a: AggregateKey, b: AggregateKey): number {
  return a.windowStartMs - b.windowStartMs || a.windowEndMs - b.windowEndMs ||
    compareText(a.labels ?? "", b.labels ?? "") || compareText(a.aggFunc, b.aggFunc) ||
    a.revision - b.revision;
}

/** Whether an aggregate comes after the end of a page; undefined: there is no page before. */
export function isAfter(aggregate: AggregateKey, end: PageEnd | undefined): boolean {
  return end?.last === undefined || compareAggregates(aggregate, end.last) > 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
