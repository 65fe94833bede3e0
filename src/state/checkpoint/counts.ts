import { BOOK_ENTRIES, type EventBooks } from "../../aggregation/event_books.ts";
import { type Counters, countersOf } from "./counters.ts";

/** Everything that is counted since the state was created: the books and the counters beside them. */
export type Counts = EventBooks & Counters;

/** The counts from the entries of a checkpoint. */
export function countsOf(entries: ReadonlyMap<string, number>): Counts {
  const books = Object.fromEntries(BOOK_ENTRIES.map((name) => [name, entries.get(name) ?? 0]));
  return { ...books as unknown as EventBooks, ...countersOf(entries) };
}
