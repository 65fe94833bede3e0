const FIRST_MS = 100;
const MAX_MS = 30_000;

/** Waiting times between failed attempts: exponential with full jitter, 0.1 to 30 s. */
export class Backoff {
  private failures = 0;

  constructor(private readonly random: () => number) {}

  /** Failures in a row. */
  get attempts(): number {
    return this.failures;
  }

  /** Counts a failure. Returns how long to wait after it, `atLeastMs` at least. */
  nextMs(atLeastMs = 0): number {
    const ceilingMs = Math.min(MAX_MS, FIRST_MS * 2 ** this.failures);
    this.failures++;
    return Math.max(atLeastMs, FIRST_MS, this.random() * ceilingMs);
  }

  /** Whether this failure is worth a log line: the first ones, then ever fewer. */
  shouldReport(): boolean {
    return this.failures <= 3 || Number.isInteger(Math.log2(this.failures));
  }

  reset(): void {
    this.failures = 0;
  }
}
