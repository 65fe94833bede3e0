const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const MEBIBYTE = 1024 * 1024;

/** A number with separators of thousands; a small one with a decimal. Undefined: a dash. */
export function amountInWords(number: number | undefined): string {
  if (number === undefined) return "-";
  const digits = number > 0 && number < 10 && !Number.isInteger(number) ? 1 : 0;
  return number.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A length of time in one or two units: `0.4 s`, `3 min 5 s`, `2 h 10 min`. */
export function spanInWords(ms: number): string {
  if (ms < MINUTE_MS) return `${(ms / SECOND_MS).toFixed(ms < 10 * SECOND_MS ? 1 : 0)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ${Math.floor(ms % MINUTE_MS / SECOND_MS)} s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ${Math.floor(ms % HOUR_MS / MINUTE_MS)} min`;
  return `${amountInWords(Math.floor(ms / DAY_MS))} d ${Math.floor(ms % DAY_MS / HOUR_MS)} h`;
}

/** How long ago a time was. Undefined: a dash. */
export function agoInWords(atMs: number | undefined, nowMs: number): string {
  if (atMs === undefined) return "-";
  return atMs > nowMs + SECOND_MS
    ? `${spanInWords(atMs - nowMs)} ahead`
    : `${spanInWords(Math.max(0, nowMs - atMs))} ago`;
}

/** A size: `4.9 MiB`. */
export function sizeInWords(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}

/** The length of a tier's windows: `60 s`, `5 min`, `1 h`. */
export function lengthInWords(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds > 60 && seconds % 60 === 0) return `${seconds / 60} min`;
  return `${seconds} s`;
}
