import type { StateDatabase } from "../file/state_database.ts";

/** The last position in a history that no configured partition reads now. */
export interface LeftLineage {
  readonly lineage: string;
  /** The position of the next event; null: the oldest event. */
  readonly position: string | null;
  /** Greatest event time, Unix ms; null: there was none. */
  readonly greatestMs: number | null;
  /** The source whose name the ids of its events are stored under; undefined: none are stored. */
  readonly source: string | undefined;
}

/**
 * Histories that are remembered: a bus that has another event log for a while may come back with the former
 * one.
 */
const REMEMBERED_MAX = 100;

/** The histories that partitions have left, the newest ones. */
export function readLeftLineages(state: StateDatabase): LeftLineage[] {
  return state.all<{ lineage: string; position: string | null; greatest_ms: number | null }>(
    "SELECT lineage, position, greatest_ms FROM lineage_left",
  ).map(({ greatest_ms: greatestMs, ...rest }) => ({ ...rest, greatestMs, source: undefined }));
}

/**
 * Stores where histories were left, within the transaction of the caller, and deletes the oldest beyond the
 * bound.
 */
export function writeLeftLineages(state: StateDatabase, left: readonly LeftLineage[], nowMs: number): void {
  for (const { lineage, position, greatestMs } of left) {
    state.run(
      "INSERT OR REPLACE INTO lineage_left VALUES (?, ?, ?, ?)",
      lineage,
      position,
      greatestMs,
      nowMs,
    );
  }
  state.run(
    `DELETE FROM lineage_left WHERE lineage NOT IN
       (SELECT lineage FROM lineage_left ORDER BY left_at_ms DESC, lineage LIMIT ?)`,
    REMEMBERED_MAX,
  );
}
