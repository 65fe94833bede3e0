import type { RawEvents } from "../../bus/raw_events.ts";
import type { Steps } from "../../platform/clock/steps.ts";

const SPACE = 0x20;
const MINUS = 0x2d;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
/** More digits are no time in any unit, and the line stays as it is. */
const DIGITS_MAX = 19;
const STEP_LINES = 2000;
const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();

/**
 * Lines of line protocol with their times in nanoseconds. A line alone does not say its unit, and a dead
 * letter is a line alone.
 *
 * @param unit Nanoseconds of the unit that the lines have.
 */
export function* inNanoseconds(lines: RawEvents, unit: number): Steps<RawEvents> {
  if (unit === 1) return lines;
  const { bytes, ends } = lines;
  const factor = BigInt(unit);
  // A factor has at most 13 digits, and adds no more to a line.
  const size = bytes.length + 13 * ends.length;
  if (ends.length > STEP_LINES) yield size;
  const written = new Uint8Array(size);
  const writtenEnds = new Uint32Array(ends.length);
  let length = 0;
  for (let i = 0, start = 0; i < ends.length; start = ends[i++]! + 1) {
    if (i > 0 && i % STEP_LINES === 0) yield size;
    const end = ends[i]!;
    const timeStart = timeStartIn(bytes, start, end, DIGITS_MAX);
    if (i > 0) written[length++] = NEWLINE;
    written.set(bytes.subarray(start, timeStart), length);
    length += timeStart - start;
    if (timeStart < end) {
      const time = BigInt(DECODER.decode(bytes.subarray(timeStart, end))) * factor;
      length += ENCODER.encodeInto(`${time}`, written.subarray(length)).written;
    }
    writtenEnds[i] = length;
  }
  return { bytes: written.subarray(0, length), ends: writtenEnds };
}

/** Whether each of some lines, in which an event was found, has a time. */
export function haveTimes({ bytes, ends }: RawEvents): boolean {
  return ends.every((end, i) => {
    const timeStart = timeStartIn(bytes, i === 0 ? 0 : ends[i - 1]! + 1, end);
    // A space behind a backslash belongs to the value of a field.
    return timeStart < end && bytes[timeStart - 2] !== BACKSLASH;
  });
}

/** Where the time of a line begins: at its last word, where that is a whole number; else the end. */
function timeStartIn(bytes: Uint8Array, start: number, end: number, digitsMax = Infinity): number {
  let at = end;
  while (at > start && bytes[at - 1]! >= ZERO && bytes[at - 1]! <= NINE) at--;
  const digits = end - at;
  if (bytes[at - 1] === MINUS) at--;
  const isTime = digits > 0 && digits <= digitsMax && at > start && bytes[at - 1] === SPACE;
  return isTime ? at : end;
}
