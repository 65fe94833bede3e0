import { BYTE_F, BYTE_T, NEWLINE, NINE, QUOTE, RETURN } from "../ascii.ts";
import { byteKinds, type CsvLayout, ENDS_CELL, IN_CELL } from "./csv_layout.ts";
import { isMeantAsNumber, numberIn } from "./number.ts";
import { decimalIn } from "./number_bytes.ts";
import { FAILED, type RecordEvents } from "./record_events.ts";

/** The bit by which lower case differs from upper case in ASCII. */
const LOWER_CASE = 0x20;
/** Of a cell in quotes. */
const IN_QUOTES = byteKinds('"');
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Where the cells of a row of CSV are, by column, without quotes. It serves one row after the other. */
export class CsvCells {
  starts = new Int32Array();
  ends = new Int32Array();
  private bytes: Uint8Array = new Uint8Array();

  /** Finds those of the row at `start`. Returns where it ends, or {@link FAILED}: it is not plain. */
  find(events: RecordEvents, { separator, columns, byteKinds }: CsvLayout, start: number): number {
    const { bytes, textEnd } = events;
    this.bytes = bytes;
    if (this.starts.length < columns) {
      this.starts = new Int32Array(columns);
      this.ends = new Int32Array(columns);
    }
    const { starts } = this;
    let isAscii = true;
    let at = start;
    for (let column = 0;; column++) {
      if (column === columns) return FAILED;
      const isQuoted = at < textEnd && bytes[at] === QUOTE;
      if (isQuoted) at++;
      starts[column] = at;
      const kinds = isQuoted ? IN_QUOTES : byteKinds;
      for (; at < textEnd; at++) {
        const kind = kinds[bytes[at]!];
        if (kind === IN_CELL) continue;
        if (kind === ENDS_CELL) break;
        isAscii = false;
      }
      this.ends[column] = at;
      if (isQuoted && at++ >= textEnd) return FAILED;
      if (at < textEnd && bytes[at] === separator) {
        at++;
        continue;
      }
      const isWhole = column === columns - 1 && at > start && isRowEnd(bytes, at, textEnd);
      return isWhole && (isAscii || events.isUtf8()) ? at : FAILED;
    }
  }

  isEmpty(column: number): boolean {
    return this.starts[column] === this.ends[column];
  }

  /** NaN: it is none. */
  numberAt(column: number): number {
    const { bytes } = this;
    const start = this.starts[column]!;
    const end = this.ends[column]!;
    if (start === end) return NaN;
    const decimal = decimalIn(bytes, start, end);
    if (!Number.isNaN(decimal)) return decimal;
    if (this.beginsText(bytes[start]!)) return NaN;
    const number = numberIn(this.text(column));
    return typeof number === "string" ? NaN : number;
  }

  /** Whether a cell that is no number is meant as one. The slow path says why it is none. */
  isRefused(column: number): boolean {
    const start = this.starts[column]!;
    return start < this.ends[column]! && !this.beginsText(this.bytes[start]!) &&
      isMeantAsNumber(this.text(column));
  }

  /** Whether no number and no boolean begins with this byte. */
  private beginsText(byte: number): boolean {
    return byte > NINE && byte < 0x80 && (byte | LOWER_CASE) !== BYTE_T && (byte | LOWER_CASE) !== BYTE_F;
  }

  text(column: number): string {
    return DECODER.decode(this.bytes.subarray(this.starts[column], this.ends[column]));
  }
}

/** Whether a row that goes up to `at` ends there. */
export function isRowEnd(bytes: Uint8Array, at: number, end: number): boolean {
  return at >= end || bytes[at] === NEWLINE ||
    (bytes[at] === RETURN && at + 1 < end && bytes[at + 1] === NEWLINE);
}
