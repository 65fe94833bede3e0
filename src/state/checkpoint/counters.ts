/** Counters that are kept beside the books. */
export interface Counters {
  /** Events that a bus trimmed away, or lost in a reset, before they were fetched. */
  lost: number;
  /** Events that came after their window had closed. */
  lateArrivals: number;
  /**
   * The sum of `count` that the aggregated events contribute: an event counts once for each function and
   * each window that it went into.
   */
  contributed: number;
  /** Events in aggregates of closed windows, each once for each of its functions and windows. */
  closed: number;
  /** Those of them in aggregates that go to no sink, by the operator's routes. */
  unrouted: number;
  /** Aggregates that were not delivered, since their value is not finite. */
  notFinite: number;
  /** Dead letters that were dropped to keep the others within their bound. */
  deadLettersDropped: number;
}

/** The names under which they are kept. */
const COUNTER_ENTRIES = {
  lost: "lost",
  lateArrivals: "late_arrivals",
  contributed: "contributed",
  closed: "closed",
  unrouted: "unrouted",
  notFinite: "not_finite",
  deadLettersDropped: "letters_dropped",
} as const satisfies Record<keyof Counters, string>;
export const COUNTERS = Object.keys(COUNTER_ENTRIES) as (keyof Counters)[];

/** The counters from the entries of the books. */
export function countersOf(entries: ReadonlyMap<string, number>): Counters {
  return mapCounters((entry) => entries.get(entry) ?? 0);
}

/** The entries of the books for the counters. */
export function entriesOf(counters: Counters): Record<string, number> {
  return Object.fromEntries(COUNTERS.map((name) => [COUNTER_ENTRIES[name], counters[name]]));
}

function mapCounters(countOf: (entry: string) => number): Counters {
  return Object.fromEntries(COUNTERS.map((name) => [name, countOf(COUNTER_ENTRIES[name])])) as Record<
    keyof Counters,
    number
  >;
}
