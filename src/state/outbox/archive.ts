import type { WindowKey } from "./expected_rows.ts";
import { Segment } from "./segment.ts";
import { damaged } from "../file/state_error.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { ColumnError } from "../checkpoint/columns.ts";

/** A row of a segment: one revision of an aggregate. */
export interface ArchivedRow {
  /** Outbox id. */
  readonly id: number;
  readonly segment: Segment;
  readonly row: number;
}

/** Reads a segment's blob. @throws {StateError} `damaged` */
export function readSegment(state: StateDatabase, firstId: number): Segment {
  const found = state.get<{ rows: Uint8Array }>("SELECT rows FROM segment WHERE first_id = ?", firstId);
  if (!found) throw damaged(state.path, `segment ${firstId} is missing`);
  try {
    return new Segment(found.rows);
  } catch (error) {
    if (error instanceof ColumnError) throw damaged(state.path, `segment ${firstId}: ${error.message}`);
    throw error;
  }
}

/** The aggregates of one closed window, in all their revisions. */
export class ArchivedWindow {
  private readonly loaded = new Map<number, Segment>();

  private constructor(
    private readonly state: StateDatabase,
    private readonly startMs: number,
    private readonly endMs: number,
    /** Newest first. */
    private readonly segments: readonly { first_id: number; first_hash: number; last_hash: number }[],
  ) {}

  static load(state: StateDatabase, startMs: number, endMs: number): ArchivedWindow {
    return new ArchivedWindow(
      state,
      startMs,
      endMs,
      state.all(
        `SELECT first_id, first_hash, last_hash FROM segment
         WHERE window_end_ms = ? AND window_start_ms = ? AND reissued = 0 ORDER BY first_id DESC`,
        endMs,
        startMs,
      ),
    );
  }

  isOf(startMs: number, endMs: number): boolean {
    return this.startMs === startMs && this.endMs === endMs;
  }

  get isEmpty(): boolean {
    return this.segments.length === 0;
  }

  /** The newest revision of a series; undefined: the window has never had it. */
  find(hash: number, functionId: number, nameBytes: Uint8Array): ArchivedRow | undefined {
    for (const revision of this.revisions(hash, functionId, nameBytes)) return revision;
    return undefined;
  }

  /** All revisions of a series, newest first. */
  *revisions(hash: number, functionId: number, nameBytes: Uint8Array): Generator<ArchivedRow> {
    const sought = hash >>> 0;
    for (const { first_id: firstId, first_hash: first, last_hash: last } of this.segments) {
      if (sought < first || sought > last) continue;
      const segment = this.segment(firstId);
      const row = segment.find(hash, functionId, nameBytes);
      if (row >= 0) yield { id: firstId + row, segment, row };
    }
  }

  private segment(firstId: number): Segment {
    let segment = this.loaded.get(firstId);
    if (!segment) {
      segment = readSegment(this.state, firstId);
      this.loaded.set(firstId, segment);
    }
    return segment;
  }
}

/** Closed windows that end after a time, Unix ms. @throws {StateError} */
export function windowsClosedAfter(state: StateDatabase, atMs: number): WindowKey[] {
  return state.all<WindowKey>(
    `SELECT DISTINCT window_start_ms AS startMs, window_end_ms AS endMs FROM segment
     WHERE window_end_ms > ?`,
    atMs,
  );
}

/**
 * Deletes windows that are delivered everywhere and can no longer be corrected, oldest first, until about
 * `limit` segments are deleted. A window is deleted as a whole: with a part of it nobody could tell what a
 * sink must have. Windows with aggregates that a sink has rejected stay, since an operator may retry these;
 * purged ones must be written off first. Returns the deleted windows.
 *
 * @param deliveredId Everything below this outbox id has reached its sinks.
 * @param correctableFromMs Windows that end at this time or before it are final.
 */
export function dropFinalWindows(
  state: StateDatabase,
  deliveredId: number,
  correctableFromMs: number,
  limit: number,
): WindowKey[] {
  if (correctableFromMs === -Infinity) return [];
  const windows = state.all<{ startMs: number; endMs: number; segments: number }>(
    `SELECT window_start_ms AS startMs, window_end_ms AS endMs, count(*) AS segments FROM segment AS s
     WHERE window_end_ms <= ? AND NOT EXISTS (SELECT 1 FROM dead_letter AS d WHERE d.sink IS NOT NULL
       AND d.window_end_ms = s.window_end_ms AND d.window_start_ms = s.window_start_ms)
     GROUP BY window_end_ms, window_start_ms HAVING max(first_id + row_count) <= ?
     ORDER BY window_end_ms, window_start_ms LIMIT ?`,
    correctableFromMs,
    deliveredId,
    limit,
  );
  let dropped = 0;
  const gone: WindowKey[] = [];
  for (const { startMs, endMs, segments } of windows) {
    state.seal.remove("segment", "window_end_ms = ? AND window_start_ms = ?", endMs, startMs);
    gone.push({ startMs, endMs });
    dropped += segments;
    if (dropped >= limit) break;
  }
  return gone;
}
