/** Offsets of a partition, `[from, to)`. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}
