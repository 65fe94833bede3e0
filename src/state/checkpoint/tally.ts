/** Counters that are kept beside the books. */
export interface Tally {
  /** Events that a bus trimmed away, or lost in a reset, before they were fetched. */
  lost: number;
  /** Events that came after their window had closed. */
  lateArrivals: number;
  /** Events, each once, in aggregates of closed windows. */
  closed: number;
  /** Those of them in aggregates that go to no sink by the operator's word. */
  unrouted: number;
  /** Aggregates that were not sent, since their value is not finite. */
  notFinite: number;
  /** Dead letters that were dropped to keep the others within their bound. */
  lettersDropped: number;
}

/** The names under which they are kept. */
const TALLY_ACCOUNTS = {
  lost: "lost",
  lateArrivals: "late_arrivals",
  closed: "closed",
  unrouted: "unrouted",
  notFinite: "not_finite",
  lettersDropped: "letters_dropped",
} as const satisfies Record<keyof Tally, string>;
const TALLIES = Object.keys(TALLY_ACCOUNTS) as (keyof Tally)[];

/** The counters as the accounts of a checkpoint have them. */
export function tallyOf(accounts: ReadonlyMap<string, number>): Tally {
  return mapTally((account) => accounts.get(account) ?? 0);
}

/** The accounts that keep them. */
export function accountsOf(tally: Tally): Record<string, number> {
  return Object.fromEntries(TALLIES.map((name) => [TALLY_ACCOUNTS[name], tally[name]]));
}

function mapTally(countOf: (account: string) => number): Tally {
  return Object.fromEntries(TALLIES.map((name) => [name, countOf(TALLY_ACCOUNTS[name])])) as Record<
    keyof Tally,
    number
  >;
}
