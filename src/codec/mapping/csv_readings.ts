import { CsvHeader, HEADER_MAX } from "./csv_header.ts";
import { type CsvRow, csvText, rowAt, separatorOf } from "./csv_rows.ts";
import type { EventMapping } from "./event_mapping.ts";
import { isMeantAsNumber } from "./number.ts";
import { otherPointers } from "./pointers.ts";
import { makeEvent, type Parts, type Reading, type RecordContext } from "./reading.ts";

/**
 * The events of a record of CSV: a header and rows under it. A row that is a header itself, as where files
 * were joined, is the one of the rows after it.
 */
export function* csvReadings(
  text: string,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  let header: CsvHeader | undefined;
  let isEmpty = true;
  for (let at = text.startsWith("\ufeff") ? 1 : 0; at < text.length;) {
    const separator: string = header?.separator ?? separatorOf(text.slice(at));
    const row = rowAt(text, at, separator);
    at = row.end;
    if (row.text === "" || row.text === header?.row.text) continue;
    if (header === undefined) {
      if (row.text.length > HEADER_MAX) {
        return yield { event: `a header of more than ${HEADER_MAX} characters` };
      }
      header = CsvHeader.of(row.text);
      continue;
    }
    const next = nextHeader(row, header, mapping, context);
    if (next !== undefined) header = next;
    else {
      isEmpty = false;
      yield* rowReadings(row, header, mapping, context);
    }
  }
  if (isEmpty) yield header === undefined ? { event: "no header in it" } : NO_ROW;
}

export const NO_ROW: Reading = { event: "no row under the header" };

/**
 * The header that a row is; undefined: it is none. What is an event is no header, whatever names are in it.
 */
export function nextHeader(
  row: CsvRow,
  header: CsvHeader,
  mapping: EventMapping,
  context: RecordContext,
): CsvHeader | undefined {
  const next = header.successor(row, mapping);
  if (next === undefined) return undefined;
  for (const { event } of rowReadings(row, header, mapping, context)) {
    if (typeof event !== "string") return undefined;
  }
  return next;
}

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

/**
 * Of a row one value, and what else makes an event of it. Columns before it that have its name stay, as empty
 * ones: among them it is the same one as before.
 */
function only(
  { cells }: Pick<CsvRow, "cells">,
  header: CsvHeader,
  index: number,
  mapping: EventMapping,
): string {
  const filled = new Set([index, ...otherColumns(header, mapping)]);
  const columns = [...filled.union(new Set(header.namesakesBefore(index)))].sort((a, b) => a - b);
  const values = cells.map((cell, i) => filled.has(i) ? cell : "");
  // A header with one column has no separator.
  const texts = [header.row.cells, values].map((row) =>
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
      event: makeEvent(mapping, { ...partsOf(row, header, i), valuePath: header.pathOf(i) }, context),
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
