import { isUtf8 } from "node:buffer";
import { textStart } from "../../codec/byte_order_mark.ts";
import { CsvHeader } from "../../codec/mapping/csv_header.ts";
import { separatorOf } from "../../codec/mapping/csv_rows.ts";
import { SourceError } from "../../contract/source.ts";
import { withoutSpace } from "./line_space.ts";
import type { OpenFile } from "./open_file.ts";

/** A header ends within that many bytes. */
const HEADER_MAX_BYTES = 8192;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const DECODER = new TextDecoder();
/** A quote that does not end within that many bytes belongs to its own line alone. */
const QUOTED_MAX_BYTES = 64 * 1024;

/** A header in a file or a stream. */
export interface FoundHeader {
  /** Where its row begins, in bytes of the content. */
  readonly at: number;
  readonly columns: CsvHeader;
}

/**
 * The header that a content begins with; undefined: it is not all there.
 *
 * @param at Where the content begins.
 * @param isLast Nothing follows.
 */
export function csvHeaderIn(bytes: Uint8Array, at: number, isLast: boolean): FoundHeader | undefined {
  let start = textStart(bytes);
  while (bytes[start] === NEWLINE || bytes[start] === RETURN) start++;
  const lineEnd = bytes.indexOf(NEWLINE, start);
  if (lineEnd < 0 && (!isLast || start === bytes.length)) return undefined;
  const line = bytes.subarray(start, lineEnd < 0 ? bytes.length : lineEnd);
  const separator = isUtf8(line) ? separatorOf(DECODER.decode(line)) : ",";
  const found = rowEnd(bytes, start, separator.charCodeAt(0), isLast);
  if (found < 0 && !isLast) return undefined;
  const end = found < 0 ? bytes.length : found;
  const row = bytes.subarray(start, withoutSpace(bytes, start, end, true));
  return { at, columns: CsvHeader.of(isUtf8(row) ? DECODER.decode(row) : "") };
}

/**
 * The header that begins at that byte of a file; undefined: it is not all there.
 *
 * @param isComplete Nothing will follow what is there.
 * @throws {SourceError} There is none.
 */
export async function readCsvHeader(
  { content, path }: Pick<OpenFile, "content" | "path">,
  at: number,
  isComplete: boolean,
): Promise<FoundHeader | undefined> {
  const beginning = new Uint8Array(HEADER_MAX_BYTES);
  let length = 0;
  while (length < beginning.length) {
    const count = await content.read(at + length, beginning.subarray(length));
    if (count === 0) break;
    length += count;
  }
  const isWhole = length < beginning.length;
  const header = csvHeaderIn(beginning.subarray(0, length), at, isWhole && isComplete);
  if (header === undefined && !isWhole) {
    throw new SourceError(
      "garbage",
      `${path}: no row ends within its first ${HEADER_MAX_BYTES} bytes: it is no CSV with a header`,
    );
  }
  return header;
}

/**
 * Where the row at `start` ends, at a line break outside of quotes; -1: that is not there yet.
 *
 * @param isLast Nothing follows.
 */
export function rowEnd(bytes: Uint8Array, start: number, separator: number, isLast: boolean): number {
  const lineEnd = bytes.indexOf(NEWLINE, start);
  if (lineEnd < 0 || !bytes.subarray(start, lineEnd).includes(QUOTE)) return lineEnd;
  const near = bytes.subarray(start, start + QUOTED_MAX_BYTES);
  let isAtStart = true;
  let isOpen = false;
  for (let at = 0; at < near.length; at++) {
    const byte = near[at]!;
    if (byte === NEWLINE) return start + at;
    if (byte === QUOTE && isAtStart) {
      const after = afterQuotes(near, at + 1);
      isOpen = after < 0;
      if (isOpen) break;
      // What follows the quote is looked at next.
      at = after - 1;
    }
    isAtStart = byte === separator;
  }
  if (near.length === QUOTED_MAX_BYTES) return lineEnd;
  // A last row whose quotes end needs no line break.
  return isLast && isOpen ? lineEnd : -1;
}

/** Where what follows the closing quote begins; -1: there is none. */
function afterQuotes(bytes: Uint8Array, at: number): number {
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) return -1;
    if (bytes[quote + 1] !== QUOTE) return quote + 1;
    at = quote + 2;
  }
}
