import { Segment } from "./segment.ts";
import { damaged } from "./state_error.ts";
import type { StateDatabase } from "./state_database.ts";
import { ColumnError } from "./columns.ts";

/** A row of an earlier revision. */
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

/** The aggregates of one closed window as they stand: the newest revision of each series. */
export class ArchivedWindow {
  private readonly loaded = new Map<number, Segment>();

  private constructor(
    private readonly state: StateDatabase,
    /** Newest first. */
    private readonly segments: readonly { first_id: number; first_hash: number; last_hash: number }[],
  ) {}

  static load(state: StateDatabase, startMs: number, endMs: number): ArchivedWindow {
    return new ArchivedWindow(
      state,
      state.all(
        `SELECT first_id, first_hash, last_hash FROM segment
         WHERE window_end_ms = ? AND window_start_ms = ? AND reissued = 0 ORDER BY first_id DESC`,
        endMs,
        startMs,
      ),
    );
  }

  get isEmpty(): boolean {
    return this.segments.length === 0;
  }

  /** The newest revision of a series, or undefined when the window has never had it. */
  find(hash: number, functionId: number, nameBytes: Uint8Array): ArchivedRow | undefined {
    const sought = hash >>> 0;
    for (const { first_id: firstId, first_hash: first, last_hash: last } of this.segments) {
      if (sought < first || sought > last) continue;
      const segment = this.segment(firstId);
      const row = segment.find(hash, functionId, nameBytes);
      if (row >= 0) return { id: firstId + row, segment, row };
    }
    return undefined;
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

/**
 * Deletes segments that are delivered everywhere and whose windows can no longer be corrected, at most `limit` of them.
 * Those of windows with aggregates that a sink has rejected stay: an operator may put these back.
 *
 * @param deliveredId Everything below this outbox id has reached its sinks.
 * @param correctableFromMs Windows that end at this time or before it are final.
 */
export function dropFinalSegments(
  state: StateDatabase,
  deliveredId: number,
  correctableFromMs: number,
  limit: number,
): void {
  if (correctableFromMs === -Infinity) return;
  state.seal.remove(
    "segment",
    `first_id IN (
       SELECT first_id FROM segment AS s WHERE window_end_ms <= ? AND first_id + row_count <= ?
         AND NOT EXISTS (SELECT 1 FROM dead_letter AS d
           WHERE d.sink IS NOT NULL AND NOT d.purged
             AND d.window_end_ms = s.window_end_ms AND d.window_start_ms = s.window_start_ms)
       LIMIT ?)`,
    correctableFromMs,
    deliveredId,
    limit,
  );
}
