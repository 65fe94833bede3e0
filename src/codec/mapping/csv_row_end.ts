import { NEWLINE, QUOTE, RETURN } from "../ascii.ts";

/** Where the row at `start` ends, as `rowAt` has it. */
export function csvRowEnd(bytes: Uint8Array, start: number, end: number, separator: number): number {
  for (let at = start;; at++) {
    if (at < end && bytes[at] === QUOTE) {
      // Two quotes are one that does not end it.
      do {
        at++;
        while (at < end && bytes[at] !== QUOTE) at++;
        at++;
      } while (at < end && bytes[at] === QUOTE);
      at = Math.min(at, end);
    }
    while (at < end && bytes[at] !== separator && bytes[at] !== NEWLINE) {
      if (bytes[at] === RETURN && at + 1 < end && bytes[at + 1] === NEWLINE) break;
      at++;
    }
    if (at >= end || bytes[at] !== separator) return at;
  }
}
