import type { Clock } from "../platform/clock/clock.ts";

/**
 * The share of time that checkpoints take at most. Each owes the time that makes it this share, and one that
 * comes by the interval waits until nothing is owed.
 */
const SHARE = 0.1;
/**
 * Windows that are due, and requests that are left, do not wait for the interval. Between two checkpoints for
 * such lies what the first of them owes, and at least this. They do not wait for what others owe: an interval
 * may end right before a window does, and its rows are awaited.
 */
const PRESSING_PAUSE_MS = 50;
/** How long a checkpoint of the interval is left to one that closes windows, where that is to come soon. */
const PATIENCE_MS = 100;
const RETRY_MS = 1000;

/** Decides when the next checkpoint is due. All times are of the monotonic clock. */
export class CheckpointSchedule {
  private lastMs: number;
  /** When the time that all checkpoints owe is over. */
  private owedUntilMs = 0;
  /** When the time is over that the last one owes which something pressed for. */
  private restUntilMs: number;
  /** When the state was last changed. {@link lastMs} also moves where there was nothing to write. */
  private lastWrittenMs: number;
  private hasFailed = false;

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {
    this.lastMs = this.lastWrittenMs = clock.monotonicMs();
    this.restUntilMs = this.lastMs + PRESSING_PAUSE_MS;
  }

  /**
   * @param isCrowded Whether a checkpoint is needed to free memory.
   * @param isPressing Whether windows are due or requests are left. Called only where the answer matters, as
   * is the next one.
   * @param isSoonPressing Whether windows will be due in a moment. They would wait for a checkpoint that is
   * being made.
   */
  isDue(
    intervalMs: number,
    isCrowded: boolean,
    isPressing: () => boolean,
    isSoonPressing: () => boolean,
  ): boolean {
    const nowMs = this.clock.monotonicMs();
    const sinceMs = nowMs - this.lastMs;
    if (this.hasFailed) return sinceMs >= RETRY_MS;
    if (isCrowded || (nowMs >= this.restUntilMs && isPressing())) return true;
    if (sinceMs < intervalMs || nowMs < this.owedUntilMs) return false;
    return sinceMs >= intervalMs + PATIENCE_MS || !isSoonPressing();
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
    this.restUntilMs = Math.max(this.restUntilMs, nowMs + PRESSING_PAUSE_MS);
  }

  /**
   * Notes that a checkpoint was written. Returns how long it took.
   *
   * @param isPressing Whether it closed windows or fulfilled requests.
   */
  written(startedMs: number, isPressing: boolean): number {
    this.hasFailed = false;
    this.lastWrittenMs = startedMs;
    const nowMs = this.lastMs = this.clock.monotonicMs();
    const tookMs = nowMs - startedMs;
    const owedMs = tookMs / SHARE;
    this.owedUntilMs = Math.max(this.owedUntilMs, nowMs) + owedMs;
    if (isPressing) this.restUntilMs = nowMs + Math.max(PRESSING_PAUSE_MS, owedMs);
    return tookMs;
  }
}
