import type { StateDatabase } from "../file/state_database.ts";

/** Adds to the events that were routed to a sink in windows of a length, within the caller's transaction. */
export function addRouted(state: StateDatabase, sink: string, lengthMs: number, events: number): void {
  if (events === 0) return;
  state.run(
    `INSERT INTO sink_tier (sink, length_ms, routed_count) VALUES (?, ?, ?)
     ON CONFLICT (sink, length_ms) DO UPDATE SET routed_count = routed_count + excluded.routed_count`,
    sink,
    lengthMs,
    events,
  );
}

/**
 * Events that were routed to a sink, by the length of their windows in ms. They are a part of its
 * `routedCount`: what was routed before schema 7 is of no known length.
 */
export function routedByLength(state: StateDatabase, sink: string): Map<number, number> {
  const rows = state.all<{ lengthMs: number; events: number }>(
    "SELECT length_ms AS lengthMs, routed_count AS events FROM sink_tier WHERE sink = ? ORDER BY length_ms",
    sink,
  );
  return new Map(rows.map(({ lengthMs, events }) => [lengthMs, events]));
}

/** Adds to an amount that is kept by the length of windows. */
export function addTo(amounts: Map<number, number>, lengthMs: number, amount: number): void {
  if (amount !== 0) amounts.set(lengthMs, (amounts.get(lengthMs) ?? 0) + amount);
}
