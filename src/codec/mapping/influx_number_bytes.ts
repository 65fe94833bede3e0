import { BYTE_I, BYTE_U, MINUS, PLUS } from "../ascii.ts";
import { influxNumber } from "./influx_line.ts";
import { asciiBetween, decimalIn, wholeIn } from "./number_bytes.ts";

/** As {@link influxNumber}; NaN: it is none. */
export function influxNumberIn(bytes: Uint8Array, start: number, end: number): number {
  const decimal = decimalIn(bytes, start, end);
  if (!Number.isNaN(decimal)) return decimal;
  const last = bytes[end - 1];
  if (last === BYTE_I || last === BYTE_U) {
    const hasSign = last === BYTE_I && (bytes[start] === MINUS || bytes[start] === PLUS);
    const whole = wholeIn(bytes, hasSign ? start + 1 : start, end - 1);
    if (!Number.isNaN(whole)) return bytes[start] === MINUS ? -whole : whole;
  }
  const number = influxNumber(asciiBetween(bytes, start, end));
  return typeof number === "string" ? NaN : number;
}
