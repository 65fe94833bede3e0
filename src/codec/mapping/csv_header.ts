import { type CsvRow, rowAt, separatorOf } from "./csv_rows.ts";
import type { EventMapping } from "./event_mapping.ts";
import { isMeantAsNumber } from "./number.ts";
import { pointersIn } from "./pointers.ts";
import type { Pointer } from "./template.ts";

/** Characters of a header at most: it is added to each dead letter of a row. */
export const HEADER_MAX = 8192;

/** The row of CSV that names the columns of the rows under it. */
export class CsvHeader {
  /** A column that is there twice counts by its first place. */
  private readonly columns: ReadonlyMap<string, number>;
  /** Of each column, which one of its name it is, from 1 on. */
  private readonly ordinals: readonly number[];

  /** @param text One row, without a byte order mark. */
  static of(text: string): CsvHeader {
    const separator = separatorOf(text);
    return new CsvHeader(rowAt(text, 0, separator), separator);
  }

  private constructor(readonly row: CsvRow, readonly separator: string) {
    const names = row.cells.map((cell) => cell.trim());
    const counts = new Map<string, number>();
    this.ordinals = names.map((name) => {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return counts.get(name)!;
    });
    this.columns = new Map(names.map((name, i): [string, number] => [name, i]).reverse());
  }

  /** Undefined: there is no such column. */
  indexOf({ tokens: [column] }: Pointer): number | undefined {
    return this.columns.get(column!);
  }

  nameOf(index: number): string {
    return this.row.cells[index]!.trim();
  }

  /** What tells a column from all others: its name, and which one of that name it is, if not the first. */
  pathOf(index: number): string[] {
    const ordinal = this.ordinals[index]!;
    return [this.nameOf(index), ...(ordinal > 1 ? [`${ordinal}`] : [])];
  }

  /** The columns before this one that have its name. */
  namesakesBefore(index: number): number[] {
    if (this.ordinals[index] === 1) return [];
    const name = this.nameOf(index);
    return Array.from({ length: index }, (_, i) => i).filter((i) => this.nameOf(i) === name);
  }

  /**
   * The header that a row under this one looks like, where files were joined; undefined: it looks like none.
   * A header has the columns of this one in whatever order, or all columns that every event needs. A single
   * one of these may be a text by chance: then each cell has to be a name.
   */
  successor({ text }: Pick<CsvRow, "text">, mapping: EventMapping): CsvHeader | undefined {
    if (text.length > HEADER_MAX) return undefined;
    const header = CsvHeader.of(text.startsWith("\ufeff") ? text.slice(1) : text);
    const needed = neededPointers(mapping);
    const hasNeeded = needed.length > 0 && needed.every((pointer) => header.indexOf(pointer) !== undefined);
    const isSure = needed.length > 1 && needed.some(({ tokens }) => !isMeantAsNumber(tokens[0]!));
    const looksLikeOne = hasNeeded && (isSure || header.hasOnlyNames()) || header.hasNamesOf(this);
    return looksLikeOne ? header : undefined;
  }

  /** Whether its cells may well be names, and are no readings. */
  private hasOnlyNames(): boolean {
    const names = [...this.columns.keys()];
    return names.length === this.row.cells.length &&
      !names.some((name) => name === "" || isMeantAsNumber(name));
  }

  private hasNamesOf({ columns }: CsvHeader): boolean {
    return this.hasOnlyNames() && this.columns.size === columns.size &&
      [...columns.keys()].every((name) => this.columns.has(name));
  }
}

/** The columns without which no row is an event. */
function neededPointers({ name, value, timestamp }: EventMapping): Pointer[] {
  const parts = [value, timestamp].filter((part) => typeof part === "object");
  return [...pointersIn(name), ...parts];
}
