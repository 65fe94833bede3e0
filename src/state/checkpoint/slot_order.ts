import { type OpenWindows, PAGE_SHIFT, PAGE_SLOTS } from "../../aggregation/open_windows.ts";

/** Rows sorted at a time: the sort key has 32 bits for the hash and 21 for the row. */
export const SORTED_PAGES = (1 << 21) / PAGE_SLOTS;
const ROW_RANGE = 1 << 21;
/** Rows that are sorted as one, about. A power of two. */
const BUCKET_ROWS = 1 << 11;
/** Rows whose hash is looked up, or which are sorted, in the time in which one is made. */
const SORTED_A_ROW = 8;

/** Counts the rows that are made, and tells when so many of them are that a step is done. */
export class RowCount {
  private count = 0;

  constructor(private readonly rowsAStep: number) {}

  isStep(rows: number): boolean {
    this.count += rows;
    if (this.count < this.rowsAStep) return false;
    this.count = 0;
    return true;
  }
}

/**
 * The slots of a window's pages in the order of their series' unsigned hash. They are first spread over
 * buckets by their hash, so that sorting is done in steps too.
 */
export function* slotsByHash(
  windows: OpenWindows,
  pages: readonly number[],
  count: RowCount,
): Generator<void, Int32Array> {
  const { pageUsed, series, slotSeries } = windows;
  const rows = pages.reduce((sum, page) => sum + pageUsed[page]!, 0);
  const bucketBits = Math.max(0, 32 - Math.clz32(Math.floor(rows / BUCKET_ROWS)));
  /** Each comes from far away in memory, so it is read once. */
  const hashes = new Int32Array(rows);
  /** Where each bucket begins; in the end, where each one ends. */
  const starts = new Int32Array((1 << bucketBits) + 1);
  let row = 0;
  for (const page of pages) {
    const end = page * PAGE_SLOTS + pageUsed[page]!;
    for (let slot = page * PAGE_SLOTS; slot < end; slot++, row++) {
      const hash = series.archiveHash(slotSeries[slot]!);
      hashes[row] = hash;
      starts[bucketOf(hash, bucketBits) + 1]!++;
    }
    if (count.isStep(pageUsed[page]! / SORTED_A_ROW)) yield;
  }
  for (let bucket = 1; bucket < starts.length; bucket++) starts[bucket]! += starts[bucket - 1]!;
  const keys = new Float64Array(rows);
  row = 0;
  for (const page of pages) {
    for (const end = row + pageUsed[page]!; row < end; row++) {
      const hash = hashes[row]!;
      keys[starts[bucketOf(hash, bucketBits)]!++] = (hash >>> 0) * ROW_RANGE + row;
    }
    if (count.isStep(pageUsed[page]! / SORTED_A_ROW)) yield;
  }
  const slots = new Int32Array(rows);
  for (let bucket = 0, at = 0; bucket < starts.length - 1; bucket++) {
    const end = starts[bucket]!;
    keys.subarray(at, end).sort();
    if (count.isStep((end - at) / SORTED_A_ROW)) yield;
    for (; at < end; at++) {
      // All pages but the last are full.
      const row = keys[at]! % ROW_RANGE;
      slots[at] = pages[row >> PAGE_SHIFT]! * PAGE_SLOTS + row % PAGE_SLOTS;
    }
  }
  return slots;
}

/** The first bits of a hash. */
function bucketOf(hash: number, bits: number): number {
  return bits === 0 ? 0 : hash >>> (32 - bits);
}
