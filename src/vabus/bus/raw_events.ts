/** A run of events, each in the bytes it came in. */
export interface RawEvents {
  /** The events' own bytes, joined by commas. */
  readonly bytes: Uint8Array;
  /** Where each event ends in `bytes`; the next one begins a comma further on. */
  readonly ends: Uint32Array;
}

/** What was sent is no JSON array. The message is for the sender. */
export class NotAnArrayError extends Error {
  override readonly name = "NotAnArrayError";
}

const DECODER = new TextDecoder("utf-8", { fatal: true });
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Splits a JSON array into its elements without changing a byte of them: what handlers make of odd numbers, double keys or
 * events that are none is their business.
 *
 * @throws {NotAnArrayError}
 */
export function splitArray(body: Uint8Array): RawEvents {
  const count = elementCount(body);
  const bytes = new Uint8Array(body.length);
  const ends = new Uint32Array(count);
  let length = 0;
  let event = 0;
  let from = body.indexOf(OPEN_BRACKET) + 1;
  const keep = (to: number) => {
    let [start, end] = [from, to];
    while (start < end && body[start]! <= 0x20) start++;
    while (end > start && body[end - 1]! <= 0x20) end--;
    if (start === end) return;
    if (event > 0) bytes[length++] = COMMA;
    bytes.set(body.subarray(start, end), length);
    length += end - start;
    ends[event++] = length;
  };
  let depth = 0;
  for (let at = from;; at++) {
    const byte = body[at]!;
    if (byte === QUOTE) {
      do at = body.indexOf(QUOTE, at + 1); while (isEscaped(body, at));
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE) depth--;
    else if (byte === COMMA && depth === 0) {
      keep(at);
      from = at + 1;
    } else if (byte === CLOSE_BRACKET && depth-- === 0) {
      keep(at);
      return { bytes: bytes.slice(0, length), ends };
    }
  }
}

/** Also makes sure that the bytes are well-formed, which the splitting above relies on. */
function elementCount(body: Uint8Array): number {
  let parsed: unknown;
  try {
    parsed = JSON.parse(DECODER.decode(body));
  } catch (error) {
    throw new NotAnArrayError(`the body is not JSON in UTF-8: ${(error as Error).message}`);
  }
  if (!Array.isArray(parsed)) throw new NotAnArrayError("the body must be a JSON array of events");
  return parsed.length;
}

function isEscaped(body: Uint8Array, quoteAt: number): boolean {
  let backslashes = 0;
  while (body[quoteAt - 1 - backslashes] === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}
