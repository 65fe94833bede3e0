import type { OpenWindow, OpenWindows } from "../../aggregation/open_windows.ts";
import type { StateDatabase } from "../file/state_database.ts";
import type { ColumnWriter } from "./columns.ts";
import { encodeAccumulators, encodeKeys } from "./open_page.ts";

/** The checksums of the two rows of each page, by its number. */
export type PagesOnDisk = ReadonlyMap<number, { readonly keys: number; readonly values: number }>;

/** Writes those pages of the open windows that have changed since they were last written. */
export class PageWriter {
  /** Undefined at first: page numbers change at a restart, so the first checkpoint writes everything. */
  private onDisk: PagesOnDisk | undefined;

  constructor(
    private readonly state: StateDatabase,
    private readonly windows: OpenWindows,
    private readonly writer: ColumnWriter,
  ) {}

  /**
   * Writes the changed pages, except those of closing windows. Returns the pages that are on disk once the
   * transaction is committed.
   */
  write(closing: readonly OpenWindow[]): PagesOnDisk {
    const { onDisk, windows, writer } = this;
    const { seal } = this.state;
    const staying = new Map<number, { keys: number; values: number }>();
    if (onDisk === undefined) {
      seal.remove("open_page_keys", "TRUE");
      seal.remove("open_page_values", "TRUE");
    }
    for (const window of windows.all()) {
      if (closing.includes(window)) continue;
      for (const page of window.pages) {
        const before = onDisk?.get(page);
        const keys = before && !windows.pageExtended[page] ? before.keys : seal.put("open_page_keys", {
          page,
          window_start_ms: window.startMs,
          window_end_ms: window.endMs,
          keys: encodeKeys(windows, page, writer),
        }, before?.keys);
        const values = before && !windows.pageTouched[page] ? before.values : seal.put("open_page_values", {
          page,
          accumulators: encodeAccumulators(windows, page, writer),
        }, before?.values);
        staying.set(page, { keys, values });
      }
    }
    const gone = [...onDisk ?? []].filter(([page]) => !staying.has(page));
    seal.removeKnown("open_page_keys", "page", new Map(gone.map(([page, { keys }]) => [page, keys])));
    seal.removeKnown("open_page_values", "page", new Map(gone.map(([page, { values }]) => [page, values])));
    return staying;
  }

  /** Tells that the transaction of {@link write} is committed. */
  committed(pages: PagesOnDisk): void {
    this.onDisk = pages;
    this.windows.markAllClean();
  }
}
