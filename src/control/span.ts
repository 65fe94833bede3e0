/**
 * The windows to compare, by their start; Unix ms, `untilMs` not included. With all windows, the sum over all
 * rows is compared as well.
 */
export interface Span {
  readonly sinceMs: number;
  readonly untilMs: number;
}

export const ALL_WINDOWS: Span = { sinceMs: -Infinity, untilMs: Infinity };
