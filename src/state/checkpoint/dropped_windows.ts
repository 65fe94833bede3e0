import { DroppedWindows, type Span } from "../../aggregation/dropped_windows.ts";
import { readBookEntries } from "./book_entries.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { damaged } from "../file/state_error.ts";

const KEY = "dropped_windows";

/**
 * Reads which windows were deleted: spans of windows of every length, then those of each length, such as
 * `0-5 9-12;60000:60000-120000`. Version 0.1.0 stored one time, up to which windows were final by the clock
 * of that moment. The part of it that is ahead of the present clock is ignored.
 *
 * @param nowMs Wall clock, Unix ms.
 * @throws {StateError} The state is damaged.
 */
export function readDroppedWindows(state: StateDatabase, nowMs: number): DroppedWindows {
  const row = state.get<{ value: string }>("SELECT value FROM meta WHERE key = ?", KEY);
  if (row === undefined) {
    const finalMs = readBookEntries(state).get("final_ms");
    return new DroppedWindows(
      new Map(),
      finalMs === undefined ? [] : [{ startMs: 0, endMs: Math.min(finalMs, nowMs) }],
    );
  }
  const [ofAll = "", ...tiers] = row.value.split(";");
  const spans = tiers.map((tier): [number, Span[]] => {
    const [, lengthMs, text] = /^(\d+):(.+)$/.exec(tier) ?? [];
    if (text === undefined) throw unreadable(state);
    return [Number(lengthMs), spansIn(text, state)];
  });
  return new DroppedWindows(new Map(spans), ofAll === "" ? [] : spansIn(ofAll, state));
}

/** Writes within the transaction of the caller. */
export function writeDroppedWindows(state: StateDatabase, { spans, spansOfAll }: DroppedWindows): void {
  const tiers = [...spans].map(([lengthMs, ofLength]) => `${lengthMs}:${textOf(ofLength)}`);
  state.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", KEY, [textOf(spansOfAll), ...tiers].join(";"));
}

function textOf(spans: readonly Span[]): string {
  return spans.map(({ startMs, endMs }) => `${startMs}-${endMs}`).join(" ");
}

function spansIn(text: string, state: StateDatabase): Span[] {
  return text.split(" ").map((span): Span => {
    // Windows that hop may begin before 1970.
    const [, startMs, endMs] = /^(-?\d+)-(-?\d+)$/.exec(span) ?? [];
    if (endMs === undefined) throw unreadable(state);
    return { startMs: Number(startMs), endMs: Number(endMs) };
  });
}

function unreadable(state: StateDatabase) {
  return damaged(state.path, "which windows were deleted cannot be read");
}
