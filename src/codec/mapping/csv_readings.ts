import { type CsvRow, csvRows, csvText, separatorOf } from "./csv_rows.ts";
import type { EventMapping } from "./event_mapping.ts";
import { isMeantAsNumber } from "./number.ts";
import { otherPointers } from "./pointers.ts";
import { makeEvent, type Parts, type Reading, type RecordContext } from "./reading.ts";
import type { Pointer } from "./template.ts";

/** Characters of a header at most: it is added to each dead letter of a row. */
export const HEADER_MAX = 8192;

/** The columns of a text. */
export class CsvHeader {
  /** A column that is there twice counts by its first place. */
  private readonly columns: ReadonlyMap<string, number>;

  constructor(readonly row: CsvRow, readonly separator: string) {
    this.columns = new Map(row.cells.map((cell, i): [string, number] => [cell.trim(), i]).reverse());
  }

  /** Undefined: there is no such column. */
  indexOf({ tokens: [column] }: Pointer): number | undefined {
    return this.columns.get(column!);
  }

  /**
   * Whether a row has the names of the columns in another order, as the header of another file would. Where
   * a name is a number, it may as well be a row of readings.
   */
  isReordered({ cells }: Pick<CsvRow, "cells">): boolean {
    const names = cells.map((cell) => cell.trim());
    const own = this.row.cells.map((cell) => cell.trim());
    const isPermuted = this.columns.has(names[0]!) && names.some((name, i) => name !== own[i]) &&
      JSON.stringify(names.sort()) === JSON.stringify(own.sort());
    return isPermuted && !names.some(isMeantAsNumber);
  }

  nameOf(index: number): string {
    return this.row.cells[index]!.trim();
  }
}

/**
 * The events of a record of CSV: a header and rows under it. A row with the cells of the header is one again,
 * as where files were joined.
 */
export function* csvReadings(
  text: string,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  const separator = separatorOf(text);
  let header: CsvHeader | undefined;
  let isEmpty = true;
  for (const row of csvRows(text, separator)) {
    if (header === undefined) {
      if (row.text.length > HEADER_MAX) {
        return yield { event: `a header of more than ${HEADER_MAX} characters` };
      }
      header = new CsvHeader(row, separator);
      continue;
    }
    if (row.text === header.row.text) continue;
    isEmpty = false;
    yield* rowReadings(row, header, mapping, context);
  }
  if (isEmpty) yield header === undefined ? { event: "no header in it" } : NO_ROW;
}

export const NO_ROW: Reading = { event: "no row under the header" };

const REORDERED = "a header with the columns in another order: the rows under it are read by the first " +
  "header, so their values may be in the wrong columns. Give each header a file of its own";

/** The events of a row. */
export function* rowReadings(
  row: CsvRow,
  header: CsvHeader,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  const whole = () => `${header.row.text}\n${row.text}`;
  const { cells, isOpen } = row;
  const expected = header.row.cells.length;
  if (isOpen) {
    yield { event: "a quote that does not end", alone: whole };
  } else if (cells.length !== expected) {
    yield { event: `${cells.length} cells, where the header has ${expected}`, alone: whole };
  } else if (header.isReordered(row)) {
    yield { event: REORDERED, alone: whole };
  } else if (mapping.value === "*") {
    yield* wideReadings(row, header, mapping, context);
  } else {
    const index = header.indexOf(mapping.value);
    const event = index === undefined
      ? `no value: there is no column ${mapping.value.tokens[0]}`
      : makeEvent(mapping, partsOf(row, header, index), context);
    yield { event, alone: index === undefined ? whole : () => only(row, header, index, mapping) };
  }
}

/** Of a row one value, and what else makes an event of it. */
function only(
  { cells }: Pick<CsvRow, "cells">,
  header: CsvHeader,
  index: number,
  mapping: EventMapping,
): string {
  const columns = [...new Set([index, ...otherColumns(header, mapping)])].sort((a, b) => a - b);
  // A header with one column has no separator.
  const texts = [header.row.cells, cells].map((row) =>
    csvText(columns.map((column) => row[column]!), header.separator)
  );
  return texts.join("\n");
}

/** Each cell that is meant as a number, and is no other part of an event. */
function* wideReadings(
  row: CsvRow,
  header: CsvHeader,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  const { cells } = row;
  const others = otherColumns(header, mapping);
  const values = cells.flatMap((cell, i) => others.has(i) || !isMeantAsNumber(cell) ? [] : [i]);
  if (values.length === 0) yield { event: "no number in it", alone: () => `${header.row.text}\n${row.text}` };
  for (const i of values) {
    yield {
      event: makeEvent(mapping, partsOf(row, header, i), context),
      alone: () => only(row, header, i, mapping),
    };
  }
}

/** What an event of a row is made of, whose value stands in the column `index`. */
export function partsOf({ cells }: Pick<CsvRow, "cells">, header: CsvHeader, index: number): Parts {
  const column = header.nameOf(index);
  return {
    // An empty cell is nothing.
    at: (pointer) => {
      const at = header.indexOf(pointer);
      return at === undefined || cells[at] === "" ? undefined : cells[at];
    },
    fill: () => column,
    value: cells[index],
    valueName: `the value in the column ${column}`,
  };
}

/** The columns of all that is no value. */
export function otherColumns(header: CsvHeader, mapping: EventMapping): Set<number> {
  return new Set(otherPointers(mapping).flatMap((pointer) => header.indexOf(pointer) ?? []));
}
