import { seriesKey } from "../../event/labels.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { inTurns } from "../../platform/clock/steps.ts";
import type { StateDatabase } from "../../state/file/state_database.ts";
import { StateError } from "../../state/file/state_error.ts";
import { readSegment } from "../../state/outbox/archive.ts";
import { archivedWindows, newestWindows, segmentsOf } from "../../state/outbox/archive_windows.ts";
import type { WindowKey } from "../../state/outbox/expected_rows.ts";
import { SEGMENT_ROWS } from "../../state/outbox/segment.ts";
import { type NamedSeries, Renames } from "./renames.ts";
import { SeriesTurnover, STEADY_WINDOWS } from "./series_turnover.ts";

const LOOK_MS = 5000;
/** Closed windows that are looked at after a start, so that it does not forget what was new before it. */
const WINDOWS_MAX = 256;
/** Segments that are read at a time. With 100,000 series these are ten windows. */
const SEGMENTS_MAX = 256;
/** A window with more segments is not looked at: that would take too long. */
const WINDOW_SEGMENTS_MAX = 64;
/** More series that begin or stop with one window are no renamed devices. */
const TURNED_MAX = 5000;

/**
 * Reads each closed window of the shortest length once, beside the work, and notes which series have begun
 * or stopped with it.
 */
export class RenameWatch {
  private turnover = new SeriesTurnover();
  /** The last windows that were looked at, the oldest first. */
  private windows: readonly WindowKey[] = [];

  /**
   * @param openView Opens a view of the state; the caller closes it.
   * @param lengthMs The length of the shortest windows at the moment.
   */
  constructor(
    private readonly openView: () => StateDatabase,
    private readonly lengthMs: () => number,
    private readonly renames: Renames,
    private readonly clock: Clock,
  ) {}

  /** Looks again and again until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await this.clock.sleep(LOOK_MS, signal)) await this.look(signal);
  }

  /** Looks at the windows that have closed since the last look. */
  async look(signal: AbortSignal): Promise<void> {
    let view: StateDatabase | undefined;
    try {
      view = this.openView();
      await inTurns(this.lookInto(view), signal);
    } catch (error) {
      // A state that cannot be read is reported elsewhere.
      if (!signal.aborted && !(error instanceof StateError)) throw error;
    } finally {
      view?.close();
    }
  }

  private *lookInto(view: StateDatabase): Generator<undefined> {
    const lengthMs = this.lengthMs();
    for (const window of this.newWindows(view, lengthMs)) {
      const segments = segmentsOf(view, window);
      if (segments.length > WINDOW_SEGMENTS_MAX) {
        this.turnover = new SeriesTurnover();
        this.windows = [window];
        continue;
      }
      const { begun, stopped } = this.turnover.take(yield* marksOf(view, segments));
      this.windows = [...this.windows, window].slice(-STEADY_WINDOWS - 1);
      if (begun.length + stopped.length === 0 || begun.length + stopped.length > TURNED_MAX) continue;
      const last = this.windows[0]!;
      this.renames.note({
        begun: yield* named(view, segments, begun),
        beganMs: this.windows.at(-STEADY_WINDOWS)!.startMs,
        stopped: yield* named(view, segmentsOf(view, last), stopped),
        stoppedMs: last.endMs,
        lengthMs,
      });
    }
  }

  /** The windows to look at, the oldest first. */
  private newWindows(view: StateDatabase, lengthMs: number): readonly WindowKey[] {
    const last = this.windows.at(-1);
    if (last !== undefined && last.endMs - last.startMs === lengthMs) {
      return archivedWindows(view, lengthMs, {
        fromMs: last.startMs + 1,
        untilMs: Number.MAX_SAFE_INTEGER - lengthMs,
        limit: WINDOWS_MAX,
      });
    }
    this.turnover = new SeriesTurnover();
    this.windows = [];
    let left = SEGMENTS_MAX;
    return newestWindows(view, lengthMs, WINDOWS_MAX).filter(({ segments }) => (left -= segments) >= 0)
      .reverse();
  }
}

/** The series of a window as numbers, ascending. */
function* marksOf(view: StateDatabase, segments: readonly number[]): Generator<undefined, Float64Array> {
  const marks = new Float64Array(segments.length * SEGMENT_ROWS);
  let count = 0;
  for (const firstId of segments) {
    const segment = readSegment(view, firstId);
    for (let row = 0; row < segment.rowCount; row++) marks[count++] = segment.mark(row);
    yield;
  }
  return marks.subarray(0, count).sort();
}

/** The series with these numbers, each once, whatever its functions. */
function* named(
  view: StateDatabase,
  segments: readonly number[],
  marks: readonly number[],
): Generator<undefined, NamedSeries[]> {
  if (marks.length === 0) return [];
  const sought = new Set(marks);
  const found = new Map<string, NamedSeries>();
  for (const firstId of segments) {
    const segment = readSegment(view, firstId);
    for (let row = 0; row < segment.rowCount; row++) {
      if (!sought.has(segment.mark(row))) continue;
      const series = segment.series(row);
      found.set(seriesKey(series.name, series.labels), series);
    }
    yield;
  }
  return [...found.values()];
}
