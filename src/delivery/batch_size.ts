/** Writes that must succeed before more aggregates are tried: each write that times out costs a minute. */
const WRITES_BEFORE_GROWTH = 16;

/**
 * Aggregates per write: fewer after a write that took too long, and more again after some successful writes.
 */
export class BatchSize {
  private current: number;
  /** Writes in a row that have succeeded at this limit. */
  private writesAtLimit = 0;

  constructor(private readonly max: number) {
    this.current = max;
  }

  /** The most at the moment. */
  get limit(): number {
    return this.current;
  }

  passed(aggregates: number): void {
    if (aggregates >= this.current && ++this.writesAtLimit >= WRITES_BEFORE_GROWTH) {
      this.set(2 * this.current);
    }
  }

  tookTooLong(aggregates: number): void {
    this.set(aggregates >> 1);
  }

  /** Sets the maximum from the next write on. */
  restore(): void {
    this.set(this.max);
  }

  private set(limit: number): void {
    this.current = Math.min(this.max, Math.max(1, limit));
    this.writesAtLimit = 0;
  }
}
