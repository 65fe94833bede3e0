/** A value for each time; null: there is none. */
export type Column = readonly (number | null)[];

/** Times, ascending, and columns of the same length. */
export interface TimeTable {
  readonly times: readonly number[];
  readonly columns: readonly Column[];
}

/**
 * The same with an empty time in each gap, so that a line ends before it and does not lead across.
 *
 * @param step What two times that follow each other are apart.
 */
export function withGaps({ columns, times }: TimeTable, step: number): TimeTable {
  const rows: (number | undefined)[] = [];
  const gridded: number[] = [];
  for (const [i, time] of times.entries()) {
    if (i > 0 && time - times[i - 1]! > 1.5 * step) {
      gridded.push(times[i - 1]! + step);
      rows.push(undefined);
    }
    gridded.push(time);
    rows.push(i);
  }
  return {
    times: gridded,
    columns: columns.map((column) => rows.map((i) => i === undefined ? null : column[i] ?? null)),
  };
}
