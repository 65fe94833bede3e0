import { BOOK_ENTRIES, type EventBooks } from "../../aggregation/event_aggregator.ts";
import { type Counters, countersOf } from "./counters.ts";

/** All that is counted since the state was made: the books, and what is kept beside them. */
export type Counts = EventBooks & Counters;

/** The counts as the entries of a checkpoint have them. */
export function countsOf(entries: ReadonlyMap<string, number>): Counts {
  const books = Object.fromEntries(BOOK_ENTRIES.map((name) => [name, entries.get(name) ?? 0]));
  return { ...books as unknown as EventBooks, ...countersOf(entries) };
}
