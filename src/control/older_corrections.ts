import { lengthOf } from "../aggregation/tier.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import type { WindowKey } from "../state/outbox/expected_rows.ts";

/** What late events have lately brought for windows before those one looks at. Times are Unix ms. */
export interface OlderCorrections {
  readonly windows: number;
  readonly aggregates: number;
  /** The start of the oldest of these windows. */
  readonly oldestMs: number;
  /** When the last of these aggregates came. */
  readonly lastMs: number;
}

/** Segments that are looked at, the newest ones: some milliseconds. */
const SEGMENTS_MAX = 2000;
const LATELY_MS = 3_600_000;

interface SegmentRow extends WindowKey {
  readonly aggregates: number;
  readonly closedMs: number;
}

/**
 * The corrections of the last hour before the newest closing, by the length of the windows, ms. A window that
 * closes after a later one of its length counts too: only late events had it.
 *
 * @param isShown Whether a window is looked at by itself.
 * @throws {StateError}
 */
export function olderCorrections(
  state: StateDatabase,
  isShown: (window: WindowKey) => boolean,
): Map<number, OlderCorrections> {
  const newest = state.all<SegmentRow>(
    `SELECT window_start_ms AS startMs, window_end_ms AS endMs, row_count AS aggregates,
       closed_at_ms AS closedMs FROM segment WHERE reissued = 0 ORDER BY first_id DESC LIMIT ?`,
    SEGMENTS_MAX,
  ).reverse();
  const sinceMs = (newest.at(-1)?.closedMs ?? 0) - LATELY_MS;
  const found = new Map<number, OlderCorrections & { readonly starts: Set<number> }>();
  const greatestEndMs = new Map<number, number>();
  for (const segment of newest) {
    const { aggregates, closedMs, endMs, startMs } = segment;
    const lengthMs = lengthOf(segment);
    const greatest = greatestEndMs.get(lengthMs) ?? -Infinity;
    greatestEndMs.set(lengthMs, Math.max(greatest, endMs));
    if (endMs >= greatest || closedMs < sinceMs || isShown(segment)) continue;
    const before = found.get(lengthMs);
    const starts = (before?.starts ?? new Set()).add(startMs);
    found.set(lengthMs, {
      starts,
      windows: starts.size,
      aggregates: (before?.aggregates ?? 0) + aggregates,
      oldestMs: Math.min(before?.oldestMs ?? Infinity, startMs),
      lastMs: closedMs,
    });
  }
  return new Map(
    [...found].map(([lengthMs, { starts: _, ...corrections }]) => [lengthMs, corrections]),
  );
}
