/**
 * The windows of one length: `[start, end)`, aligned to the epoch. One begins every `hopMs`, which divides
 * `lengthMs`. An event is in `lengthMs / hopMs` of them.
 */
export interface Tier {
  readonly lengthMs: number;
  readonly hopMs: number;
}

/** A tier as an operator writes it, in seconds: `300`, or `300/60` where it hops. */
export function tierText({ lengthMs, hopMs }: Tier): string {
  return hopMs === lengthMs ? `${lengthMs / 1000}` : `${lengthMs / 1000}/${hopMs / 1000}`;
}

/** The length of a window, ms. */
export function lengthOf(window: { readonly startMs: number; readonly endMs: number }): number {
  return window.endMs - window.startMs;
}
