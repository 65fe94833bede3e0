import { type AloneText, type EventBatch, INT_COLUMNS } from "./event_batch.ts";

/** Of an event: its columns. */
const EVENT_BYTES = INT_COLUMNS.length * Int32Array.BYTES_PER_ELEMENT + 2 * Float64Array.BYTES_PER_ELEMENT;

/** What records were decoded to, apart from the batch that it was decoded into. It is never changed. */
export class DecodedEvents {
  private constructor(
    private readonly count: number,
    private readonly total: number,
    private readonly surplus: number,
    /** One column of {@link INT_COLUMNS} after the other. */
    private readonly ints: Int32Array,
    private readonly value: Float64Array,
    private readonly timeMs: Float64Array,
    private readonly extra: Uint8Array,
    private readonly alone: AloneText | undefined,
  ) {}

  /** What a batch holds; undefined: some of it is invalid, or would take more memory than columns. */
  static of(batch: EventBatch): DecodedEvents | undefined {
    const { alone: [alone], count, extra, extraLength, surplus, timeMs, total, value } = batch;
    if (batch.invalid.length > 0) return undefined;
    for (let i = 1; i < count; i++) if (batch.alone[i] !== alone) return undefined;
    const ints = new Int32Array(INT_COLUMNS.length * count);
    for (const [i, column] of INT_COLUMNS.entries()) ints.set(batch[column].subarray(0, count), i * count);
    return new DecodedEvents(
      count,
      total,
      surplus,
      ints,
      value.slice(0, count),
      timeMs.slice(0, count),
      extra.slice(0, extraLength),
      alone,
    );
  }

  /** Memory that it takes. */
  get byteLength(): number {
    return this.count * EVENT_BYTES + this.extra.length;
  }

  /**
   * Adds the events to those of a batch.
   *
   * @param offset Where the bytes that the records were decoded from begin in those of the batch.
   */
  addTo(batch: EventBatch, offset: number): void {
    const { alone, count, extra, ints, timeMs, value } = this;
    const { count: base, extraLength, total } = batch;
    batch.reserve(count);
    batch.reserveExtra(extra.length);
    batch.extra.set(extra, extraLength);
    batch.extraLength += extra.length;
    for (const [i, column] of INT_COLUMNS.entries()) {
      batch[column].set(ints.subarray(i * count, (i + 1) * count), base);
    }
    batch.value.set(value, base);
    batch.timeMs.set(timeMs, base);
    const { idStart, lineStart, nameStart, position, rawEnd, rawStart } = batch;
    for (let i = base; i < base + count; i++) {
      position[i]! += total;
      rawStart[i]! += offset;
      rawEnd[i]! += offset;
      // A start below 0 is one in `extra`, see EventBatch.
      nameStart[i]! += nameStart[i]! < 0 ? -extraLength : offset;
      idStart[i]! += idStart[i]! < 0 ? -extraLength : offset;
      lineStart[i]! += lineStart[i]! < 0 ? -extraLength : offset;
      if (alone !== undefined) batch.alone[i] = alone;
    }
    batch.count += count;
    batch.total += this.total;
    batch.surplus += this.surplus;
  }
}
