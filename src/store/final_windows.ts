import { Books, type WindowKey } from "./books.ts";
import type { StateDatabase } from "./state_database.ts";

/**
 * Forgets windows that are delivered everywhere and can no longer be corrected, within the transaction of the caller: at most
 * `limit` of them. A window goes as a whole or not at all, since what is left of one could not be compared with a sink.
 * One with aggregates that a sink has rejected stays until an operator has put them back or given them up.
 *
 * @param deliveredId Everything below this outbox id has reached its sinks.
 * @param correctableFromMs Windows that end at this time or before it are final.
 */
export function forgetFinalWindows(
  state: StateDatabase,
  deliveredId: number,
  correctableFromMs: number,
  limit: number,
): void {
  if (correctableFromMs === -Infinity) return;
  const windows = state.all<WindowKey & { hasRefused: number }>(
    `SELECT window_start_ms AS startMs, window_end_ms AS endMs,
       EXISTS (SELECT 1 FROM dead_letter AS d WHERE d.sink IS NOT NULL
         AND d.window_end_ms = s.window_end_ms AND d.window_start_ms = s.window_start_ms) AS hasRefused
     FROM segment AS s WHERE window_end_ms <= ?
     GROUP BY window_end_ms, window_start_ms
     HAVING max(first_id + row_count) <= ? AND NOT EXISTS (SELECT 1 FROM dead_letter AS d
       WHERE d.sink IS NOT NULL AND NOT d.purged
         AND d.window_end_ms = s.window_end_ms AND d.window_start_ms = s.window_start_ms)
     LIMIT ?`,
    correctableFromMs,
    deliveredId,
    limit,
  );
  for (const window of windows) {
    // What a sink lacks of the window can be told only while its revisions are known.
    if (window.hasRefused) new Books(state).fixRefused(window);
    state.run(
      "DELETE FROM segment WHERE window_end_ms = ? AND window_start_ms = ?",
      window.endMs,
      window.startMs,
    );
  }
}
