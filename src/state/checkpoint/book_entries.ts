import type { EventBooks } from "../../aggregation/event_books.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** The books and counters of the last checkpoint, by name. */
export function readBookEntries(state: StateDatabase): Map<keyof EventBooks | string, number> {
  const rows = state.all<{ name: string; value: number }>("SELECT name, value FROM account");
  return new Map(rows.map((row) => [row.name, row.value]));
}

/** Adds to a counter that is not kept in memory, within the transaction of the caller. */
export function addToBookEntry(state: StateDatabase, name: string, amount: number): void {
  if (amount === 0) return;
  state.run(
    "INSERT INTO account VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
    name,
    amount,
  );
}

/** The latest reading of the wall clock at any checkpoint, Unix ms; undefined: there was none. */
export function latestMs(entries: ReadonlyMap<string, number>): number | undefined {
  return entries.get("clock_latest_ms") ?? entries.get("checkpoint_at_ms");
}
