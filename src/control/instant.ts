import { instant } from "../settings/value_type.ts";

/** From this number on, a time is in milliseconds: in seconds it would be in the year 5138. */
const LEAST_MS = 100_000_000_000;

/** What a time may be, to end the sentence "Allowed: …". */
export const INSTANT_ALLOWED = `${instant().allowed}; or Unix milliseconds`;

/** A time in Unix seconds, Unix milliseconds or ISO 8601, as Unix ms; undefined: it is none of these. */
export function instantMs(text: string): number | undefined {
  if (/^\d{1,16}$/.test(text) && Number(text) >= LEAST_MS) return Number(text);
  const { success, data } = instant().schema.safeParse(text);
  return success && Number.isSafeInteger(data) ? data : undefined;
}
