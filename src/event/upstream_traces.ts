/** Traces that one batch names at most. */
const UPSTREAM_MAX = 32;
/** A `traceparent` has 55 characters; one of a later version may have more. */
const TEXT_MAX_LENGTH = 256;

/**
 * The traces of others that the records of a batch belong to: each `traceparent` once, as the records have
 * it. The texts are unchecked. Their number and length are bounded.
 */
export class UpstreamTraces {
  private readonly found = new Set<string>();

  /** @param traceparent Undefined: the record has none. */
  note(traceparent: string | undefined): void {
    if (traceparent === undefined || this.isFull || traceparent.length > TEXT_MAX_LENGTH) return;
    this.found.add(traceparent);
  }

  /** Whether others are left out, so that nobody needs to look for them. */
  get isFull(): boolean {
    return this.found.size >= UPSTREAM_MAX;
  }

  /** In the order of the records. */
  texts(): string[] {
    return [...this.found];
  }

  clear(): void {
    this.found.clear();
  }
}
