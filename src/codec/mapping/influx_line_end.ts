import { BACKSLASH, EQUALS, HASH, NEWLINE, QUOTE, SPACE } from "../ascii.ts";

/** Where the line at `start` ends, as `influxLines` has it. */
export function influxLineEnd(bytes: Uint8Array, start: number, end: number): number {
  // Nothing but a quote or a backslash keeps a line break from being the end.
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === NEWLINE) return at;
    if (byte === QUOTE || byte === BACKSLASH) return quotedLineEnd(bytes, start, end);
  }
  return end;
}

/** The same for a line that may have line breaks in it. */
function quotedLineEnd(bytes: Uint8Array, start: number, end: number): number {
  const isComment = bytes[start] === HASH;
  let isInFields = false;
  let isQuoted = false;
  let isAfterEquals = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === NEWLINE && !isQuoted) return at;
    if (isComment) continue;
    if (byte === BACKSLASH) at++;
    else if (byte === QUOTE && isInFields) isQuoted = !isQuoted && isAfterEquals;
    else if (byte === SPACE && at > start) isInFields = true;
    isAfterEquals = byte === EQUALS;
  }
  return end;
}
