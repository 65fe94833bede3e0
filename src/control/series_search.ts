import { functionName } from "../event/agg_function.ts";
import { hasLabels, seriesOf } from "../event/labels.ts";
import { openSeriesSteps } from "../state/checkpoint/open_series.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { readSegment } from "../state/outbox/archive.ts";
import type { Segment } from "../state/outbox/segment.ts";
import { newestWindows, segmentsOf, windowLengths } from "../state/outbox/archive_windows.ts";
import { toAggregate } from "../state/outbox/segment_reader.ts";
import { FoundSeries, type ListedSeries } from "./found_series.ts";

/** Which series are looked for. */
export interface SeriesQuestion {
  /** A part of the name, in any case; "": every name. */
  readonly text: string;
  /** Labels that the series have, among others. */
  readonly labels: Readonly<Record<string, string>>;
  /** Length of windows, ms; undefined: of every length. */
  readonly lengthMs: number | undefined;
  readonly limit: number;
  /** Only series after this one, in the order of {@link FoundSeries}; undefined: from the first one on. */
  readonly after: string | undefined;
}

export interface SeriesPage {
  /** In the order of their names. */
  readonly series: readonly ListedSeries[];
  readonly tiers: readonly SearchedTier[];
  /** The end of this page, for the next one; undefined: it is the last one. */
  readonly next: string | undefined;
}

/** What was searched of a tier. */
export interface SearchedTier {
  readonly lengthMs: number;
  /** Closed windows are searched from this start on, Unix ms; undefined: there is none. */
  readonly sinceMs: number | undefined;
}

/**
 * Segments that are read for one question, over all tiers: half a second at most. With up to 4,096 series
 * these are as many windows; with 100,000 series they are ten.
 */
const SEGMENTS_MAX = 256;

/**
 * The series of the open windows and of the newest closed ones, with their newest aggregates. In steps, for
 * which the state must be one consistent view.
 *
 * @throws {StateError}
 */
export function* searchSeries(
  state: StateDatabase,
  question: SeriesQuestion,
): Generator<undefined, SeriesPage> {
  const { text, labels, lengthMs, limit, after } = question;
  const sought = text.toLowerCase();
  const isSought = (name: string, own: string | undefined) =>
    name.toLowerCase().includes(sought) && hasLabels(own, labels);
  const found = new FoundSeries(limit, after);
  const lengthsMs = windowLengths(state).filter((length) => length === (lengthMs ?? length));
  const tiers: SearchedTier[] = [];
  for (const length of lengthsMs) {
    const sinceMs = yield* searchClosed(state, length, SEGMENTS_MAX / lengthsMs.length, isSought, found);
    tiers.push({ lengthMs: length, sinceMs });
  }
  yield* openSeriesSteps(state, lengthsMs, ({ lengthMs: length, key, functionId }) => {
    const series = { ...seriesOf(key), aggFunc: functionName(functionId) };
    if (isSought(series.name, series.labels)) found.add(series, length, undefined);
  });
  return { ...found.page(), tiers };
}

/** Searches the newest closed windows of a tier. Returns the start of the oldest of them. */
function* searchClosed(
  state: StateDatabase,
  lengthMs: number,
  segmentsMax: number,
  isSought: (name: string, labels: string | undefined) => boolean,
  found: FoundSeries,
): Generator<undefined, number | undefined> {
  let left = segmentsMax;
  let sinceMs: number | undefined;
  const seen = new Set<number>();
  for (const window of newestWindows(state, lengthMs, Math.ceil(segmentsMax))) {
    if (sinceMs !== undefined && window.segments > left) break;
    left -= window.segments;
    sinceMs = window.startMs;
    const inWindow: number[] = [];
    for (const firstId of segmentsOf(state, window)) {
      const segment = readSegment(state, firstId);
      for (let row = 0; row < segment.rowCount; row++) {
        const mark = markOf(segment, row);
        // A newer window has the series: most rows are skipped here.
        if (seen.has(mark)) continue;
        inWindow.push(mark);
        const series = { ...segment.series(row), aggFunc: functionName(segment.functionId[row]!) };
        if (!isSought(series.name, series.labels)) continue;
        found.add(series, lengthMs, {
          startMs: window.startMs,
          revision: segment.revision[row]!,
          read: () => toAggregate(segment, row, window.startMs, window.endMs),
        });
      }
      yield;
    }
    for (const mark of inWindow) seen.add(mark);
  }
  return sinceMs;
}

/** A number that tells series apart: 32 bits of hash, 11 of the key's length, and 10 of the function. */
function markOf(segment: Segment, row: number): number {
  const length = segment.nameLength(row) & 0x7ff;
  return ((segment.hash[row]! >>> 0) * 2048 + length) * 1024 + (segment.functionId[row]! & 0x3ff);
}
