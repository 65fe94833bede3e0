import type { KeyColumn } from "../state/checkpoint/key_column.ts";
import { type OpenSeriesPage, openSeriesSteps } from "../state/checkpoint/open_series.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { readSegment } from "../state/outbox/archive.ts";
import { newestWindows, segmentsOf } from "../state/outbox/archive_windows.ts";
import type { WindowKey } from "../state/outbox/expected_rows.ts";
import type { RegisteredSink } from "../state/outbox/registered_sink.ts";
import type { Segment } from "../state/outbox/segment.ts";
import { toAggregate } from "../state/outbox/segment_aggregates.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";
import { fateOf } from "../state/outbox/stay.ts";
import type { Readable } from "./found_series.ts";
import { namesOf } from "./passing_aggregates.ts";
import { type SearchedTier, spanIn, WINDOWS_WITHOUT } from "./series_span.ts";

/**
 * Segments that are read in one pass, over all tiers: half a second at most. With up to 4,096 series these
 * are as many windows; with 100,000 series they are ten.
 */
const SEGMENTS_MAX = 256;

/** What is done with the series of the open windows and of the newest closed ones. */
export interface SeriesPass {
  /** Whether the bytes of a key say that its series is of no interest: they are read before anything else. */
  excludes(keys: KeyColumn, row: number): boolean;
  /**
   * Takes a series of a closed window; of the older windows of a tier, only what the newer ones have not.
   * Returns whether its first window will be asked for.
   */
  closed(row: ClosedRow): boolean;
  /** Takes a series of an open window. */
  open(page: OpenSeriesPage, row: number): void;
}

/** A row of a closed window. */
export interface ClosedRow {
  readonly lengthMs: number;
  readonly segment: Segment;
  readonly row: number;
  /** Its aggregate. */
  readonly readable: () => Readable;
  /** Whether its series is new; known when the pass is over. */
  readonly isNew: () => boolean;
}

/**
 * Passes over the series of the newest closed windows of these lengths, then over those of the open ones. In
 * steps, for which the state must be one consistent view.
 *
 * @throws {StateError}
 */
export function* passOver(
  state: StateDatabase,
  lengthsMs: readonly number[],
  pass: SeriesPass,
): Generator<undefined, SearchedTier[]> {
  const tiers: SearchedTier[] = [];
  for (const lengthMs of lengthsMs) {
    tiers.push(yield* passOverClosed(state, lengthMs, SEGMENTS_MAX / lengthsMs.length, pass));
  }
  yield* openSeriesSteps(state, lengthsMs, (page) => {
    for (let row = 0; row < page.keys.rowCount; row++) {
      if (!pass.excludes(page.keys, row)) pass.open(page, row);
    }
  });
  return tiers;
}

function* passOverClosed(
  state: StateDatabase,
  lengthMs: number,
  segmentsMax: number,
  pass: SeriesPass,
): Generator<undefined, SearchedTier> {
  const { sinks } = SinkRegistry.read(state);
  /** The first window of each series, by its mark; NaN: nobody asks for it. */
  const firstMs = new Map<number, number>();
  let left = segmentsMax;
  let searched: SearchedTier = {
    lengthMs,
    sinceMs: undefined,
    runSinceMs: undefined,
    newestEndMs: undefined,
  };
  for (const window of newestWindows(state, lengthMs, Math.ceil(segmentsMax))) {
    const { segments, startMs } = window;
    if (searched.sinceMs !== undefined && segments > left) break;
    left -= segments;
    searched = withWindow(searched, window);
    for (const firstId of segmentsOf(state, window)) {
      const segment = readSegment(state, firstId);
      for (let row = 0; row < segment.rowCount; row++) {
        if (pass.excludes(segment.keys, row)) continue;
        const mark = segment.mark(row);
        const known = firstMs.get(mark);
        // A newer window has the series, or nobody asks for it.
        if (known !== undefined && known !== startMs) {
          if (startMs < known) firstMs.set(mark, startMs);
          continue;
        }
        const isAskedFor = pass.closed({
          lengthMs,
          segment,
          row,
          readable: () => readable(segment, firstId, row, window, sinks, () => firstMs.get(mark)!),
          isNew: () =>
            spanIn(searched, { firstMs: firstMs.get(mark), isOpen: true, newest: undefined })
              .newSinceMs !== undefined,
        });
        firstMs.set(mark, isAskedFor ? startMs : NaN);
      }
      yield;
    }
  }
  return searched;
}

function withWindow(
  { lengthMs, newestEndMs, runSinceMs, sinceMs }: SearchedTier,
  { endMs, startMs }: WindowKey,
): SearchedTier {
  const isOfRun = sinceMs === undefined || runSinceMs === undefined ||
    (runSinceMs === sinceMs && sinceMs - startMs <= WINDOWS_WITHOUT * lengthMs);
  return {
    lengthMs,
    sinceMs: startMs,
    runSinceMs: isOfRun ? startMs : runSinceMs,
    newestEndMs: newestEndMs ?? endMs,
  };
}

function readable(
  segment: Segment,
  firstId: number,
  row: number,
  { endMs, startMs }: WindowKey,
  sinks: readonly RegisteredSink[],
  firstMs: () => number,
) {
  return {
    startMs,
    revision: segment.revision[row]!,
    read: () => toAggregate(segment, row, startMs, endMs),
    sinks: () => namesOf(sinks, segment.sinks[row]!),
    waitingFor: () =>
      sinks.filter((sink) => fateOf(sink, firstId + row, segment.sinks[row]!) === "waiting").map(({ id }) =>
        id
      ),
    firstMs,
  };
}
