/** Writes that have to pass with fewer rows before more are tried: another that takes too long costs a minute. */
const WRITES_BEFORE_GROWTH = 16;

/** Aggregates a write: fewer after one that took too long, and more again once these have passed for a while. */
export class BatchSize {
  private current: number;
  /** Writes in a row that have passed at this limit. */
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

  /** As many as there may be, from the next write on. */
  restore(): void {
    this.set(this.max);
  }

  private set(limit: number): void {
    this.current = Math.min(this.max, Math.max(1, limit));
    this.writesAtLimit = 0;
  }
}
