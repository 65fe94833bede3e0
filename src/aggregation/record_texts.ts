import type { Aggregate } from "./aggregate.ts";

/**
 * Renders aggregates of one instance as the JSON text of their public record, see `toRecord`. It is the text
 * that `JSON.stringify` makes of the record, but labels stay in their canonical order. Hundreds of thousands
 * of rows are rendered at the end of a window, and this takes a third of the time.
 */
export class RecordTexts {
  private readonly instance: string;
  private startMs = NaN;
  private endMs = NaN;
  /** The times of the last window: rows of one window come together. */
  private window = "";

  constructor(instance: string) {
    this.instance = JSON.stringify(instance);
  }

  of({ aggFunc, count, labels, name, revision, value, windowEndMs, windowStartMs }: Aggregate): string {
    if (windowStartMs !== this.startMs || windowEndMs !== this.endMs) {
      this.startMs = windowStartMs;
      this.endMs = windowEndMs;
      const start = windowStartMs / 1000;
      this.window = `"timestamp":${start},"window_start":${start},"window_end":${windowEndMs / 1000}`;
    }
    const labelled = labels === undefined ? "" : `,"labels":${labels}`;
    const number = Number.isFinite(value) ? value : null;
    return `{"name":${JSON.stringify(name)}${labelled},"agg_func":"${aggFunc}","value":${number},` +
      `${this.window},"count":${count},"revision":${revision},"instance":${this.instance}}`;
  }
}
