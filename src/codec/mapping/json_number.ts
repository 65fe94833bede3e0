import { MINUS, NINE, PLUS, POINT, ZERO } from "../ascii.ts";
import { asciiBetween, decimalIn } from "./number_bytes.ts";

const EXPONENT = 0x65;
const EXPONENT_UPPER = 0x45;

/** Where the number of JSON at `at` ends; -1: there is none. */
export function jsonNumberEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === MINUS) at++;
  if (bytes[at] === ZERO) at++;
  else if ((at = digitsEnd(bytes, at)) < 0) return -1;
  if (bytes[at] === POINT && (at = digitsEnd(bytes, at + 1)) < 0) return -1;
  if (bytes[at] === EXPONENT || bytes[at] === EXPONENT_UPPER) {
    at++;
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++;
    return digitsEnd(bytes, at);
  }
  return at;
}

/** A number of JSON, correctly rounded; NaN: it is not finite. */
export function jsonNumber(bytes: Uint8Array, start: number, end: number): number {
  const decimal = decimalIn(bytes, start, end);
  if (!Number.isNaN(decimal)) return decimal;
  const number = Number(asciiBetween(bytes, start, end));
  return Number.isFinite(number) ? number : NaN;
}

/** Where the digits at `start` end; -1: there are none. */
function digitsEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at === start ? -1 : at;
}
