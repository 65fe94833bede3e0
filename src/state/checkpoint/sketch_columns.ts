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
 * Reads back what {@link writeSketches} wrote, for the rows whose function needs a sketch.
 *
 * @throws {ColumnError}
 */
export function readSketches(reader: ColumnReader, functionIds: Int32Array): Map<number, QuantileSketch> {
  const sizes = reader.int32();
  const bins = reader.int32();
  const counts = reader.float64();
  const sketches = new Map<number, QuantileSketch>();
  let at = 0;
  let sketchIndex = 0;
  functionIds.forEach((functionId, row) => {
    if (!isPercentile(functionId)) return;
    const sketch = new QuantileSketch();
    const end = at + (sizes[sketchIndex++] ?? Infinity);
    if (end > bins.length || end > counts.length) throw new ColumnError("a sketch is cut off");
    for (; at < end; at++) {
      if (!isBin(bins[at]!)) throw new ColumnError("a sketch has an impossible bin");
      sketch.bins.set(bins[at]!, counts[at]!);
    }
    sketches.set(row, sketch);
  });
  return sketches;
}
