import { LogHistory } from "../../event/log_history.ts";
import { ColumnReader, ColumnWriter } from "./columns.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** The row that holds the samples of older events. */
const SAMPLES = -1;

/** Writes the changes of the history of a lineage, within the transaction of the caller. */
export function writeHistory(
  state: StateDatabase,
  lineage: string,
  history: LogHistory,
  writer: ColumnWriter,
): void {
  const { pages, firstPage, endPage, samples, areSamplesSaved } = history.unsaved();
  const { seal } = state;
  seal.remove(
    "history",
    "lineage = ? AND page >= 0 AND (page < ? OR page >= ?)",
    lineage,
    firstPage,
    endPage,
  );
  const put = (page: number, firstOffset: number) => {
    seal.remove("history", "lineage = ? AND page = ?", lineage, page);
    seal.put("history", { lineage, page, first_offset: firstOffset, hashes: writer.finish() });
  };
  for (const { page, first, hashes } of pages) {
    writer.write(hashes);
    put(page, first);
  }
  if (areSamplesSaved) return;
  writer.write(Float64Array.from(samples, ({ offset }) => offset));
  writer.write(Int32Array.from(samples, ({ hash }) => hash));
  put(SAMPLES, 0);
}

/** Histories kept of lineages that no partition has any more, the latest ones. */
const LEFT_MAX = 16;

/**
 * Deletes the histories of lineages that no partition has any more, except the latest {@link LEFT_MAX},
 * within the transaction of the caller.
 */
export function dropHistories(state: StateDatabase): void {
  state.seal.remove(
    "history",
    `lineage NOT IN (SELECT lineage FROM source_partition WHERE lineage IS NOT NULL) AND lineage NOT IN
       (SELECT lineage FROM lineage_left ORDER BY left_at_ms DESC, lineage LIMIT ?)`,
    LEFT_MAX,
  );
}

/** @throws {ColumnError} The state is damaged. */
export function readHistory(state: StateDatabase, lineage: string): LogHistory {
  const rows = state.all<{ page: number; first_offset: number; hashes: Uint8Array }>(
    "SELECT page, first_offset, hashes FROM history WHERE lineage = ? ORDER BY page",
    lineage,
  );
  const pages = rows.filter(({ page }) => page !== SAMPLES).map(({ page, first_offset: first, hashes }) => ({
    page,
    first,
    hashes: new ColumnReader(hashes).int32(),
  }));
  const row = rows.find(({ page }) => page === SAMPLES);
  if (row === undefined) return LogHistory.restored({ pages, samples: [] });
  const reader = new ColumnReader(row.hashes);
  const offsets = reader.float64();
  const hashes = reader.int32();
  return LogHistory.restored({
    pages,
    samples: Array.from(offsets, (offset, i) => ({ offset, hash: hashes[i]! })),
  });
}
