import type { Accumulator } from "../../aggregation/accumulator.ts";
import type { QuantileSketch } from "../../aggregation/quantile_sketch.ts";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { seriesOf } from "../../event/labels.ts";
import { freeMemoryOf } from "../../platform/process/memory.ts";
import { copyBytes } from "../../aggregation/series_rows.ts";
import { isFunctionId, isPercentile } from "../../event/agg_function.ts";
import { ColumnError, ColumnReader, type ColumnWriter } from "../checkpoint/columns.ts";
import { KeyColumn } from "../checkpoint/key_column.ts";
import { SketchColumns, writeSketches } from "../checkpoint/sketch_columns.ts";

/** Rows of a segment at most. */
export const SEGMENT_ROWS = 4096;

/** The greatest revision that fits a segment and an `int` of PostgreSQL. */
export const REVISION_MAX = 2 ** 31 - 1;

/** A row of a segment, besides its accumulator. */
export interface SegmentRow {
  /** Hash of (name, function); the rows of a segment are in the order of its unsigned value. */
  readonly hash: number;
  /**
   * The key of the series as UTF-8, see `labels.ts`. It is a range, since a view for each row would be a
   * hundred thousand objects for the garbage collector.
   */
  readonly names: Uint8Array;
  readonly nameStart: number;
  readonly nameLength: number;
  readonly revision: number;
  /** Events that the revision before counts already; 0 for revision 0. */
  readonly previousCount: number;
  /** Bits of the sinks the aggregate goes to. */
  readonly sinks: number;
  /** Those of `sinks` that did not get the revision before. */
  readonly newSinks: number;
}

/**
 * A run of closed aggregates of one window, in columns. It serves as the outbox, from which sinks take
 * values, and as the archive, which late events correct. So it has the accumulators, not only the values.
 */
export class SegmentBuilder {
  private readonly hash = new Int32Array(SEGMENT_ROWS);
  private readonly functionId = new Int32Array(SEGMENT_ROWS);
  private readonly x = new Float64Array(SEGMENT_ROWS);
  private readonly y = new Float64Array(SEGMENT_ROWS);
  private readonly count = new Float64Array(SEGMENT_ROWS);
  private readonly previousCount = new Float64Array(SEGMENT_ROWS);
  private readonly revision = new Int32Array(SEGMENT_ROWS);
  private readonly sinks = new Int32Array(SEGMENT_ROWS);
  private readonly newSinks = new Int32Array(SEGMENT_ROWS);
  private readonly nameLength = new Uint16Array(SEGMENT_ROWS);
  private names = new Uint8Array(SEGMENT_ROWS * 32);
  private namesLength = 0;
  private readonly sketches: QuantileSketch[] = [];
  private rows = 0;

  get rowCount(): number {
    return this.rows;
  }

  get isFull(): boolean {
    return this.rows === SEGMENT_ROWS;
  }

  /** Union of the rows' sinks. */
  get sinkBits(): number {
    let bits = 0;
    for (let row = 0; row < this.rows; row++) bits |= this.sinks[row]!;
    return bits;
  }

  get firstHash(): number {
    return this.hash[0]! >>> 0;
  }

  get lastHash(): number {
    return this.hash[this.rows - 1]! >>> 0;
  }

  add(accumulator: Accumulator, row: SegmentRow): void {
    if (row.revision > REVISION_MAX) throw new RangeError(`no revision after ${REVISION_MAX}`);
    const i = this.rows++;
    this.functionId[i] = accumulator.functionId;
    this.x[i] = accumulator.x;
    this.y[i] = accumulator.y;
    this.count[i] = accumulator.count;
    if (accumulator.sketch) this.sketches.push(accumulator.sketch);
    this.hash[i] = row.hash;
    this.previousCount[i] = row.previousCount;
    this.revision[i] = row.revision;
    this.sinks[i] = row.sinks;
    this.newSinks[i] = row.newSinks;
    const { nameLength } = row;
    this.nameLength[i] = nameLength;
    if (this.namesLength + nameLength > this.names.length) {
      const grown = new Uint8Array(Math.max(this.names.length * 2, this.namesLength + nameLength));
      grown.set(this.names);
      this.names = grown;
    }
    copyBytes(row.names, row.nameStart, nameLength, this.names, this.namesLength);
    this.namesLength += nameLength;
  }

