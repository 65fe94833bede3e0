/** Times that are remembered at most. */
const NOTES_MAX = 600;
/** What is noted within that time is one note. */
const NOTE_MS = 1000;
/** The least time that a rate is over. */
const SPAN_MIN_MS = 60_000;
/** A rate is over that many windows at least, so that two of them have closed. */
const SPAN_WINDOWS = 2.5;

/**
 * How fast a counter grows that grows when windows close. Between two windows it stands still, and its rate
 * is that of the windows before.
 */
export class Pace {
  private notes: { readonly atMs: number; counter: number }[] = [];

  /** @param counter Grows; a lower one begins anew, as does a clock that was set back. */
  note(atMs: number, counter: number): void {
    const last = this.notes.at(-1);
    if (last !== undefined && (counter < last.counter || atMs < last.atMs)) this.notes = [];
    else if (last?.counter === counter) return;
    else if (last !== undefined && atMs - last.atMs < NOTE_MS) return void (last.counter = counter);
    this.notes.push({ atMs, counter });
    if (this.notes.length > NOTES_MAX) this.notes.shift();
  }

  /**
   * The rate, per second; undefined: fewer than two windows have closed in the time that it is over.
   *
   * @param windowMs Length of the shortest windows.
   */
  perSecond(nowMs: number, windowMs: number): number | undefined {
    const bursts: { atMs: number; counter: number }[] = [];
    const sinceMs = nowMs - Math.max(SPAN_MIN_MS, SPAN_WINDOWS * windowMs);
    for (const { atMs, counter } of this.notes) {
      const last = bursts.at(-1);
      if (atMs < sinceMs) continue;
      // A window may be delivered in several batches.
      if (last !== undefined && atMs - last.atMs < windowMs / 2) last.counter = counter;
      else bursts.push({ atMs, counter });
    }
    const [first, last] = [bursts[0], bursts.at(-1)];
    if (first === undefined || last === undefined) return this.notes.length > 0 ? 0 : undefined;
    if (first === last) return undefined;
    const isOverdue = nowMs - last.atMs > 1.5 * windowMs;
    return (last.counter - first.counter) / ((isOverdue ? nowMs : last.atMs) - first.atMs) * 1000;
  }
}
