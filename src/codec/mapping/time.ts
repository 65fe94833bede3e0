import { numberIn } from "./number.ts";

/** How times are written. */
export const TIME_UNITS = ["s", "ms", "us", "ns", "rfc3339"] as const;
export type TimeUnit = typeof TIME_UNITS[number];

const PER_SECOND = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 } as const;
/** Later than any time in any unit. */
const FAR_FUTURE_MS = 1e300;

export function isTimeUnit(text: string): text is TimeUnit {
  return (TIME_UNITS as readonly string[]).includes(text);
}

/** How many of a unit are in a second; undefined: it is none that is counted. */
export function perSecond(unit: TimeUnit): number | undefined {
  return unit === "rfc3339" ? undefined : PER_SECOND[unit];
}

/** A time in a record as whole Unix milliseconds, or what is wrong with it. */
export function timeIn(value: unknown, unit: TimeUnit): number | string {
  if (unit === "rfc3339") {
    if (typeof value === "number") {
      return "the timestamp is a number and no text: EVENT_TIME_UNIT=s, ms, us or ns reads it";
    }
    if (typeof value !== "string") return "the timestamp is no text, such as 2026-01-31T06:00:00Z";
    return rfc3339Ms(value.trim()) ??
      `the timestamp ${shown(value)} is no time such as 2026-01-31T06:00:00.5+01:00`;
  }
  if (typeof value === "boolean") return "the timestamp is no number";
  const number = numberIn(value);
  if (typeof number === "string") {
    const isDate = typeof value === "string" && rfc3339Ms(value.trim()) !== undefined;
    return isDate
      ? `the timestamp ${shown(value)} is a date and no number: EVENT_TIME_UNIT=rfc3339 reads it`
      : `the timestamp ${number}`;
  }
  if (number < 0) return "the timestamp is negative";
  return Math.min(Math.round(number / PER_SECOND[unit] * 1000) + 0, FAR_FUTURE_MS);
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Unix milliseconds; undefined: it is no time of RFC 3339, or one before 1970. */
function rfc3339Ms(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [zoneHour, zoneMinute] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  // A leap second is the first one of the next minute, as in Unix time.
  if (hour > 23 || minute > 59 || second > 60 || zoneHour > 23 || zoneMinute > 59) return undefined;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, 0));
  // A day that there is not is one of another month, and a year of two digits one of the last century.
  if (date.getUTCMonth() !== month - 1 || date.getUTCFullYear() !== year) return undefined;
  const zoneMs = (zoneHour * 60 + zoneMinute) * 60_000 * (match[8] === "-" ? -1 : 1);
  const ms = date.getTime() - zoneMs + Math.round((second + Number(`0${match[7] ?? ""}`)) * 1000);
  return ms < 0 ? undefined : ms;
}

function shown(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
