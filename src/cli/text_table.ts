import { columnsOf, fitToColumns } from "../platform/terminal/text_width.ts";

/** A column of a {@link textTable}. */
export interface Column {
  readonly title: string;
  readonly alignment: "left" | "right";
  /** Columns with the least rank go first where there is no room for all. */
  readonly rank: number;
}

/** A cell: its text, which must be printable, and its colour. */
export interface Cell {
  readonly text: string;
  readonly style?: ((text: string) => string) | undefined;
}

const GAP = 2;
const FIRST_MIN_COLUMNS = 12;

/**
 * Rows under their titles, in `width` columns of a terminal at most. The first column gets what the others
 * leave; where that is too little, columns are left out.
 *
 * @param rows As many cells each as there are columns.
 */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
): string[] {
  const natural = columns.map(({ title }, i) =>
    Math.max(columnsOf(title), ...rows.map((row) => columnsOf(row[i]!.text)))
  );
  let shown = columns.map((_, i) => i);
  const others = () => shown.slice(1).reduce((sum, i) => sum + GAP + natural[i]!, 0);
  while (shown.length > 1 && others() + Math.min(natural[0]!, FIRST_MIN_COLUMNS) > width) {
    const least = Math.min(...shown.slice(1).map((i) => columns[i]!.rank));
    shown = shown.filter((i) => i === 0 || columns[i]!.rank !== least);
  }
  const widthOf = (i: number) => i === 0 ? Math.min(natural[0]!, width - others()) : natural[i]!;
  const line = (cells: readonly Cell[]) =>
    shown.map((i) => {
      const { text, style } = cells[i]!;
      const fitted = fitToColumns(text, widthOf(i), columns[i]!.alignment);
      return style === undefined ? fitted : style(fitted);
    }).join(" ".repeat(GAP));
  return [line(columns.map(({ title }) => ({ text: title }))), ...rows.map(line)];
}
