import { REFUSALS } from "./refusal.ts";

/**
 * The books: `received = aggregated + duplicate + invalid + future + late + overflow + dropped`, at any
 * moment.
 */
export interface EventBooks {
  received: number;
  aggregated: number;
  duplicate: number;
  invalid: number;
  future: number;
  late: number;
  overflow: number;
  /** Dropped knowingly, by a rule with the function `none`. */
  dropped: number;
}

/** The names under which the books are kept. */
export const BOOK_ENTRIES = [
  "received",
  "aggregated",
  "duplicate",
  ...REFUSALS,
  "dropped",
] as const satisfies readonly (keyof EventBooks)[];

/** Events that were refused, for whatever reason. */
export function refusedIn(books: EventBooks): number {
  return REFUSALS.reduce((sum, reason) => sum + books[reason], 0);
}
