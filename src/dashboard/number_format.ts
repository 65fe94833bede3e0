const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SIGNIFICANT = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
/** Values of series keep what a double holds and a person reads. */
const VALUE = new Intl.NumberFormat("en", { maximumSignificantDigits: 9 });

/** A whole number with thousands: `1,234,567`. */
export function countText(count: number): string {
  return WHOLE.format(count);
}

/** A count with its noun: `1 event`, `1,234 events`. */
export function countOf(count: number, noun: string, nouns = `${noun}s`): string {
  return `${WHOLE.format(count)} ${count === 1 ? noun : nouns}`;
}

/** A rate: `0.25/s`, `1,234/s`; `–`: it is not known. */
export function rateText(perSecond: number | undefined): string {
  if (perSecond === undefined) return "–";
  return `${(perSecond < 100 ? SIGNIFICANT : WHOLE).format(perSecond)}/s`;
}

/** The value of an aggregate. */
export function valueText(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-6 || size >= 1e15) ? value.toExponential() : VALUE.format(value);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A size: `12.3 MiB`. */
export function bytesText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${SIGNIFICANT.format(bytes / 1024 ** power)} ${UNITS[power]}`;
}

/** A share of a whole: `3 %`. What is not nothing is not shown as nothing. */
export function shareText(part: number, whole: number): string {
  const percent = whole === 0 ? 0 : (100 * part) / whole;
  return percent > 0 && percent < 1 ? "< 1 %" : `${WHOLE.format(percent)} %`;
}
