import { lengthOf } from "../aggregation/tier.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { type ListedWindow, openWindowSteps } from "../state/checkpoint/open_window_list.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { readSegment } from "../state/outbox/archive.ts";
import { newestWindows, segmentsOf, windowLengths } from "../state/outbox/archive_windows.ts";
import type { WindowKey } from "../state/outbox/expected_rows.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";
import { assertTier } from "./known_tiers.ts";
import { type OlderCorrections, olderCorrections } from "./older_corrections.ts";

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
  /** Corrections of windows before these; undefined: there was none lately. */
  readonly older: OlderCorrections | undefined;
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
  /** Those of its aggregates that go to no sink; undefined: they were not counted, for lack of time. */
  readonly unrouted: number | undefined;
}

/** Segments that are read of a tier to count what goes to no sink: a tenth of a second. */
const COUNTED_MAX = 64;

/**
 * The open windows and the newest closed ones, by tier. In steps, for which the state must be one consistent
 * view.
 *
 * @throws {StateError} @throws {QuestionError}
 */
export function* listWindows(
  state: StateDatabase,
  { lengthMs, limit }: WindowsQuestion,
): Generator<undefined, WindowsList> {
  assertTier(state, lengthMs);
  const { sinks } = SinkRegistry.read(state);
  const open = Map.groupBy(yield* openWindowSteps(state), lengthOf);
  const lengthsMs = [...new Set([...windowLengths(state), ...open.keys()])]
    .filter((length) => length === (lengthMs ?? length)).sort((a, b) => a - b);
  const entries = readBookEntries(state);
  // Most handlers send everything somewhere: then nothing needs to be counted.
  const isAllRouted = (entries.get("unrouted") ?? 0) === 0;
  const tiers: Omit<WindowsOfTier, "older">[] = [];
  for (const length of lengthsMs) {
    const closed: ArchivedWindow[] = [];
    let counted = 0;
    for (const { startMs, endMs, segments } of newestWindows(state, length, limit)) {
      const window = { startMs, endMs };
      const unrouted = isAllRouted
        ? 0
        : (counted += segments) > COUNTED_MAX
        ? undefined
        : unroutedIn(state, window);
      closed.push({ ...archivedWindow(state, sinks, window), unrouted });
      yield;
    }
    tiers.push({ lengthMs: length, open: open.get(length) ?? [], closed });
  }
  const shown = new Set(
    tiers.flatMap(({ closed }) => closed.map(({ startMs, endMs }) => `${startMs} ${endMs}`)),
  );
  const older = olderCorrections(state, ({ endMs, startMs }) => shown.has(`${startMs} ${endMs}`));
  return {
    watermarkMs: entries.get("watermark_ms"),
    tiers: tiers.map((tier) => ({ ...tier, older: older.get(tier.lengthMs) })),
  };
}

/** How many aggregates of a window go to no sink. */
function unroutedIn(state: StateDatabase, window: WindowKey): number {
  return segmentsOf(state, window).map((firstId) => readSegment(state, firstId))
    .reduce((sum, { sinks }) => sum + sinks.filter((bits) => bits === 0).length, 0);
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
): Omit<ArchivedWindow, "unrouted"> {
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
    ).map(({ id }) => id),
  };
}
