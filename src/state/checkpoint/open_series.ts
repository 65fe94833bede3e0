import { ColumnReader, readColumns } from "./columns.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** A series in an open window. */
export interface OpenSeries {
  /** Of the window, ms. */
  readonly lengthMs: number;
  /** See `labels.ts`. */
  readonly key: string;
  readonly functionId: number;
}

/** Pages that are read in one step: some milliseconds. */
const PAGES_A_STEP = 32;
/** Pages that are read at most: 100,000 series in four windows. */
const PAGES_MAX = 1600;
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Hands over the series of the open windows of these lengths, once for each window. In steps, for which the
 * state must be one consistent view. Of very many series some are left out.
 *
 * @throws {StateError}
 */
export function* openSeriesSteps(
  state: StateDatabase,
  lengthsMs: readonly number[],
  take: (series: OpenSeries) => void,
): Generator<undefined, void> {
  for (let after = -1, read = 0; read < PAGES_MAX; read += PAGES_A_STEP) {
    const pages = state.all<{ page: number; lengthMs: number; keys: Uint8Array }>(
      `SELECT page, window_end_ms - window_start_ms AS lengthMs, keys FROM open_page_keys
       WHERE page > ? ORDER BY page LIMIT ?`,
      after,
      PAGES_A_STEP,
    );
    if (pages.length === 0) break;
    for (const { lengthMs, keys } of pages) {
      if (!lengthsMs.includes(lengthMs)) continue;
      for (const series of seriesIn(state.path, keys)) take({ lengthMs, ...series });
    }
    after = pages.at(-1)!.page;
    yield;
  }
}

function seriesIn(path: string, keys: Uint8Array): Omit<OpenSeries, "lengthMs">[] {
  const [functionIds, lengths, names] = readColumns(path, () => {
    const reader = new ColumnReader(keys);
    return [reader.int32(), reader.uint16(), reader.uint8()];
  });
  let start = 0;
  return Array.from(functionIds, (functionId, row) => {
    const key = DECODER.decode(names.subarray(start, start += lengths[row]!));
    return { key, functionId };
  });
}
