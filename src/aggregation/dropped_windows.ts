import { lengthOf, type Tier } from "./tier.ts";

/** From the start of a window to the end of one. Unix ms. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** Spans of one tier at most. Beyond it, the two with the least gap between them are joined. */
const SPANS_MAX = 64;

/**
 * The windows whose closed aggregates have been deleted. A later event for one of them is late: it could only
 * replace the aggregate in the sinks by a wrong one. For each length of windows there are spans in which they
 * end: where a wrong clock closed windows days ahead, the spans say nothing about the windows before those. A
 * gap that is too small to be kept counts as deleted too. Immutable.
 */
export class DroppedWindows {
  /**
   * @param spans By the length of the windows, ms; disjoint, in the order of time.
   * @param spansOfAll Of windows of every length: states of before schema 7 did not tell them apart.
   */
  constructor(
    readonly spans: ReadonlyMap<number, readonly Span[]> = new Map(),
    readonly spansOfAll: readonly Span[] = [],
  ) {}

  /** Whether the window of that length that ends at `endMs` has been deleted. */
  has(lengthMs: number, endMs: number): boolean {
    return includes(this.spansOfAll, endMs) || includes(this.spans.get(lengthMs) ?? [], endMs);
  }

  /** @param tiers The present ones: where windows hop, they end more often than they are long. */
  with(windows: readonly Span[], tiers: readonly Tier[]): DroppedWindows {
    if (windows.length === 0) return this;
    const spans = new Map(this.spans);
    for (const [lengthMs, ofLength] of Map.groupBy(windows, lengthOf)) {
      const { hopMs } = tiers.find((tier) => tier.lengthMs === lengthMs) ?? { hopMs: lengthMs };
      const ended = ofLength.map(({ endMs }) => ({ startMs: endMs - hopMs, endMs }));
      spans.set(lengthMs, joined([...spans.get(lengthMs) ?? [], ...ended]));
    }
    return new DroppedWindows(spans, this.spansOfAll);
  }
}

function includes(spans: readonly Span[], endMs: number): boolean {
  if (endMs > (spans.at(-1)?.endMs ?? -Infinity)) return false;
  return spans.some((span) => span.startMs < endMs && endMs <= span.endMs);
}

function joined(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    const last = joined.at(-1);
    if (last === undefined || span.startMs > last.endMs) joined.push(span);
    else joined[joined.length - 1] = { ...last, endMs: Math.max(last.endMs, span.endMs) };
  }
  while (joined.length > SPANS_MAX) joinNearest(joined);
  return joined;
}

function joinNearest(spans: Span[]): void {
  let nearest = 1;
  const gapBefore = (i: number) => spans[i]!.startMs - spans[i - 1]!.endMs;
  for (let i = 2; i < spans.length; i++) if (gapBefore(i) < gapBefore(nearest)) nearest = i;
  spans.splice(nearest - 1, 2, { startMs: spans[nearest - 1]!.startMs, endMs: spans[nearest]!.endMs });
}
