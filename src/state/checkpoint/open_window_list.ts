import { atOnce } from "../../platform/clock/steps.ts";
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

/** Pages that are read in one step: some milliseconds. */
const PAGES_A_STEP = 32;

/** The open windows of the last checkpoint, oldest first. @throws {StateError} */
export function readOpenWindows(state: StateDatabase): ListedWindow[] {
  return atOnce(openWindowSteps(state));
}

/** The same in steps, for which the state must be one consistent view. @throws {StateError} */
export function* openWindowSteps(state: StateDatabase): Generator<undefined, ListedWindow[]> {
  const windows = new Map<string, ListedWindow>();
  for (let after = -1;;) {
    const pages = state.all<{ page: number; startMs: number; endMs: number; accumulators: Uint8Array }>(
      `SELECT page, window_start_ms AS startMs, window_end_ms AS endMs, accumulators
       FROM open_page_keys JOIN open_page_values USING (page) WHERE page > ? ORDER BY page LIMIT ?`,
      after,
      PAGES_A_STEP,
    );
    if (pages.length === 0) break;
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
    after = pages.at(-1)!.page;
    yield;
  }
  return [...windows.values()].sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
}

/** How many windows are open as of the last checkpoint, without what is in them. @throws {StateError} */
export function countOpenWindows(state: StateDatabase): number {
  return state.get<{ count: number }>(
    "SELECT count(*) AS count FROM (SELECT DISTINCT window_start_ms, window_end_ms FROM open_page_keys)",
  )!.count;
}
