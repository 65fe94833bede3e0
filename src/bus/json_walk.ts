/** The bytes are not JSON in UTF-8. */
export class JsonFault extends Error {
  override readonly name = "JsonFault";

  /** @param at Index of the byte that is wrong. */
  constructor(readonly at: number, message: string) {
    super(message);
  }
}

/** Nesting at most: deeper than any event, and far below what recursive programs can bear. */
export const MAX_DEPTH = 128;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CODE_U = 0x75;
const OPEN_BRACE = 0x7b;
/** In ASCII, the code of a closing bracket or brace minus that of its opening one. */
const TO_CLOSING = 2;

const ENCODER = new TextEncoder();
const WORDS = ["true", "false", "null"].map((word) => ENCODER.encode(word));
const ESCAPES = new Set(ENCODER.encode('"\\/bfnrtu'));

/** The stack of opening brackets. One buffer serves all calls, since a call never interrupts another. */
const OPENED = new Uint8Array(MAX_DEPTH);

/**
 * Where the JSON value that begins at `at` ends. Reads each byte once and builds nothing, so that its cost is
 * proportional to the bytes.
 *
 * @throws {JsonFault}
 */
export function endOfValue(bytes: Uint8Array, at: number): number {
  let depth = 0;
  for (;;) {
    const byte = bytes[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === MAX_DEPTH) throw new JsonFault(at, `is nested deeper than ${MAX_DEPTH}`);
      at = afterSpace(bytes, at + 1);
      if (bytes[at] !== byte + TO_CLOSING) {
        OPENED[depth++] = byte;
        if (byte === OPEN_BRACE) at = afterKey(bytes, at);
        continue;
      }
      at++;
    } else at = endOfScalar(bytes, at);
    for (;;) {
      if (depth === 0) return at;
      at = afterSpace(bytes, at);
      const opened = OPENED[depth - 1]!;
      if (bytes[at] === COMMA) {
        at = afterSpace(bytes, at + 1);
        if (opened === OPEN_BRACE) at = afterKey(bytes, at);
        break;
      }
      if (bytes[at] !== opened + TO_CLOSING) throw notJson(at);
      at++;
      depth--;
    }
  }
}

/** The first byte from `at` on that is no white space of JSON. */
export function afterSpace(bytes: Uint8Array, at: number): number {
  for (;; at++) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
  }
}

function afterKey(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) throw notJson(at);
  at = afterSpace(bytes, endOfString(bytes, at));
  if (bytes[at] !== COLON) throw notJson(at);
  return afterSpace(bytes, at + 1);
}

function endOfScalar(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === QUOTE) return endOfString(bytes, at);
  if (byte === MINUS || isDigit(byte)) return endOfNumber(bytes, at);
  for (const word of WORDS) {
    if (word.every((code, i) => bytes[at + i] === code)) return at + word.length;
  }
  throw notJson(at);
}

function endOfString(bytes: Uint8Array, quoteAt: number): number {
  for (let at = quoteAt + 1; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) throw notJson(at);
    if (byte === BACKSLASH) at = lastOfEscape(bytes, at);
    else if (byte >= 0x80) at = lastOfCharacter(bytes, at);
  }
  throw notJson(bytes.length);
}

function lastOfEscape(bytes: Uint8Array, at: number): number {
  const code = bytes[at + 1];
  if (code === undefined || !ESCAPES.has(code)) throw notJson(at);
  if (code !== CODE_U) return at + 1;
  for (let i = at + 2; i < at + 6; i++) if (!isHexDigit(bytes[i])) throw notJson(at);
  return at + 5;
}

/**
 * Follows the table of well-formed byte sequences in the Unicode standard: no surrogates, no overlong forms,
 * nothing beyond U+10FFFF.
 */
function lastOfCharacter(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1] ?? 0;
  let isWhole = lead >= 0xc2 && lead <= 0xf4 && second >= least && second <= most;
  for (let i = at + 2; i < at + length; i++) isWhole &&= ((bytes[i] ?? 0) & 0xc0) === 0x80;
  if (!isWhole) throw new JsonFault(at, "is not UTF-8");
  return at + length - 1;
}

function endOfNumber(bytes: Uint8Array, at: number): number {
  if (bytes[at] === MINUS) at++;
  at = bytes[at] === ZERO ? at + 1 : endOfDigits(bytes, at);
  if (bytes[at] === POINT) at = endOfDigits(bytes, at + 1);
  // E or e.
  if ((bytes[at]! | 0x20) === 0x65) {
    const sign = bytes[at + 1];
    at = endOfDigits(bytes, sign === MINUS || sign === 0x2b ? at + 2 : at + 1);
  }
  return at;
}

/** At least one digit is required. */
function endOfDigits(bytes: Uint8Array, at: number): number {
  if (!isDigit(bytes[at])) throw notJson(at);
  while (isDigit(bytes[at])) at++;
  return at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function isHexDigit(byte: number | undefined): boolean {
  return isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

function notJson(at: number): JsonFault {
  return new JsonFault(at, "is not JSON");
}
