import type { SpanContext } from "./tracing.ts";

interface RangedSpan {
  readonly from: number;
  readonly to: number;
  readonly context: SpanContext;
}

/**
 * The latest spans that have each dealt with a range of numbers, such as times or outbox ids, so that later
 * work on these numbers can name them. It holds a bounded number of them.
 */
export class RangedSpans {
  private readonly spans: RangedSpan[] = [];
  private next = 0;

  /** @param max How many are remembered. */
  constructor(private readonly max: number) {}

  /** Notes a span that has dealt with `[from, to)`. */
  add(from: number, to: number, context: SpanContext): void {
    this.spans[this.next] = { from, to, context };
    this.next = (this.next + 1) % this.max;
  }

  /** The spans that have dealt with any of `[from, to)`, the latest first, and `limit` of them at most. */
  of(from: number, to: number, limit: number): SpanContext[] {
    const found: SpanContext[] = [];
    const count = this.spans.length;
    for (let back = 1; back <= count && found.length < limit; back++) {
      const span = this.spans[(this.next - back + count) % count]!;
      if (span.from < to && from < span.to) found.push(span.context);
    }
    return found;
  }
}
