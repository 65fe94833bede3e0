import type { AbortedTransaction, FetchedRecords } from "./fetch_request.ts";
import {
  assertUndamaged,
  batchEnd,
  isAbort,
  readBatch,
  type RecordBatch,
  RecordCursor,
  recordsOf,
} from "./record_batch.ts";
import { WireFault } from "../../platform/kafka/wire_reader.ts";

/** Where a batch has the epoch of the leader that has written it. */
const EPOCH_AT = 12;

/**
 * A broker has sent records beyond the end that it tells. It looks at the end first, so both may be right:
 * then its next answer has an end that fits.
 */
export class BeyondEnd extends WireFault {}

/**
 * Records of a partition as a broker has sent them, read in order. Records of transactions that were given
 * up, and those of the broker itself, are passed over.
 */
export class FetchedChunk {
  /** The offset after the last batch. */
  readonly end: number;
  /** The epoch of the leader that has written the last batch. */
  readonly epoch: number;
  /** The offset up to which all was read. */
  at: number;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  /** Where the batch that is read begins, and where the next one does. */
  private batchAt = 0;
  private byteAt = 0;
  private cursor: RecordCursor | undefined;
  private batch: RecordBatch | undefined;
  private readonly aborted: AbortedTransaction[];
  private readonly abortedProducers = new Set<number>();

  /**
   * @param from The offset that was asked for.
   * @param unpacked Told how many bytes of records it holds whose compression is undone, at each change.
   *
   * @throws {WireFault}
   */
  constructor(
    readonly from: number,
    { batches, aborted, end: partitionEnd }: Pick<FetchedRecords, "batches" | "aborted" | "end">,
    private readonly unpacked: (bytes: number) => void,
  ) {
    const view = new DataView(batches.buffer, batches.byteOffset, batches.byteLength);
    this.at = from;
    this.aborted = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
    let last = from - 1;
    let epoch = -1;
    let start = 0;
    try {
      for (let end: number | undefined; (end = batchEnd(view, start)) !== undefined; start = end) {
        const { firstOffset, lastOffset } = readBatch(batches, start, end);
        // The first batch may begin before what was asked for.
        if (lastOffset < from || (start > 0 && firstOffset <= last)) {
          throw new WireFault("has records at offsets that were not asked for");
        }
        if (lastOffset >= partitionEnd) {
          throw new BeyondEnd(
            `has records up to offset ${lastOffset}, and says that it ends at ${partitionEnd}`,
          );
        }
        last = lastOffset;
        epoch = view.getInt32(start + EPOCH_AT);
      }
    } catch (error) {
      // What lies before a fault is read first. Then the fault is fetched as the beginning of a chunk.
      if (start === 0) throw error;
    }
    if (start === 0) throw new WireFault("has the beginning of a batch of records only");
    this.end = last + 1;
    this.epoch = epoch;
    // A copy, where the memory of the whole answer would stay because of a small part of it.
    const whole = batches.subarray(0, start);
    this.bytes = 2 * start < batches.buffer.byteLength ? new Uint8Array(whole) : whole;
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, start);
  }

  /** The epoch of the leader that has written the last record that was read; undefined: none was. */
  get epochTaken(): number | undefined {
    const { bytes, view } = this;
    let found: number | undefined;
    for (let start = 0, end: number | undefined; (end = batchEnd(view, start)) !== undefined; start = end) {
      if (readBatch(bytes, start, end).firstOffset >= this.at) break;
      found = view.getInt32(start + EPOCH_AT);
    }
    return this.at > this.from ? found : undefined;
  }

  /** Bytes of records as they are stored. */
  get storedBytes(): number {
    return this.bytes.length;
  }

  /** Lets go the records whose compression is undone. It is undone again when the next record is wanted. */
  letGoUnpacked(): void {
    if (this.cursor === undefined) return;
    this.cursor = this.batch = undefined;
    this.byteAt = this.batchAt;
    this.unpacked(0);
  }

  /** The next record; undefined: there is none left. @throws {WireFault} */
  next(): RecordCursor | undefined {
    for (;;) {
      const { cursor, batch } = this;
      if (cursor !== undefined && cursor.next()) {
        // What was read before a restart.
        if (cursor.offset < this.at) continue;
        this.at = cursor.offset + 1;
        return cursor;
      }
      if (batch !== undefined) this.at = Math.max(this.at, batch.lastOffset + 1);
      if (!this.openBatch()) return undefined;
    }
  }

  private openBatch(): boolean {
    const end = batchEnd(this.view, this.byteAt);
    if (this.batch?.codec !== undefined) this.unpacked(0);
    this.cursor = this.batch = undefined;
    if (end === undefined) return false;
    const batch = this.batch = readBatch(this.bytes, this.byteAt, end);
    assertUndamaged(batch);
    this.batchAt = this.byteAt;
    this.byteAt = end;
    if (this.isPassedOver(batch)) return true;
    const records = recordsOf(batch);
    this.cursor = new RecordCursor(batch, records);
    if (batch.codec !== undefined) this.unpacked(records.length);
    return true;
  }

  /** As the client of Kafka itself does it: a transaction is given up from its first record to its marker. */
  private isPassedOver(batch: RecordBatch): boolean {
    const { aborted, abortedProducers } = this;
    while (aborted.length > 0 && aborted[0]!.firstOffset <= batch.lastOffset) {
      abortedProducers.add(aborted.shift()!.producerId);
    }
    if (batch.isControl) {
      if (abortedProducers.has(batch.producerId) && isAbort(batch)) abortedProducers.delete(batch.producerId);
      return true;
    }
    return batch.isTransactional && abortedProducers.has(batch.producerId);
  }
}
