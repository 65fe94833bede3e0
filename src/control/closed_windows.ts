import type { StateDatabase } from "../state/file/state_database.ts";

/** A window that has closed, or closed aggregates that late events have corrected. Times are Unix ms. */
export interface ClosedWindow {
  readonly startMs: number;
  readonly endMs: number;
  readonly aggregates: number;
  /** Whether the window had closed before. */
  readonly isCorrection: boolean;
  /** One past the outbox id of its last aggregate. */
  readonly nextId: number;
}

/** Segments that are looked at, the newest ones: some milliseconds. */
const SEGMENTS_MAX = 2000;

/**
 * The windows whose aggregates have an outbox id of `fromId` or more, the newest `limit` of them, oldest
 * first.
 *
 * @throws {StateError}
 */
export function closedWindows(state: StateDatabase, fromId: number, limit: number): ClosedWindow[] {
  return state.all<Omit<ClosedWindow, "isCorrection"> & { isCorrection: number }>(
    `SELECT window_start_ms AS startMs, window_end_ms AS endMs, sum(row_count) AS aggregates,
       max(first_id + row_count) AS nextId, EXISTS (SELECT 1 FROM segment AS before
         WHERE before.window_end_ms = s.window_end_ms AND before.window_start_ms = s.window_start_ms
           AND before.first_id < ?1) AS isCorrection
     FROM segment AS s WHERE first_id >= max(?1, coalesce(
       (SELECT first_id FROM segment ORDER BY first_id DESC LIMIT 1 OFFSET ?3), 0)) AND reissued = 0
     GROUP BY window_end_ms, window_start_ms ORDER BY nextId DESC LIMIT ?2`,
    fromId,
    limit,
    SEGMENTS_MAX,
  ).map((window) => ({ ...window, isCorrection: window.isCorrection !== 0 })).reverse();
}
