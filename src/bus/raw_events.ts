import { atOnce, type Steps } from "../platform/clock/steps.ts";
import { BodyError } from "../platform/http/body.ts";
import { afterSpace, endOfValue, JsonFault } from "./json_walk.ts";

/** A run of events, each in the bytes it came in. */
export interface RawEvents {
  /** The events' own bytes, joined by commas. */
  readonly bytes: Uint8Array;
  /** Where each event ends in `bytes`; the next one begins after a comma. */
  readonly ends: Uint32Array;
}

/** Events of one publication at most, as many as one reply has. */
export const POST_MAX_EVENTS = 100_000;
/** Bytes of an event at most: a reply, and so every reader, must have room for it. */
export const EVENT_MAX_BYTES = 1024 * 1024;

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
/** Bytes of the array that one step reads, and one element more at most. */
const STEP_BYTES = 256 * 1024;

/**
 * Splits a JSON array of objects into its elements, which get memory of their own.
 *
 * @throws {BodyError}
 */
export function splitArray(body: Uint8Array): RawEvents {
  const { bytes, ends } = atOnce(splitInSteps(body));
  return { bytes: bytes.slice(), ends };
}

/**
 * Splits a JSON array of objects into its elements without changing a byte of them. How odd numbers, double
 * keys and wrong fields are read is the handlers' business. An element that is not an object would still take
 * an offset, so such a body is refused. Reads each byte once. The elements are moved together in the body
 * itself, which is overwritten.
 *
 * @throws {BodyError}
 */
export function* splitInSteps(body: Uint8Array): Steps<RawEvents> {
  const ends = new Uint32Array(Math.min(POST_MAX_EVENTS, body.length));
  let count = 0;
  let at = afterSpace(
    body,
    BYTE_ORDER_MARK.every((byte, i) => body[i] === byte) ? BYTE_ORDER_MARK.length : 0,
  );
  if (body[at] !== OPEN_BRACKET) throw new BodyError(400, "the body must be a JSON array of events");
  at = afterSpace(body, at + 1);
  const start = at;
  let length = 0;
  let stepAt = at + STEP_BYTES;
  while (count > 0 || body[at] !== CLOSE_BRACKET) {
    const end = endOfEvent(body, at, count);
    if (length > 0) body[start + length++] = COMMA;
    body.copyWithin(start + length, at, end);
    length += end - at;
    ends[count++] = length;
    at = afterSpace(body, end);
    if (body[at] === CLOSE_BRACKET) break;
    if (body[at] !== COMMA) throw new BodyError(400, `the body is not JSON after event ${count - 1}`, count);
    at = afterSpace(body, at + 1);
    if (at < stepAt) continue;
    stepAt = at + STEP_BYTES;
    yield ends.byteLength;
  }
  if (afterSpace(body, at + 1) < body.length) {
    throw new BodyError(400, "the body is not JSON: something follows its array");
  }
  return { bytes: body.subarray(start, start + length), ends: ends.slice(0, count) };
}

/** Joins runs. */
export function joined(before: RawEvents, after: RawEvents): RawEvents {
  const bytes = new Uint8Array(before.bytes.length + 1 + after.bytes.length);
  bytes.set(before.bytes);
  bytes[before.bytes.length] = COMMA;
  bytes.set(after.bytes, before.bytes.length + 1);
  const ends = new Uint32Array(before.ends.length + after.ends.length);
  ends.set(before.ends);
  after.ends.forEach((end, i) => ends[before.ends.length + i] = before.bytes.length + 1 + end);
  return { bytes, ends };
}

/**
 * The same events in runs of at most `maxBytes`, or of one event where that is larger; each run has its own
 * memory.
 */
export function parted({ bytes, ends }: RawEvents, maxBytes: number): RawEvents[] {
  const parts: RawEvents[] = [];
  for (let from = 0; from < ends.length;) {
    const start = from === 0 ? 0 : ends[from - 1]! + 1;
    const to = Math.max(from + 1, endsUpTo(ends, start + maxBytes));
    parts.push({
      bytes: bytes.slice(start, ends[to - 1]),
      ends: ends.slice(from, to).map((end) => end - start),
    });
    from = to;
  }
  return parts;
}

/** Number of ends up to `at`. */
export function endsUpTo(ends: Uint32Array, at: number): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function endOfEvent(body: Uint8Array, at: number, position: number): number {
  if (position === POST_MAX_EVENTS) {
    throw new BodyError(413, `a POST may have ${POST_MAX_EVENTS} events at most; send several`);
  }
  let end: number;
  try {
    end = endOfValue(body, at);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw new BodyError(
      400,
      `event ${position} ${error.message} (at byte ${error.at}); ${NOTHING_TAKEN}`,
      position,
    );
  }
  if (body[at] !== OPEN_BRACE) {
    throw new BodyError(400, `event ${position} is no JSON object; ${NOTHING_TAKEN}`, position);
  }
  if (end - at > EVENT_MAX_BYTES) {
    throw new BodyError(
      413,
      `event ${position} is larger than ${EVENT_MAX_BYTES / 1024} KiB; ${NOTHING_TAKEN}`,
      position,
    );
  }
  return end;
}

const NOTHING_TAKEN = "positions are counted from 0, and nothing of the POST was taken";