  /** The segment's blob, valid until `writer` is used again; empties the builder. */
  finish(writer: ColumnWriter): Uint8Array {
    const { rows } = this;
    writer.write(this.hash.subarray(0, rows));
    writer.write(this.functionId.subarray(0, rows));
    writer.write(this.x.subarray(0, rows));
    writer.write(this.y.subarray(0, rows));
    writer.write(this.count.subarray(0, rows));
    writer.write(this.previousCount.subarray(0, rows));
    writer.write(this.revision.subarray(0, rows));
    writer.writeMasks(this.sinks.subarray(0, rows));
    writer.writeMasks(this.newSinks.subarray(0, rows));
    writer.write(this.nameLength.subarray(0, rows));
    writer.write(this.names.subarray(0, this.namesLength));
    writeSketches(writer, this.sketches);
    this.clear();
    return writer.finish();
  }

  clear(): void {
    this.rows = 0;
    this.namesLength = 0;
    this.sketches.length = 0;
  }
}

/** A segment that was read. Rows are addressed by their index. */
export class Segment {
  readonly rowCount: number;
  readonly previousCount: Float64Array;
  readonly count: Float64Array;
  readonly revision: Int32Array;
  readonly sinks: Int32Array;
  readonly newSinks: Int32Array;
  readonly functionId: Int32Array;
  /** Of (name, function), see {@link SegmentRow.hash}. */
  readonly hash: Int32Array;
  /** Of the series. */
  readonly keys: KeyColumn;

  private readonly x: Float64Array;
  private readonly y: Float64Array;
  private readonly sketches: SketchColumns;

  /** @throws {ColumnError} The blob is damaged. */
  constructor(private readonly blob: Uint8Array) {
    const reader = new ColumnReader(blob);
    this.hash = reader.int32();
    this.functionId = reader.int32();
    this.x = reader.float64();
    this.y = reader.float64();
    this.count = reader.float64();
    this.previousCount = reader.float64();
    this.revision = reader.int32();
    this.sinks = reader.masks();
    this.newSinks = reader.masks();
    const nameLength = reader.uint16();
    const names = reader.uint8();
    this.rowCount = this.hash.length;
    const columns = [
      this.functionId,
      this.x,
      this.y,
      this.count,
      this.previousCount,
      this.revision,
      this.sinks,
    ];
    if ([...columns, this.newSinks, nameLength].some((column) => column.length !== this.rowCount)) {
      throw new ColumnError("the columns of a segment differ in length");
    }
    if (!this.functionId.every(isFunctionId)) throw new ColumnError("a segment names an unknown function");
    this.keys = new KeyColumn(names, nameLength);
    this.sketches = new SketchColumns(reader, this.functionId);
  }

  /**
   * A number that tells the series of a row and its function apart from others: 32 bits of hash, 11 of the
   * key's length, and 10 of the function.
   */
  mark(row: number): number {
    const length = this.keys.length(row) & 0x7ff;
    return ((this.hash[row]! >>> 0) * 2048 + length) * 1024 + (this.functionId[row]! & 0x3ff);
  }

  /** Name and labels. */
  series(row: number): Pick<Aggregate, "name" | "labels"> {
    return seriesOf(this.keys.text(row));
  }

  accumulator(row: number): Accumulator {
    const functionId = this.functionId[row]!;
    return {
      functionId,
      x: this.x[row]!,
      y: this.y[row]!,
      count: this.count[row]!,
      sketch: isPercentile(functionId) ? this.sketches.of(row) : undefined,
    };
  }

  /** Of the blob. */
  get byteLength(): number {
    return this.blob.byteLength;
  }

  /** Frees the memory of the blob. No row can be read afterwards. */
  release(): void {
    freeMemoryOf(this.blob);
  }

  /** The row of a series, or -1. */
  find(hash: number, functionId: number, nameBytes: Uint8Array): number {
    const sought = hash >>> 0;
    let low = 0;
    let high = this.rowCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.hash[middle]! >>> 0 < sought) low = middle + 1;
      else high = middle;
    }
    for (let row = low; row < this.rowCount && this.hash[row] === hash; row++) {
      if (this.functionId[row] === functionId && areEqual(this.keys.bytesOf(row), nameBytes)) return row;
    }
    return -1;
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at === a.length && at === b.length;
}
