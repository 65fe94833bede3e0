/** The windows to compare, by their start; Unix ms, `untilMs` not included. All of them: the sum over all rows as well. */
export interface Span {
  readonly sinceMs: number;
  readonly untilMs: number;
}

export const ALL_WINDOWS: Span = { sinceMs: -Infinity, untilMs: Infinity };
