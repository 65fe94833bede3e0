import type { Clock } from "../platform/clock/clock.ts";

/** The share of time that checkpoints take at most: the interval grows with their duration. */
const SHARE = 0.1;
/**
 * Windows that are due, and requests that are left, do not wait for the interval, but this is the least time
 * between two checkpoints.
 */
const PRESSING_PAUSE_MS = 50;
const RETRY_MS = 1000;

/** Decides when the next checkpoint is due. All times are of the monotonic clock. */
export class CheckpointSchedule {
  private lastMs: number;
  private lastDurationMs = 0;
  /** When the state was last changed. {@link lastMs} also moves where there was nothing to write. */
  private lastWrittenMs: number;
  private hasFailed = false;

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {
    this.lastMs = this.lastWrittenMs = clock.monotonicMs();
  }

  /**
   * @param isCrowded Whether a checkpoint is needed to free memory.
   * @param isPressing Whether windows are due or requests are left. Called only where the answer matters.
   */
  isDue(intervalMs: number, isCrowded: boolean, isPressing: () => boolean): boolean {
    const sinceMs = this.clock.monotonicMs() - this.lastMs;
    if (this.hasFailed) return sinceMs >= RETRY_MS;
    const pauseMs = this.lastDurationMs / SHARE;
    return isCrowded || sinceMs >= Math.max(intervalMs, pauseMs) ||
      (sinceMs >= Math.max(PRESSING_PAUSE_MS, pauseMs) && isPressing());
  }

  /** How long ago the state was last changed. */
  sinceWrittenMs(nowMs: number): number {
    return nowMs - this.lastWrittenMs;
  }

  failed(): void {
    this.hasFailed = true;
    this.lastMs = this.clock.monotonicMs();
  }

  /** Notes that there was nothing to write at `nowMs`. */
  skipped(nowMs: number): void {
    this.hasFailed = false;
    this.lastMs = nowMs;
  }

  /** Notes that a checkpoint was written. Returns how long it took. */
  written(startedMs: number): number {
    this.hasFailed = false;
    this.lastWrittenMs = startedMs;
    this.lastMs = this.clock.monotonicMs();
    return this.lastDurationMs = this.lastMs - startedMs;
  }
}
