import type { Accounting } from "../aggregation/event_aggregator.ts";
import type { StateDatabase } from "./state_database.ts";

/** The books and counters of the last checkpoint. */
export function readAccounts(state: StateDatabase): Map<keyof Accounting | string, number> {
  const rows = state.all<{ name: string; value: number }>("SELECT name, value FROM account");
  return new Map(rows.map((row) => [row.name, row.value]));
}
