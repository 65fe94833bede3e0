import type { StateDatabase } from "../file/state_database.ts";
import { ColumnReader, readColumns } from "./columns.ts";
import { KeyColumn } from "./key_column.ts";

/** Series in an open window, by their rows. */
export interface OpenSeriesPage {
  /** Of the window, ms. */
  readonly lengthMs: number;
  readonly keys: KeyColumn;
  readonly functionId: Int32Array;
}

/** Pages that are read in one step: some milliseconds. */
const PAGES_A_STEP = 32;
/** Pages that are read at most: 100,000 series in four windows. */
const PAGES_MAX = 1600;

/**
 * Hands over the series of the open windows of these lengths, once for each window. In steps, for which the
 * state must be one consistent view. Of very many series some are left out.
 *
 * @throws {StateError}
 */
export function* openSeriesSteps(
  state: StateDatabase,
  lengthsMs: readonly number[],
  take: (page: OpenSeriesPage) => void,
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
      if (lengthsMs.includes(lengthMs)) take({ lengthMs, ...seriesIn(state.path, keys) });
    }
    after = pages.at(-1)!.page;
    yield;
  }
}

function seriesIn(path: string, keys: Uint8Array): Omit<OpenSeriesPage, "lengthMs"> {
  return readColumns(path, () => {
    const reader = new ColumnReader(keys);
    const functionId = reader.int32();
    const lengths = reader.uint16();
    return { functionId, keys: new KeyColumn(reader.uint8(), lengths) };
  });
}
