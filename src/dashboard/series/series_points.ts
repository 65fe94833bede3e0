import type { Aggregate } from "./series_name.ts";

/** A window of a series. */
export interface SeriesPoint {
  /** Its start, Unix seconds. */
  readonly time: number;
  /** Null: it was no finite number. */
  readonly value: number | null;
  readonly count: number;
  readonly revision: number;
  readonly isCorrected: boolean;
  /** What it was before the last correction; undefined: nothing else, or only its sink knew. */
  readonly before: number | null | undefined;
}

/** After a restore, revisions begin at the seconds since 2020: then a high one is no correction. */
const RESTORED_REVISION = 100_000_000;

/** One point for each window, oldest first, of all revisions of a series' aggregates. */
export function pointsOf(aggregates: readonly Aggregate[]): SeriesPoint[] {
  const windows = Map.groupBy(aggregates, ({ window_start }) => window_start);
  return [...windows].sort(([a], [b]) => a - b).map(([time, revisions]) => {
    const [final, before] = revisions.toSorted((a, b) => b.revision - a.revision);
    const { count, revision, value } = final!;
    const isCorrected = before !== undefined || (revision > 0 && revision < RESTORED_REVISION);
    return { time, value, count, revision, isCorrected, before: before?.value };
  });
}
