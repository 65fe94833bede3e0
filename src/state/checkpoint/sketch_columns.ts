import { isPercentile } from "../../event/agg_function.ts";
import { isBin, QuantileSketch } from "../../aggregation/quantile_sketch.ts";
import { ColumnError, type ColumnReader, type ColumnWriter } from "./columns.ts";

/**
 * Writes the sketches of the rows that have one, as three columns: bins in each sketch, bin numbers, counts.
 */
export function writeSketches(writer: ColumnWriter, sketches: readonly (QuantileSketch | undefined)[]): void {
  const present = sketches.filter((sketch) => sketch !== undefined);
  writer.write(Int32Array.from(present, (sketch) => sketch.bins.size));
  writer.write(Int32Array.from(present.flatMap((sketch) => [...sketch.bins.keys()])));
  writer.write(Float64Array.from(present.flatMap((sketch) => [...sketch.bins.values()])));
}

/**
 * Reads back what {@link writeSketches} wrote, for the rows whose function needs a sketch. Each is made when
 * it is asked for: those of a whole batch would be tens of megabytes.
 */
export class SketchColumns {
  private readonly bins: Int32Array;
  private readonly counts: Float64Array;
  /** Where the bins of each row end; those of a row without a sketch are none. */
  private readonly ends: Int32Array;

  /** @throws {ColumnError} */
  constructor(reader: ColumnReader, functionIds: Int32Array) {
    const sizes = reader.int32();
    this.bins = reader.int32();
    this.counts = reader.float64();
    let end = 0;
    let sketch = 0;
    this.ends = functionIds.map((id) => isPercentile(id) ? end += sizes[sketch++] ?? Infinity : end);
    if (end > this.bins.length || end > this.counts.length) throw new ColumnError("a sketch is cut off");
    if (!this.bins.every(isBin)) throw new ColumnError("a sketch has an impossible bin");
  }

  /** The sketch of a row, made anew; empty: it has none. */
  of(row: number): QuantileSketch {
    const sketch = new QuantileSketch();
    const end = this.ends[row]!;
    for (let at = this.ends[row - 1] ?? 0; at < end; at++) sketch.bins.set(this.bins[at]!, this.counts[at]!);
    return sketch;
  }
}
