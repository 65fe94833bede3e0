import { DroppedWindows, type Span } from "../../aggregation/dropped_windows.ts";
import { readBookEntries } from "./book_entries.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { damaged } from "../file/state_error.ts";

const KEY = "dropped_windows";

/**
 * Reads which windows were deleted. Version 0.1.0 stored one time, up to which windows were final by the
 * clock of that moment. The part of it that is ahead of the present clock is ignored.
 *
 * @param nowMs Wall clock, Unix ms.
 * @throws {StateError} The state is damaged.
 */
export function readDroppedWindows(state: StateDatabase, nowMs: number): DroppedWindows {
  const row = state.get<{ value: string }>("SELECT value FROM meta WHERE key = ?", KEY);
  if (row === undefined) {
    const finalMs = readBookEntries(state).get("final_ms");
    return new DroppedWindows(finalMs === undefined ? [] : [{ startMs: 0, endMs: Math.min(finalMs, nowMs) }]);
  }
  const spans = row.value.split(" ").map((text): Span => {
    const [, startMs, endMs] = /^(\d+)-(\d+)$/.exec(text) ?? [];
    if (endMs === undefined) throw damaged(state.path, "which windows were deleted cannot be read");
    return { startMs: Number(startMs), endMs: Number(endMs) };
  });
  return new DroppedWindows(spans);
}

/** Writes within the transaction of the caller. */
export function writeDroppedWindows(state: StateDatabase, { spans }: DroppedWindows): void {
  const text = spans.map(({ startMs, endMs }) => `${startMs}-${endMs}`).join(" ");
  state.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", KEY, text);
}
