import type { Aggregate } from "../../aggregation/aggregate.ts";
import type { SoughtSeries } from "../../contract/read_back.ts";
import { functionId } from "../../event/agg_function.ts";
import { hasLabels } from "../../event/labels.ts";
import { storedPart } from "../checkpoint/columns.ts";
import type { KeyColumn } from "../checkpoint/key_column.ts";
import { readTierCounts } from "../checkpoint/tier_books.ts";
import { readDroppedWindows } from "../checkpoint/dropped_windows.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { readSegment } from "./archive.ts";
import type { WindowKey } from "./expected_rows.ts";
import { toAggregate } from "./segment_aggregates.ts";

const ENCODER = new TextEncoder();

/** The lengths of windows that the state knows, ms, ascending. @throws {StateError} */
export function windowLengths(state: StateDatabase): number[] {
  return [...readTierCounts(state).keys()];
}

/**
 * The windows of one length in the archive that start in `[fromMs, untilMs)`, `limit` at most, oldest first.
 *
 * @throws {StateError}
 */
export function archivedWindows(
  state: StateDatabase,
  lengthMs: number,
  { fromMs, untilMs, limit }: { readonly fromMs: number; readonly untilMs: number; readonly limit: number },
): WindowKey[] {
  return state.all<WindowKey>(
    `SELECT DISTINCT window_start_ms AS startMs, window_end_ms AS endMs FROM segment
     WHERE window_end_ms >= ?1 + ?3 AND window_end_ms < ?2 + ?3 AND window_end_ms - window_start_ms = ?3
     ORDER BY window_end_ms LIMIT ?4`,
    fromMs,
    untilMs,
    lengthMs,
    limit,
  );
}

/** The newest windows of one length in the archive, newest first. @throws {StateError} */
export function newestWindows(
  state: StateDatabase,
  lengthMs: number,
  limit: number,
): (WindowKey & { readonly segments: number })[] {
  return state.all(
    `SELECT window_start_ms AS startMs, window_end_ms AS endMs, count(*) AS segments FROM segment
     WHERE window_end_ms - window_start_ms = ? GROUP BY window_end_ms, window_start_ms
     ORDER BY window_end_ms DESC LIMIT ?`,
    lengthMs,
    limit,
  );
}

/** The first outbox id of each segment of a window, ascending. @throws {StateError} */
export function segmentsOf(state: StateDatabase, { startMs, endMs }: WindowKey): number[] {
  return state.all<{ firstId: number }>(
    `SELECT first_id AS firstId FROM segment
     WHERE window_end_ms = ? AND window_start_ms = ? AND reissued = 0 ORDER BY first_id`,
    endMs,
    startMs,
  ).map(({ firstId }) => firstId);
}

/**
 * The time from which on the archive has every window of these lengths that this state has closed, by their
 * start, Unix ms: older ones may be in sinks only. Undefined: it has no window at all.
 *
 * @param nowMs Wall clock, Unix ms.
 * @throws {StateError}
 */
export function archivedSinceMs(
  state: StateDatabase,
  lengthsMs: readonly number[],
  nowMs: number,
): number | undefined {
  const { spans, spansOfAll } = readDroppedWindows(state, nowMs);
  const dropped = [spansOfAll, ...lengthsMs.map((lengthMs) => spans.get(lengthMs) ?? [])].flat();
  if (dropped.length > 0) return Math.max(...dropped.map(({ endMs }) => endMs));
  const oldest = lengthsMs.flatMap((lengthMs) => archivedWindows(state, lengthMs, { ...EVER, limit: 1 }));
  return oldest.length === 0 ? undefined : Math.min(...oldest.map(({ startMs }) => startMs));
}

const EVER = { fromMs: -Number.MAX_SAFE_INTEGER, untilMs: Number.MAX_SAFE_INTEGER };

/** Reads the rows of some series in the windows of an archive. */
export class SeriesInArchive {
  private readonly name: Uint8Array;
  private readonly functionId: number | undefined;

  constructor(private readonly state: StateDatabase, private readonly sought: SoughtSeries) {
    this.name = ENCODER.encode(sought.name);
    this.functionId = sought.aggFunc === undefined ? undefined : functionId(sought.aggFunc);
  }

  /**
   * All revisions of the sought aggregates in a window, in the order of their outbox ids. In steps, each of
   * them one segment.
   *
   * @throws {StateError}
   */
  *rowsOf({ startMs, endMs }: WindowKey): Generator<undefined, Aggregate[]> {
    const found: Aggregate[] = [];
    for (const firstId of segmentsOf(this.state, { startMs, endMs })) {
      if (!this.mayHave(firstId)) {
        yield;
        continue;
      }
      const segment = readSegment(this.state, firstId);
      for (let row = 0; row < segment.rowCount; row++) {
        if (this.functionId !== undefined && segment.functionId[row] !== this.functionId) continue;
        if (!this.isNamed(segment.keys, row)) continue;
        const aggregate = toAggregate(segment, row, startMs, endMs);
        if (hasLabels(aggregate.labels, this.sought.labels)) found.push(aggregate);
      }
      yield;
    }
    return found;
  }

  /** Whether the bytes of the name are in a segment. Most have others, and to decode them takes longer. */
  private mayHave(firstId: number): boolean {
    return this.state.get<{ at: number }>(
      "SELECT instr(rows, ?) AS at FROM segment WHERE first_id = ?",
      storedPart(this.name),
      firstId,
    )?.at !== 0;
  }

  private isNamed(keys: KeyColumn, row: number): boolean {
    const { name } = this;
    const start = keys.start(row);
    const end = start + name.length;
    // After the name comes the end of the key, or what separates the labels from it.
    if (end > keys.end(row) || (end < keys.end(row) && keys.bytes[end] !== 0)) return false;
    for (let i = 0; i < name.length; i++) if (keys.bytes[start + i] !== name[i]) return false;
    return true;
  }
}
