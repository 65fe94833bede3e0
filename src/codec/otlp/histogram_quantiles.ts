/** A range of values and how many of them were observed. */
export interface Bucket {
  /** May be -Infinity. */
  readonly low: number;
  /** May be Infinity. */
  readonly high: number;
  readonly count: number;
}

/** The least and the greatest observed value; undefined: not known. */
export interface Extremes {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/**
 * A quantile of what is in buckets, in their order: it lies within a bucket as if the values were spread
 * evenly over it. A bucket without a bound is as narrow as the extremes say, or else just its other bound.
 * Undefined: there is nothing in them, or no bound at all.
 */
export function quantileOf(
  quantile: number,
  buckets: readonly Bucket[],
  { min, max }: Extremes,
): number | undefined {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  const rank = quantile * total;
  let below = 0;
  for (const { low, high, count } of buckets) {
    if (count === 0 || below + count < rank) {
      below += count;
      continue;
    }
    const from = Math.max(low, min ?? low);
    const to = Math.min(high, max ?? high);
    const value = Number.isFinite(from) && Number.isFinite(to)
      ? from + (to - from) * ((rank - below) / count)
      : Number.isFinite(from)
      ? from
      : to;
    return Number.isFinite(value) ? value : undefined;
  }
  return undefined;
}

/** Buckets between bounds that ascend; there is one count more than there are bounds. */
export function explicitBuckets(bounds: readonly number[], counts: readonly number[]): Bucket[] {
  return counts.map((count, i) => ({ low: bounds[i - 1] ?? -Infinity, high: bounds[i] ?? Infinity, count }));
}

/** One half of an exponential histogram: counts of the buckets from `offset` on. */
export interface ExponentialHalf {
  readonly offset: number;
  readonly counts: readonly number[];
}

/** Bucket i has the values above base^i up to base^(i + 1), where base is 2^(2^-scale). */
export function exponentialBuckets(
  scale: number,
  zeroCount: number,
  positive: ExponentialHalf,
  negative: ExponentialHalf,
): Bucket[] {
  const bound = (index: number) => 2 ** (index * 2 ** -scale);
  const upwards = positive.counts.map((count, i) => ({
    low: bound(positive.offset + i),
    high: bound(positive.offset + i + 1),
    count,
  }));
  const downwards = negative.counts.map((count, i) => ({
    low: -bound(negative.offset + i + 1),
    high: -bound(negative.offset + i),
    count,
  }));
  return [...downwards.reverse(), { low: 0, high: 0, count: zeroCount }, ...upwards];
}
