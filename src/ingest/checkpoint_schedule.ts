import type { Clock } from "../platform/clock/clock.ts";

/** Checkpoints take at most this share of the time: the interval stretches with their duration. */
const SHARE = 0.1;
/** Windows that are due are not left waiting for the interval, but checkpoints do not follow closer than this either. */
const CLOSING_PAUSE_MS = 50;
const RETRY_MS = 1000;

/** When the next checkpoint is due. By the clock that does not jump. */
export class CheckpointSchedule {
  private lastMs: number;
  private lastDurationMs = 0;
  /** When the state was last changed; {@link lastMs} also moves where there was nothing to write. */
  private lastWrittenMs: number;
  private hasFailed = false;

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {
    this.lastMs = this.lastWrittenMs = clock.monotonicMs();
  }

  /**
   * @param isCrowded Whether memory has to be freed.
   * @param areWindowsDue Asked only where it matters.
   */
  isDue(intervalMs: number, isCrowded: boolean, areWindowsDue: () => boolean): boolean {
    const sinceMs = this.clock.monotonicMs() - this.lastMs;
    if (this.hasFailed) return sinceMs >= RETRY_MS;
    const pauseMs = this.lastDurationMs / SHARE;
    return isCrowded || sinceMs >= Math.max(intervalMs, pauseMs) ||
      (sinceMs >= Math.max(CLOSING_PAUSE_MS, pauseMs) && areWindowsDue());
  }

  /** How long ago the state was last changed. */
  sinceWrittenMs(nowMs: number): number {
    return nowMs - this.lastWrittenMs;
  }

  failed(): void {
    this.hasFailed = true;
    this.lastMs = this.clock.monotonicMs();
  }

  /** There was nothing to write at `nowMs`. */
  skipped(nowMs: number): void {
    this.hasFailed = false;
    this.lastMs = nowMs;
  }

  /** Returns how long it has taken. */
  written(startedMs: number): number {
    this.hasFailed = false;
    this.lastWrittenMs = startedMs;
    this.lastMs = this.clock.monotonicMs();
    return this.lastDurationMs = this.lastMs - startedMs;
  }
}
