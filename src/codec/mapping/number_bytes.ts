import { MINUS, PLUS, POINT, ZERO } from "../ascii.ts";

/**
 * Powers of ten that a double holds exactly: dividing an exact mantissa by one rounds once, hence correctly
 * (Clinger 1990).
 */
export const EXACT_POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const BILLION = 1e9;
/** Up to it, a billion times a whole number is exact: the number times 5^9 is below 2^53. */
const EXACT_BILLIONS_MAX = 4_611_686_018;

/** A decimal number without an exponent, as {@link numberIn} reads it; NaN: it is another one, or none. */
export function decimalIn(bytes: Uint8Array, start: number, end: number): number {
  const sign = bytes[start];
  let at = sign === MINUS || sign === PLUS ? start + 1 : start;
  const digitsStart = at;
  let mantissa = 0;
  let pointAt = -1;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit;
    else if (byte === POINT && pointAt < 0) pointAt = at;
    else return NaN;
  }
  const digits = end - digitsStart - (pointAt < 0 ? 0 : 1);
  const decimals = pointAt < 0 ? 0 : end - pointAt - 1;
  // What follows the end belongs to something else, even where it is the sign of nothing.
  if (digits <= 0 || mantissa > Number.MAX_SAFE_INTEGER || decimals > 22) return NaN;
  const number = decimals === 0 ? mantissa : mantissa / EXACT_POWERS_OF_TEN[decimals]!;
  return sign === MINUS ? -number : number;
}

/** The number that four digits are, as a little-endian word; -1: they are not all digits. */
export function fourDigits(word: number): number {
  const digits = word ^ 0x30303030;
  // From ten on, what is added reaches the highest bit of a byte.
  if (((digits + 0x76767676) | digits) & 0x80808080) return -1;
  const pairs = Math.imul(digits, 10) + (digits >>> 8);
  return (pairs & 0xff) * 100 + (pairs >>> 16 & 0xff);
}

/** A whole number of at most 19 digits without a sign, correctly rounded; NaN: it is another one, or none. */
export function wholeIn(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length <= 0 || length > 19) return NaN;
  const middle = length > 9 ? end - 9 : start;
  let high = 0;
  let low = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    if (at < middle) high = high * 10 + digit;
    else low = low * 10 + digit;
  }
  return high <= EXACT_BILLIONS_MAX ? high * BILLION + low : NaN;
}

/** Text of ASCII. */
export function asciiBetween(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

/**
 * A time in a unit that is counted, in whole Unix milliseconds; NaN: what it says, others have to find out.
 */
export function timeMsIn(bytes: Uint8Array, start: number, end: number, perSecond: number): number {
  const whole = wholeIn(bytes, start, end);
  const number = Number.isNaN(whole) ? decimalIn(bytes, start, end) : whole;
  return timeMsOf(number, perSecond);
}

/** A number of a unit in whole Unix milliseconds; NaN: what it says, others have to find out. */
export function timeMsOf(number: number, perSecond: number): number {
  const timeMs = number >= 0 ? Math.round(number / perSecond * 1000) + 0 : NaN;
  return timeMs <= Number.MAX_SAFE_INTEGER ? timeMs : NaN;
}
