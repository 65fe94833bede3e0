import type { StateDatabase } from "../file/state_database.ts";
import { damaged } from "../file/state_error.ts";
import { ColumnError } from "./columns.ts";
import { eventsInPage } from "./open_page.ts";

/** An open window and its content. Times are Unix ms. */
export interface ListedWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** Pairs of series and function. */
  readonly series: number;
  readonly events: number;
}

/** The open windows of the last checkpoint, oldest first. @throws {StateError} */
export function readOpenWindows(state: StateDatabase): ListedWindow[] {
  const pages = state.all<{ startMs: number; endMs: number; accumulators: Uint8Array }>(
    `SELECT window_start_ms AS startMs, window_end_ms AS endMs, accumulators
     FROM open_page_keys JOIN open_page_values USING (page) ORDER BY window_start_ms, window_end_ms`,
  );
  const windows = new Map<string, ListedWindow>();
  for (const { startMs, endMs, accumulators } of pages) {
    const key = `${startMs} ${endMs}`;
    const window = windows.get(key) ?? { startMs, endMs, series: 0, events: 0 };
    try {
      const { series, events } = eventsInPage(accumulators);
      windows.set(key, { ...window, series: window.series + series, events: window.events + events });
    } catch (error) {
      if (error instanceof ColumnError) throw damaged(state.path, error.message);
      throw error;
    }
  }
  return [...windows.values()];
}
