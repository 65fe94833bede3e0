import type { RawEvents } from "../../bus/raw_events.ts";
import { influxLineEnd } from "../../codec/mapping/influx_line_end.ts";

const NEWLINE = 0x0a;
const HASH = 0x23;

/**
 * Cuts a body into lines. Empty lines are left out, and space around a line. The lines are moved together in
 * the body itself, which is overwritten.
 *
 * @param isInflux Of line protocol, whose comments are left out and whose texts may have line breaks.
 */
export function linesOf(body: Uint8Array, isInflux: boolean): RawEvents {
  let ends = new Uint32Array(1024);
  let [count, length] = [0, 0];
  for (let at = 0; at < body.length;) {
    const found = isInflux ? influxLineEnd(body, at, body.length) : body.indexOf(NEWLINE, at);
    const lineEnd = found < 0 ? body.length : found;
    let [start, end] = [at, lineEnd];
    while (start < end && body[start]! <= 0x20) start++;
    while (end > start && body[end - 1]! <= 0x20) end--;
    at = lineEnd + 1;
    if (start === end || (isInflux && body[start] === HASH)) continue;
    if (count > 0) body[length++] = NEWLINE;
    if (start !== length) body.copyWithin(length, start, end);
    length += end - start;
    if (count === ends.length) {
      const grown = new Uint32Array(2 * count);
      grown.set(ends);
      ends = grown;
    }
    ends[count++] = length;
  }
  return { bytes: body.subarray(0, length), ends: ends.subarray(0, count) };
}
