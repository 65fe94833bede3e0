/** Counts of observations by upper bound, as Prometheus has them. */
export class Histogram {
  /** Observations up to each bound and above the one before. The last one counts those above all bounds. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(readonly bounds: readonly number[]) {
    this.counts = Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const bucket = this.bounds.findIndex((bound) => value <= bound);
    this.counts[bucket < 0 ? this.bounds.length : bucket]!++;
    this.sum += value;
    this.count++;
  }
}
