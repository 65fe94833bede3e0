import { functionId } from "../../event/agg_function.ts";
import { seriesKey } from "../../event/labels.ts";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { archiveHash } from "../../aggregation/series_hash.ts";
import { type Confirmed, CONFIRMED_MAX } from "../../contract/sink.ts";
import { acceptedBelow } from "../alarms.ts";
import { readSegment } from "./archive.ts";
import { toAggregate } from "./segment_aggregates.ts";
import { waitingRows } from "./sink_registry.ts";
import type { RegisteredSink } from "./registered_sink.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** Segments that are read at most to find confirmed aggregates. */
const SEGMENTS = 4;

interface SegmentRow {
  first_id: number;
  row_count: number;
  window_start_ms: number;
  window_end_ms: number;
}

/**
 * The aggregates that a sink has confirmed. Windows in which it has refused some are left out, since it may
 * lack these.
 */
export function confirmedRows(state: StateDatabase, sink: RegisteredSink): Confirmed {
  const { bit, cursor, id: name, purgedCount, routedCount } = sink;
  const sinceId = Math.max(sink.sinceId, acceptedBelow(state, name));
  const segments = state.all<SegmentRow>(
    `SELECT first_id, row_count, window_start_ms, window_end_ms FROM segment AS s
     WHERE first_id < ? AND first_id + row_count > ? AND (sink_bits & ?) != 0
       AND NOT EXISTS (SELECT 1 FROM dead_letter AS d WHERE d.sink = ?
         AND d.window_end_ms = s.window_end_ms AND d.window_start_ms = s.window_start_ms)
       AND NOT EXISTS (SELECT 1 FROM segment AS r WHERE r.reissued != 0
         AND r.window_end_ms = s.window_end_ms AND r.window_start_ms = s.window_start_ms)
     ORDER BY first_id DESC LIMIT ?`,
    cursor,
    sinceId,
    bit,
    name,
    SEGMENTS,
  );
  const newest: Aggregate[] = [];
  for (const { first_id: firstId, row_count: rowCount, ...window } of segments) {
    const segment = readSegment(state, firstId);
    for (let row = Math.min(rowCount, cursor - firstId) - 1; row >= 0 && firstId + row >= sinceId; row--) {
      if ((segment.sinks[row]! & bit) === 0) continue;
      newest.push(toAggregate(segment, row, window.window_start_ms, window.window_end_ms));
      if (newest.length === CONFIRMED_MAX) return { any: true, newest };
    }
  }
  if (newest.length > 0) return { any: true, newest };
  // No confirmed aggregate was found. The sink must still have some where everything that was routed to it is
  // below its cursor, and nothing was refused.
  const isBehind = cursor > sinceId && routedCount > purgedCount && waitingRows(state, sink) === 0;
  return { any: isBehind && !hasRefused(state, name), newest };
}

/** Whether a sink's cursor may be beyond aggregates that it has not written. */
function hasRefused(state: StateDatabase, sink: string): boolean {
  return state.get(
    `SELECT 1 WHERE EXISTS (SELECT 1 FROM dead_letter WHERE sink = ?)
       OR EXISTS (SELECT 1 FROM segment WHERE reissued != 0)`,
    sink,
  ) !== undefined;
}

/** Whether this state has once had exactly this aggregate; undefined: it no longer has the window. */
export function isOwnRow(state: StateDatabase, held: Aggregate): boolean | undefined {
  const { name, labels, aggFunc, windowStartMs, windowEndMs } = held;
  const segments = state.all<{ id: number; first: number; last: number }>(
    `SELECT first_id AS id, first_hash AS first, last_hash AS last FROM segment
     WHERE window_end_ms = ? AND window_start_ms = ?`,
    windowEndMs,
    windowStartMs,
  );
  if (segments.length === 0) return undefined;
  const bytes = new TextEncoder().encode(seriesKey(name, labels));
  const func = functionId(aggFunc);
  const hash = archiveHash(bytes, 0, bytes.length, func);
  return segments.some(({ id, first, last }) => {
    if (hash >>> 0 < first || hash >>> 0 > last) return false;
    const segment = readSegment(state, id);
    const row = segment.find(hash, func, bytes);
    if (row < 0) return false;
    const own = toAggregate(segment, row, windowStartMs, windowEndMs);
    return own.revision === held.revision && own.value === held.value && own.count === held.count;
  });
}
