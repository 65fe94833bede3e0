import { EVENT_MAX_BYTES, type RawEvents } from "../../bus/raw_events.ts";
import { textStart } from "../../codec/byte_order_mark.ts";
import { influxLineEnd } from "../../codec/mapping/influx_line_end.ts";
import type { Steps } from "../../platform/clock/steps.ts";
import { BodyError } from "../../platform/http/body.ts";

const NEWLINE = 0x0a;
const HASH = 0x23;
/** Lines of a body at most: each takes memory, however short it is. */
const LINES_MAX = 1_000_000;
/** Bytes of a body that one step reads, and one line more at most. */
const STEP_BYTES = 256 * 1024;

/**
 * Cuts a body into lines. Empty lines are left out, and space around a line. The lines are moved together in
 * the body itself, which is overwritten.
 *
 * @param isInflux Of line protocol, whose comments are left out and whose texts may have line breaks.
 * @throws {BodyError}
 */
export function* linesOf(body: Uint8Array, isInflux: boolean): Steps<RawEvents> {
  let ends = new Uint32Array(1024);
  let [count, length, stepAt] = [0, 0, STEP_BYTES];
  for (let at = textStart(body); at < body.length;) {
    const found = isInflux ? influxLineEnd(body, at, body.length) : body.indexOf(NEWLINE, at);
    const lineEnd = found < 0 ? body.length : found;
    let [start, end] = [at, lineEnd];
    while (start < end && body[start]! <= 0x20) start++;
    while (end > start && body[end - 1]! <= 0x20) end--;
    at = lineEnd + 1;
    if (at > stepAt) {
      stepAt = at + STEP_BYTES;
      yield ends.byteLength;
    }
    if (start === end || (isInflux && body[start] === HASH)) continue;
    if (count > 0) body[length++] = NEWLINE;
    if (start !== length) body.copyWithin(length, start, end);
    length += end - start;
    if (end - start > EVENT_MAX_BYTES) {
      throw new BodyError(
        413,
        `record ${count + 1} is larger than ${EVENT_MAX_BYTES / 1024} KiB; nothing of the request is kept`,
      );
    }
    if (count === LINES_MAX) {
      throw new BodyError(413, `a request may have ${LINES_MAX} records at most; send several requests`);
    }
    if (count === ends.length) {
      const grown = new Uint32Array(2 * count);
      grown.set(ends);
      ends = grown;
    }
    ends[count++] = length;
  }
  return { bytes: body.subarray(0, length), ends: ends.subarray(0, count) };
}
