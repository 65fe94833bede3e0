import { amount } from "../../platform/log/amount.ts";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { noteOrder, noteResult, type Order } from "../audit.ts";
import { expectedRows, type WindowKey } from "./expected_rows.ts";
import type { RegisteredSink } from "./registered_sink.ts";
import type { StateDatabase } from "../file/state_database.ts";

/**
 * An operator's request to send a sink its aggregates again, for the windows that start in `[sinceMs,
 * untilMs)`.
 */
export interface Redelivery {
  readonly id: number;
  readonly sink: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Aggregates that were sent again so far. */
  readonly sent: number;
  readonly isDone: boolean;
}

/** A piece of a redelivery, with the progress after it. */
export interface RedeliveredRows {
  readonly id: number;
  readonly aggregates: readonly Aggregate[];
  /**
   * The last window of the piece, and the key of the last aggregate of it; undefined: all of its aggregates.
   */
  readonly window: WindowKey | undefined;
  readonly afterKey: string | undefined;
  readonly isLast: boolean;
}

interface RedeliveryRow {
  id: number;
  sink: string;
  since_ms: number;
  until_ms: number;
  window_end_ms: number | null;
  window_start_ms: number | null;
  after_key: string | null;
  sent: number;
  done: number;
}

/** The latest time, since SQLite's JSON has no infinity. Unix ms. */
export const END_OF_TIME_MS = 8.64e15;
/** Windows per piece at most. It bounds the work where they are nearly empty. */
const WINDOWS_A_PIECE = 100;

/**
 * Stores the request for the handler that holds the state, or for the next one. Returns its id.
 *
 * @throws {StateError}
 */
export function askForRedelivery(
  state: StateDatabase,
  sink: string,
  sinceMs: number,
  untilMs: number,
  order?: Order,
): number {
  return state.transaction(() => {
    state.run(
      "INSERT INTO redelivery (sink, since_ms, until_ms, audit_id) VALUES (?, ?, ?, ?)",
      sink,
      sinceMs,
      untilMs,
      order === undefined ? null : noteOrder(state, order),
    );
    return state.get<{ id: number }>("SELECT max(id) AS id FROM redelivery")!.id;
  });
}

/** All redeliveries ever requested. Sinks that cannot overwrite have the aggregates of each once more. */
export function readRedeliveries(state: StateDatabase): Redelivery[] {
  return state.all<RedeliveryRow>("SELECT * FROM redelivery ORDER BY id").map((row) => ({
    id: row.id,
    sink: row.sink,
    sinceMs: row.since_ms,
    untilMs: row.until_ms,
    sent: row.sent,
    isDone: row.done === 1,
  }));
}

/** Whether a redelivery is still to be done. */
export function hasOpenRedelivery(state: StateDatabase): boolean {
  return state.get("SELECT 1 FROM redelivery WHERE NOT done LIMIT 1") !== undefined;
}

/** The redelivery to a sink that is to be done next; undefined: there is none. */
export function nextRedelivery(state: StateDatabase, sink: string): number | undefined {
  return state.get<{ id: number }>(
    "SELECT id FROM redelivery WHERE sink = ? AND NOT done ORDER BY id LIMIT 1",
    sink,
  )?.id;
}

/**
 * The next piece of a sink's redelivery, with `max` aggregates at most: each at the revision that the sink
 * must have by now. Rejected aggregates, and those that wait in the outbox, are left out. Undefined: there is
 * nothing to do.
 */
export function nextPiece(
  state: StateDatabase,
  sink: RegisteredSink,
  max: number,
): RedeliveredRows | undefined {
  const request = state.get<RedeliveryRow>(
    "SELECT * FROM redelivery WHERE sink = ? AND NOT done ORDER BY id LIMIT 1",
    sink.id,
  );
  if (request === undefined) return undefined;
  const aggregates: Aggregate[] = [];
  let window: WindowKey | undefined = request.window_end_ms === null
    ? undefined
    : { endMs: request.window_end_ms, startMs: request.window_start_ms! };
  let afterKey = request.after_key ?? undefined;
  for (let looked = 0; looked < WINDOWS_A_PIECE && aggregates.length < max; looked++) {
    const current: WindowKey | undefined = afterKey === undefined
      ? windowAfter(state, request, window)
      : window;
    if (current === undefined) {
      return { id: request.id, aggregates, window, afterKey: undefined, isLast: true };
    }
    const after = afterKey;
    const rows = [...expectedRows(state, sink, current).delivered]
      .filter(([key]) => after === undefined || key > after)
      .sort(([a], [b]) => a < b ? -1 : 1);
    const taken = rows.slice(0, max - aggregates.length);
    for (const [, aggregate] of taken) aggregates.push(aggregate);
    window = current;
    afterKey = taken.length < rows.length ? taken.at(-1)![0] : undefined;
  }
  return { id: request.id, aggregates, window, afterKey, isLast: false };
}

/**
 * Notes that the sink has a piece. The next piece begins after it, also after a restart.
 *
 * @throws {StateError}
 */
export function pieceDelivered(state: StateDatabase, piece: RedeliveredRows): void {
  state.transaction(() => {
    state.run(
      `UPDATE redelivery SET sent = sent + ?, window_end_ms = ?, window_start_ms = ?, after_key = ?, done = ?
       WHERE id = ?`,
      piece.aggregates.length,
      piece.window?.endMs ?? null,
      piece.window?.startMs ?? null,
      piece.afterKey ?? null,
      piece.isLast ? 1 : 0,
      piece.id,
    );
    const request = state.get<{ auditId: number | null }>(
      "SELECT audit_id AS auditId FROM redelivery WHERE id = ?",
      piece.id,
    );
    if (request === undefined || request.auditId === null) return;
    const soFar = piece.isLast ? "" : " so far";
    noteResult(
      state,
      request.auditId,
      piece.aggregates.length,
      (sum) => `${amount(sum, "row")} sent again${soFar}`,
    );
  });
}

function windowAfter(
  state: StateDatabase,
  { since_ms: sinceMs, until_ms: untilMs }: RedeliveryRow,
  window: WindowKey | undefined,
): WindowKey | undefined {
  return state.get<WindowKey>(
    `SELECT window_start_ms AS startMs, window_end_ms AS endMs FROM segment
     WHERE window_start_ms >= ? AND window_start_ms < ? AND (window_end_ms, window_start_ms) > (?, ?)
     ORDER BY window_end_ms, window_start_ms LIMIT 1`,
    sinceMs,
    untilMs,
    window?.endMs ?? -Infinity,
    window?.startMs ?? -Infinity,
  );
}
