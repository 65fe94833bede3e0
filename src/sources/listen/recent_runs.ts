import type { StoredRun } from "./inbox_store.ts";

/** Memory of all that are kept, by {@link sizeOf}. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Runs that were just committed, with what they were decoded to. Nearly all are read at once, and are neither
 * fetched from the file nor decoded again then. Those for which there is no room are read from the file.
 */
export class RecentRuns {
  private readonly runs = new Map<number, StoredRun>();
  private bytes = 0;

  /** Keeps a run, where there is room and something to be gained. Its bytes may be freed by their owner. */
  add(run: StoredRun): void {
    const size = sizeOf(run);
    if (run.decoded === undefined || this.bytes + size > MAX_BYTES) return;
    const { bytes, ends } = run.records;
    this.runs.set(run.first, { ...run, records: { bytes: bytes.slice(), ends } });
    this.bytes += size;
  }

  /** The run that begins at an offset. */
  at(offset: number): StoredRun | undefined {
    return this.runs.get(offset);
  }

  /** Forgets the runs that begin before an offset. */
  deleteBefore(offset: number): void {
    // They were added in order.
    for (const [first, run] of this.runs) {
      if (first >= offset) return;
      this.runs.delete(first);
      this.bytes -= sizeOf(run);
    }
  }
}

function sizeOf({ decoded, records: { bytes, ends } }: StoredRun): number {
  return bytes.length + ends.byteLength + (decoded?.byteLength ?? 0);
}
