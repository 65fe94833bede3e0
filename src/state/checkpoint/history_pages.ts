import { LogHistory } from "../../event/log_history.ts";
import { ColumnReader, ColumnWriter } from "./columns.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** The row that holds the samples of older events. */
const SAMPLES = -1;

/** Writes what has changed of the history of a log, within the transaction of the caller. */
export function writeHistory(
  state: StateDatabase,
  log: string,
  history: LogHistory,
  writer: ColumnWriter,
): void {
  const { pages, firstPage, endPage, samples, areSamplesSaved } = history.unsaved();
  const { seal } = state;
  seal.remove("history", "log = ? AND page >= 0 AND (page < ? OR page >= ?)", log, firstPage, endPage);
  const put = (page: number, firstOffset: number) => {
    seal.remove("history", "log = ? AND page = ?", log, page);
    seal.put("history", { log, page, first_offset: firstOffset, hashes: writer.finish() });
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

/** Forgets the histories of logs that no bus has any more, within the transaction of the caller. */
export function dropHistories(state: StateDatabase): void {
  state.seal.remove("history", "log NOT IN (SELECT log FROM bus WHERE log IS NOT NULL)");
}

/** @throws {ColumnError} The state is damaged. */
export function readHistory(state: StateDatabase, log: string): LogHistory {
  const rows = state.all<{ page: number; first_offset: number; hashes: Uint8Array }>(
    "SELECT page, first_offset, hashes FROM history WHERE log = ? ORDER BY page",
    log,
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
