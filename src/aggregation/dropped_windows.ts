/** From the start of a window to the end of one. Unix ms. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** Spans at most. Beyond it, the two with the least gap between them are joined. */
const SPANS_MAX = 64;

/**
 * The windows whose closed aggregates have been deleted. A later event for one of them is late: it could only
 * replace the aggregate in the sinks by a wrong one. The windows are kept as spans: where a wrong clock
 * closed windows days ahead, the spans say nothing about the windows before those. A gap that is too small to
 * be kept counts as deleted too. Immutable.
 */
export class DroppedWindows {
  /** The greatest end of a window; -Infinity: there is none. */
  readonly lastEndMs: number;

  /** @param spans Disjoint, in the order of time. */
  constructor(readonly spans: readonly Span[] = []) {
    this.lastEndMs = spans.at(-1)?.endMs ?? -Infinity;
  }

  /** Whether the window that ends at `endMs` has been deleted. */
  has(endMs: number): boolean {
    if (endMs > this.lastEndMs) return false;
    return this.spans.some((span) => span.startMs < endMs && endMs <= span.endMs);
  }

  with(windows: readonly Span[]): DroppedWindows {
    if (windows.length === 0) return this;
    const sorted = [...this.spans, ...windows].sort((a, b) => a.startMs - b.startMs);
    const joined: Span[] = [];
    for (const span of sorted) {
      const last = joined.at(-1);
      if (last === undefined || span.startMs > last.endMs) joined.push(span);
      else joined[joined.length - 1] = { ...last, endMs: Math.max(last.endMs, span.endMs) };
    }
    while (joined.length > SPANS_MAX) joinNearest(joined);
    return new DroppedWindows(joined);
  }
}

function joinNearest(spans: Span[]): void {
  let nearest = 1;
  const gapBefore = (i: number) => spans[i]!.startMs - spans[i - 1]!.endMs;
  for (let i = 2; i < spans.length; i++) if (gapBefore(i) < gapBefore(nearest)) nearest = i;
  spans.splice(nearest - 1, 2, { startMs: spans[nearest - 1]!.startMs, endMs: spans[nearest]!.endMs });
}
