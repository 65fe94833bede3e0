import { isFunctionId, isPercentile } from "../../event/agg_function.ts";
import {
  COUNT,
  type OpenWindow,
  type OpenWindows,
  PAGE_SLOTS,
  SLOT,
} from "../../aggregation/open_windows.ts";
import { copyBytes } from "../../aggregation/series_rows.ts";
import { hashBytes } from "../../event/text_hash.ts";
import { ColumnError, ColumnReader, type ColumnWriter } from "./columns.ts";
import type { SealedDatabase } from "../file/seal_error.ts";
import { SketchColumns, writeSketches } from "./sketch_columns.ts";

/** The series in a page of open accumulators, as a blob. */
export function encodeKeys(windows: OpenWindows, page: number, writer: ColumnWriter): Uint8Array {
  const { series } = windows;
  const start = page * PAGE_SLOTS;
  const inPage = windows.slotSeries.subarray(start, start + windows.pageUsed[page]!);
  const nameLength = Uint16Array.from(inPage, (s) => series.nameLength(s));
  const names = new Uint8Array(nameLength.reduce((sum, length) => sum + length, 0));
  let at = 0;
  inPage.forEach((s, row) => {
    copyBytes(series.names, series.nameStart(s), nameLength[row]!, names, at);
    at += nameLength[row]!;
  });
  writer.write(Int32Array.from(inPage, (s) => series.functionId(s)));
  writer.write(nameLength);
  writer.write(names);
  return writer.finish();
}

/** The accumulators in a page, in the order of its keys, as a blob. */
export function encodeAccumulators(windows: OpenWindows, page: number, writer: ColumnWriter): Uint8Array {
  const start = page * PAGE_SLOTS;
  const end = start + windows.pageUsed[page]!;
  writer.write(windows.accumulators.subarray(start * SLOT, end * SLOT));
  const sketches = windows.sketches.size === 0
    ? []
    : Array.from({ length: end - start }, (_, i) => windows.sketches.get(start + i));
  writeSketches(writer, sketches);
  return writer.finish();
}

/** Restores a page into its window. @throws {ColumnError} */
export function restorePage(
  windows: OpenWindows,
  window: OpenWindow,
  keys: Uint8Array,
  values: Uint8Array,
): void {
  const keyReader = new ColumnReader(keys);
  const functionId = keyReader.int32();
  const nameLength = keyReader.uint16();
  const names = keyReader.uint8();
  const valueReader = new ColumnReader(values);
  const accumulators = valueReader.float64();
  if (nameLength.length !== functionId.length || accumulators.length !== functionId.length * SLOT) {
    throw new ColumnError("the columns of a page differ in length");
  }
  if (!functionId.every(isFunctionId)) throw new ColumnError("a page names an unknown function");
  const sketches = new SketchColumns(valueReader, functionId);
  let nameStart = 0;
  functionId.forEach((id, row) => {
    const length = nameLength[row]!;
    if (nameStart + length > names.length) throw new ColumnError("the names of a page are cut off");
    const hash = hashBytes(names, nameStart, length);
    let series = windows.series.find(names, nameStart, length, hash, id);
    if (series < 0) series = windows.series.add(names, nameStart, length, hash, id);
    nameStart += length;
    const slot = windows.addSlot(series, window);
    windows.accumulators.set(accumulators.subarray(row * SLOT, (row + 1) * SLOT), slot * SLOT);
    if (isPercentile(id)) windows.sketches.set(slot, sketches.of(row));
  });
}

interface PageRow {
  window_start_ms: number;
  window_end_ms: number;
  keys: Uint8Array;
  accumulators: Uint8Array | null;
}

/** Restores all pages of a state into their windows. @throws {ColumnError} */
export function restoreOpenWindows(database: Pick<SealedDatabase, "all">, windows: OpenWindows): void {
  const pages = database.all<PageRow>(
    `SELECT window_start_ms, window_end_ms, keys, accumulators
     FROM open_page_keys LEFT JOIN open_page_values USING (page) ORDER BY page`,
  );
  for (const page of pages) {
    if (!page.accumulators) throw new ColumnError("a page of open windows has no accumulators");
    const window = windows.find(page.window_start_ms, page.window_end_ms) ??
      windows.open(page.window_start_ms, page.window_end_ms);
    restorePage(windows, window, page.keys, page.accumulators);
  }
}

/** The number of series and events in a page. @throws {ColumnError} */
export function eventsInPage(values: Uint8Array): { readonly series: number; readonly events: number } {
  const accumulators = new ColumnReader(values).float64();
  let events = 0;
  for (let row = COUNT; row < accumulators.length; row += SLOT) events += accumulators[row]!;
  return { series: accumulators.length / SLOT, events };
}
