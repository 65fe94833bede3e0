/** Units of time, with how many are in a second. */
const UNITS = [["seconds", 1], ["milliseconds", 1e3], ["microseconds", 1e6], ["nanoseconds", 1e9]] as const;
/** A unit fits if the time lies between a fifth of the present one, which is in 1981, and twice it. */
const EARLIEST = 1 / 5;
const LATEST = 2;

/**
 * The other unit in which a time was likely written; undefined: none fits, or the time is no number of units.
 *
 * @param timeMs The time as it was understood, Unix ms.
 * @param nowMs Wall clock, Unix ms.
 * @param perSecond The unit in which it was understood, as units per second; undefined: it is no number.
 */
export function likelyUnit(timeMs: number, nowMs: number, perSecond: number | undefined): string | undefined {
  if (perSecond === undefined) return undefined;
  return UNITS.find(([, other]) => {
    const meantMs = timeMs / (other / perSecond);
    return other !== perSecond && meantMs > nowMs * EARLIEST && meantMs < nowMs * LATEST;
  })?.[0];
}

/** Whether a time was likely written in a finer unit than it was understood in. No clock is so far ahead. */
export function isOfFinerUnit(timeMs: number, nowMs: number): boolean {
  return timeMs >= nowMs * LATEST;
}

/** Before which time, Unix ms, {@link isOfCoarserUnit} may hold; -Infinity: it never does. */
export function coarserUnitUntil(nowMs: number, perSecond: number | undefined): number {
  // Each unit is a thousand of the next.
  return perSecond === undefined || perSecond === 1 ? -Infinity : nowMs * LATEST / 1000;
}

/** Whether a time was likely written in a coarser unit. It would be one of 1970. */
export function isOfCoarserUnit(timeMs: number, nowMs: number, perSecond: number | undefined): boolean {
  return timeMs < coarserUnitUntil(nowMs, perSecond) && likelyUnit(timeMs, nowMs, perSecond) !== undefined;
}

/** The name of the unit of which `perSecond` are in a second. */
export function unitName(perSecond: number): string {
  return UNITS.find(([, own]) => own === perSecond)![0];
}
