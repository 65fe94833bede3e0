import { refusedEvents, type WindowKey } from "./expected_rows.ts";
import type { RegisteredSink } from "./registered_sink.ts";
import type { StateDatabase } from "../file/state_database.ts";

/**
 * Writes off the aggregates that sinks have rejected and an operator has purged, once they can no longer
 * change, for one window per call. Returns the window, and the events that each sink lacks for good, to be
 * subtracted from what was routed to it. The window and its dead letters are deleted together: without the
 * archive, nobody could tell any more how much of a rejected aggregate the sink has by an earlier revision.
 *
 * @param deliveredId Everything below this outbox id has reached its sinks.
 * @param correctableFromMs Windows that end at this time or before it are final.
 */
export function writeOff(
  state: StateDatabase,
  sinks: readonly RegisteredSink[],
  deliveredId: number,
  correctableFromMs: number,
): { readonly lacking: ReadonlyMap<string, number>; readonly gone: readonly WindowKey[] } {
  const window = state.get<WindowKey>(
    `SELECT window_start_ms AS startMs, window_end_ms AS endMs FROM dead_letter AS d
     WHERE sink IS NOT NULL AND purged AND window_end_ms <= ?
       AND NOT EXISTS (SELECT 1 FROM dead_letter AS other WHERE other.sink IS NOT NULL AND NOT other.purged
         AND other.window_end_ms = d.window_end_ms AND other.window_start_ms = d.window_start_ms)
       AND NOT EXISTS (SELECT 1 FROM segment AS s WHERE s.first_id + s.row_count > ?
         AND s.window_end_ms = d.window_end_ms AND s.window_start_ms = d.window_start_ms)
     LIMIT 1`,
    correctableFromMs,
    deliveredId,
  );
  if (!window) return { lacking: new Map(), gone: [] };
  const lacking = new Map(sinks.map((sink) => [sink.id, refusedEvents(state, sink, window).purged]));
  const { startMs, endMs } = window;
  state.seal.remove(
    "dead_letter",
    "sink IS NOT NULL AND window_end_ms = ? AND window_start_ms = ?",
    endMs,
    startMs,
  );
  state.seal.remove("segment", "window_end_ms = ? AND window_start_ms = ?", endMs, startMs);
  return { lacking, gone: [window] };
}
