/** The relative error of a quantile at most. */
const RELATIVE_ERROR = 0.01;
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/**
 * Logarithm of the factor by which the upper end of a bin exceeds the value that has the same relative
 * distance to both ends.
 */
const LOG_MIDDLE = Math.log((GAMMA + 1) / 2);
/**
 * Greater than any bin of a double. So one integer orders all bins: negative values, zero, positive values.
 */
const BIN_ORIGIN = 40_000;
/** Smallest normal double: what is smaller counts as zero. */
const MIN_NORMAL = 2 ** -1022;

/**
 * DDSketch (Masson, Rim, Lee 2019, https://arxiv.org/abs/1908.10693) with sparse bins: memory follows the
 * number of different magnitudes seen, and two sketches join without loss.
 */
export class QuantileSketch {
  /** Bin → number of values in it. */
  readonly bins: Map<number, number> = new Map();

  add(value: number): void {
    const bin = binOf(value);
    this.bins.set(bin, (this.bins.get(bin) ?? 0) + 1);
  }

  merge(other: QuantileSketch): void {
    for (const [bin, count] of other.bins) this.bins.set(bin, (this.bins.get(bin) ?? 0) + count);
  }

  /**
   * The value at rank `quantile · (count - 1)`, rounded down. At least one value must have been added.
   *
   * @param perMillion The quantile in parts per million: whole numbers, since 0.29 · 100 is not 29 in
   * doubles.
   */
  quantile(perMillion: number): number {
    let count = 0;
    for (const inBin of this.bins.values()) count += inBin;
    const rank = perMillion * (count - 1) / 1_000_000;
    let below = 0;
    let last = 0;
    for (const bin of [...this.bins.keys()].sort((a, b) => a - b)) {
      below += this.bins.get(bin)!;
      last = bin;
      if (below > rank) break;
    }
    return valueOfBin(last);
  }
}

/** Whether a number read from outside (a state file) is a bin. */
export function isBin(bin: number): boolean {
  return Number.isInteger(bin) && Math.abs(bin) < BIN_ORIGIN * 2;
}

function binOf(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < MIN_NORMAL) return 0;
  const bin = BIN_ORIGIN + Math.ceil(Math.log(magnitude) / LOG_GAMMA);
  return value < 0 ? -bin : bin;
}

function valueOfBin(bin: number): number {
  if (bin === 0) return 0;
  // The division happens in the exponent: the upper end of the last bins, and the middle of the very last
  // one, are greater than any double.
  const magnitude = Math.exp((Math.abs(bin) - BIN_ORIGIN) * LOG_GAMMA - LOG_MIDDLE);
  return Math.sign(bin) * Math.min(magnitude, Number.MAX_VALUE);
}
