import type { Column } from "./time_grid.ts";

/** A line of a chart. */
export interface ChartLine {
  readonly name: string;
  readonly values: Column;
  /** Which of the values are marked by a ring; left out: none. */
  readonly marked?: readonly boolean[];
}

/** Colours of lines; `page.css` has them. */
const COLOURS = 6;
/** Lines differ in their dashes too, for those who cannot tell the colours. */
const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 4]];

/** The name of a line's colour in the style sheet. */
export function colourOf(index: number): string {
  return `--series-${(index % COLOURS) + 1}`;
}

/** Lengths of strokes and gaps, px; none: it has no gaps. */
export function dashesOf(index: number): readonly number[] {
  // Beyond the colours, the same colour comes with other dashes.
  return DASHES[(index + Math.floor(index / COLOURS)) % DASHES.length]!;
}
