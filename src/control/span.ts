import type { StateDatabase } from "../state/file/state_database.ts";
import { END_OF_TIME_MS } from "../state/outbox/redelivery.ts";
import { OrderError } from "./order_error.ts";

/**
 * The windows to compare, by their start; Unix ms, `untilMs` not included. With all windows, the sum over all
 * rows is compared as well.
 */
export interface Span {
  readonly sinceMs: number;
  readonly untilMs: number;
}

export const ALL_WINDOWS: Span = { sinceMs: -Infinity, untilMs: Infinity };

/** All windows that start then or later. */
export function spanFrom(sinceMs: number | undefined): Span {
  return { ...ALL_WINDOWS, ...(sinceMs !== undefined && { sinceMs }) };
}

/**
 * Without this, a span that was meant otherwise, such as one in milliseconds, would look proven or sent.
 *
 * @throws {OrderError} The state has no closed window that starts in the span.
 */
export function assertHasWindows(state: StateDatabase, { sinceMs, untilMs }: Span): void {
  const { found, first, last } = state.get<{ found: number; first: number | null; last: number | null }>(
    `SELECT EXISTS (SELECT 1 FROM segment WHERE window_start_ms >= ? AND window_start_ms < ?) AS found,
       min(window_start_ms) AS first, max(window_end_ms) AS last FROM segment`,
    sinceMs,
    untilMs,
  )!;
  if (found === 1) return;
  const until = untilMs >= END_OF_TIME_MS ? "now" : instantInWords(untilMs);
  throw new OrderError(
    "impossible",
    `the state has no window that starts from ${instantInWords(sinceMs)} to ${until}. ` +
      (first === null
        ? "It has no closed window at all."
        : `It has windows from ${instantInWords(first)} to ${
          instantInWords(last!)
        }; older ones have left CORRECTION_HORIZON.`),
  );
}

/** Times that no date can express are shown in seconds. */
export function instantInWords(ms: number): string {
  return Math.abs(ms) <= END_OF_TIME_MS ? new Date(ms).toISOString() : `${ms / 1000}`;
}
