import type { EventBatch } from "../../event/event_batch.ts";
import { TRACEPARENT } from "../../platform/telemetry/traceparent.ts";
import type { PartitionFeed } from "./partition_feed.ts";
import type { RecordColumns } from "./record_columns.ts";

/** Records with longer keys and values are refused, so that memory is bounded. Bytes. */
export const RECORD_MAX_BYTES = 1024 * 1024;
/** What is kept of the value of a record that is refused for its length, and of a key. */
const BEGINNING_BYTES = 64 * 1024;
/** Values that are taken at once. More than a record may have. */
const TAKEN_MAX_BYTES = 16 * 1024 * 1024;
/** Bytes of the batches of the bus that are taken from at once. Two batches may have more. */
const SOURCES_MAX_BYTES = 32 * 1024 * 1024;
const NEWLINE = 0x0a;
const DECODER = new TextDecoder();

/** Records that follow each other in one batch of the bus, and share its bytes. */
interface Run {
  readonly bytes: Uint8Array;
  /** Index of its first record. */
  readonly first: number;
  /** Bytes of its values that are kept, and of a line break behind each. */
  kept: number;
}

/** Records that were taken of a feed. Records without a value are no events and are left out. */
export class TakenRecords {
  count = 0;
  private keptBytes = 0;
  private sourceBytes = 0;
  private readonly runs: Run[] = [];

  /** @param columns For their numbers. Nobody else may use them as long as the records are needed. */
  constructor(private readonly columns: RecordColumns) {}

  /**
   * @param upstream Gets the traces that the records belong to; undefined: nobody asks for them.
   *
   * @throws {SourceError}
   */
  take(feed: PartitionFeed, limit: number, upstream: EventBatch["upstream"]): void {
    const { columns, runs } = this;
    let run: Run | undefined;
    while (this.count < limit && this.keptBytes < TAKEN_MAX_BYTES && !this.hasManySources) {
      let record: ReturnType<PartitionFeed["next"]>;
      try {
        record = feed.next();
      } catch (error) {
        // What lies before a fault is taken first. The next read comes to the fault.
        if (this.count > 0) return;
        throw error;
      }
      if (record === undefined) return;
      if (record.valueLength < 0) continue;
      const index = this.count++;
      if (run === undefined || run.bytes !== record.bytes) {
        run = { bytes: record.bytes, first: index, kept: 0 };
        runs.push(run);
        this.sourceBytes += record.bytes.length;
      }
      columns.reserve(this.count);
      columns.run[index] = runs.length - 1;
      columns.start[index] = record.valueStart;
      columns.length[index] = record.valueLength;
      columns.keyStart[index] = record.keyStart;
      columns.keyLength[index] = record.keyLength;
      columns.offset[index] = record.offset;
      columns.timeMs[index] = record.timeMs;
      const kept = this.keptOf(index);
      this.keptBytes += kept;
      run.kept += kept + 1;
      if (upstream?.isFull === false) upstream.note(record.header(TRACEPARENT));
    }
  }

  /** A batch with large headers and small values is taken from to its end, but the next one not with it. */
  private get hasManySources(): boolean {
    return this.sourceBytes > SOURCES_MAX_BYTES && this.runs.length > 1;
  }

  /** Whether a record is too long. */
  isLong(index: number): boolean {
    return this.sizeOf(index) > RECORD_MAX_BYTES;
  }

  /** Bytes of key and value. */
  sizeOf(index: number): number {
    const { keyLength, length } = this.columns;
    return Math.max(0, keyLength[index]!) + length[index]!;
  }

  /** Bytes of the value that are kept. */
  keptOf(index: number): number {
    const length = this.columns.length[index]!;
    return this.isLong(index) ? Math.min(length, BEGINNING_BYTES) : length;
  }

  /** Where the value begins in what {@link copyValues} returns. */
  copyOf(index: number): number {
    return this.columns.copy[index]!;
  }

  offsetOf(index: number): number {
    return this.columns.offset[index]!;
  }

  /** Unix ms; -1: the record has none. */
  timeMsOf(index: number): number {
    return this.columns.timeMs[index]!;
  }

  /** Undefined: it has none. A longer key is cut off: it is no part of any name or label. */
  keyOf(index: number): string | undefined {
    const { keyLength, keyStart, run } = this.columns;
    const length = keyLength[index]!;
    if (length < 0) return undefined;
    const start = keyStart[index]!;
    const { bytes } = this.runs[run[index]!]!;
    return DECODER.decode(bytes.subarray(start, start + Math.min(length, BEGINNING_BYTES)));
  }

  /** Copies what is kept of the values, each with a line break behind it. */
  copyValues(): Uint8Array<ArrayBuffer> {
    const sizes = this.runs.map((run, number) => this.isDense(number) ? this.spanOf(number) : run.kept);
    const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    for (const [number, size] of sizes.entries()) {
      if (this.isDense(number)) this.copyWhole(number, bytes, at);
      else this.copyOneByOne(number, bytes, at);
      at += size;
    }
    return bytes;
  }

  /** The values with all that stands between them: one copy of much is cheaper than many of little. */
  private copyWhole(number: number, bytes: Uint8Array, at: number): void {
    const { copy, start } = this.columns;
    const { bytes: source, first } = this.runs[number]!;
    const from = start[first]!;
    bytes.set(source.subarray(from, from + this.spanOf(number) - 1), at);
    for (let i = first; i < this.endOf(number); i++) {
      copy[i] = at + start[i]! - from;
      // What stands behind a value was read before.
      bytes[copy[i]! + this.keptOf(i)] = NEWLINE;
    }
  }

  private copyOneByOne(number: number, bytes: Uint8Array, at: number): void {
    const { copy, start } = this.columns;
    const { bytes: source, first } = this.runs[number]!;
    for (let i = first; i < this.endOf(number); i++) {
      const kept = this.keptOf(i);
      copy[i] = at;
      bytes.set(source.subarray(start[i], start[i]! + kept), at);
      bytes[at + kept] = NEWLINE;
      at += kept + 1;
    }
  }

  /** Whether keys, headers and what is not kept of values are less than half. */
  private isDense(number: number): boolean {
    return this.spanOf(number) < 2 * this.runs[number]!.kept;
  }

  /** Bytes from the first value of a run to its last one, with a line break behind it. */
  private spanOf(number: number): number {
    const { length, start } = this.columns;
    const last = this.endOf(number) - 1;
    return start[last]! + length[last]! + 1 - start[this.runs[number]!.first]!;
  }

  private endOf(number: number): number {
    return this.runs[number + 1]?.first ?? this.count;
  }
}
