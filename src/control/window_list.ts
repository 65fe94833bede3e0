import { lengthOf } from "../aggregation/tier.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { type ListedWindow, openWindowSteps } from "../state/checkpoint/open_window_list.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { newestWindows, windowLengths } from "../state/outbox/archive_windows.ts";
import type { WindowKey } from "../state/outbox/expected_rows.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";

/** Which windows are listed. */
export interface WindowsQuestion {
  /** Length of windows, ms; undefined: of every length. */
  readonly lengthMs: number | undefined;
  /** Closed windows of each tier at most, the newest ones. */
  readonly limit: number;
}

export interface WindowsList {
  /** Unix ms; undefined before the first event. */
  readonly watermarkMs: number | undefined;
  /** By the length of the windows, ascending. */
  readonly tiers: readonly WindowsOfTier[];
}

export interface WindowsOfTier {
  readonly lengthMs: number;
  /** Oldest first. */
  readonly open: readonly ListedWindow[];
  /** Newest first. */
  readonly closed: readonly ArchivedWindow[];
}

/** A window of the archive, and what has become of it. Times are Unix ms. */
export interface ArchivedWindow extends WindowKey {
  readonly closedMs: number;
  /** Aggregates that it closed with. */
  readonly aggregates: number;
  /** Aggregates that came later: corrections, and those of series that only late events had. */
  readonly corrections: number;
  /** When the last of them came; undefined: there is none. */
  readonly correctedMs: number | undefined;
  /** Sinks that have not got all of it yet. */
  readonly waitingFor: readonly string[];
}

/**
 * The open windows and the newest closed ones, by tier. In steps, for which the state must be one consistent
 * view.
 *
 * @throws {StateError}
 */
export function* listWindows(
  state: StateDatabase,
  { lengthMs, limit }: WindowsQuestion,
): Generator<undefined, WindowsList> {
  const { sinks } = SinkRegistry.read(state);
  const open = Map.groupBy(yield* openWindowSteps(state), lengthOf);
  const lengthsMs = [...new Set([...windowLengths(state), ...open.keys()])]
    .filter((length) => length === (lengthMs ?? length)).sort((a, b) => a - b);
  const tiers: WindowsOfTier[] = [];
  for (const length of lengthsMs) {
    const closed: ArchivedWindow[] = [];
    for (const { startMs, endMs } of newestWindows(state, length, limit)) {
      closed.push(archivedWindow(state, sinks, { startMs, endMs }));
      yield;
    }
    tiers.push({ lengthMs: length, open: open.get(length) ?? [], closed });
  }
  return { watermarkMs: readBookEntries(state).get("watermark_ms"), tiers };
}

interface SegmentRow {
  readonly endId: number;
  readonly aggregates: number;
  readonly sinkBits: number;
  readonly closedMs: number;
}

function archivedWindow(
  state: StateDatabase,
  sinks: SinkRegistry["sinks"],
  window: WindowKey,
): ArchivedWindow {
  // What an operator has sent again is no news about the window.
  const segments = state.all<SegmentRow & { readonly isReissued: number }>(
    `SELECT first_id + row_count AS endId, row_count AS aggregates, sink_bits AS sinkBits,
       closed_at_ms AS closedMs, reissued AS isReissued
     FROM segment WHERE window_end_ms = ? AND window_start_ms = ? ORDER BY first_id`,
    window.endMs,
    window.startMs,
  );
  const news = segments.filter(({ isReissued }) => isReissued === 0);
  const closedMs = (news[0] ?? segments[0])!.closedMs;
  const later = news.filter((segment) => segment.closedMs !== closedMs);
  const total = (rows: readonly SegmentRow[]) => rows.reduce((sum, { aggregates }) => sum + aggregates, 0);
  return {
    ...window,
    closedMs,
    aggregates: total(news) - total(later),
    corrections: total(later),
    correctedMs: later.at(-1)?.closedMs,
    waitingFor: sinks.filter(({ bit, cursor }) =>
      segments.some(({ endId, sinkBits }) => (sinkBits & bit) !== 0 && cursor < endId)
    ).map(({ name }) => name),
  };
}
