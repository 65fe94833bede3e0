/**
 * The functions an event may name, as small integers so that the hot path compares numbers.
 * `pNN` needs no registry: its id carries the percentile, in units of 0.0001 %.
 */
export const SUM = 0;
export const AVG = 1;
export const MIN = 2;
export const MAX = 3;
export const COUNT = 4;
export const FIRST = 5;
export const LAST = 6;
export const STDDEV = 7;

/** Stands for a function's id where the event names no function. */
export const UNNAMED = -1;

/**
 * Stands for a function's id where the event names none, but says which is usual for it: that one is computed
 * where the operator's rules do not say. It is less than {@link UNNAMED}.
 */
export function usually(id: number): number {
  return UNNAMED - 1 - id;
}

/** The function that is usual for an event, of what {@link usually} made of it. */
export function usualOf(stand: number): number {
  return UNNAMED - 1 - stand;
}

const NAMES = ["sum", "avg", "min", "max", "count", "first", "last", "stddev"] as const;
const PERCENTILE_BASE = 16;
const PERCENTILE_UNITS = 10_000;
const PERCENTILE = /^p(\d{1,3}(?:\.\d{1,4})?)$/;

/** All functions, as text for people. */
export const FUNCTION_LIST: string = `${NAMES.join(", ")} and p0 to p100`;

/** The function's id, or -1 when there is no such function. `p50.0` is `p50`. */
export function functionId(name: string): number {
  const plain = (NAMES as readonly string[]).indexOf(name);
  if (plain >= 0) return plain;
  const percent = Number(PERCENTILE.exec(name)?.[1] ?? NaN);
  return percent <= 100 ? PERCENTILE_BASE + Math.round(percent * PERCENTILE_UNITS) : -1;
}

/** The canonical name of a function id. */
export function functionName(id: number): string {
  return isPercentile(id) ? `p${perMillionOf(id) / PERCENTILE_UNITS}` : NAMES[id]!;
}

/** Whether a number read from outside (a state file) is a function id. */
export function isFunctionId(id: number): boolean {
  return Number.isInteger(id) &&
    ((id >= 0 && id < NAMES.length) || (isPercentile(id) && perMillionOf(id) <= 100 * PERCENTILE_UNITS));
}

export function isPercentile(id: number): boolean {
  return id >= PERCENTILE_BASE;
}

/** The percentile of a function id in parts per million: 0 to 1,000,000. */
export function perMillionOf(id: number): number {
  return id - PERCENTILE_BASE;
}
