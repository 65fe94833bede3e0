import type { Refusal } from "../aggregation/refusal.ts";

const DETAIL: Record<Refusal, string> = {
  future: "timestamp further ahead of the wall clock than MAX_FUTURE_SKEW",
  late: "further behind the bus's newest event than CORRECTION_HORIZON",
  overflow: "a new series beyond MAX_SERIES",
};

/** How many of each are in a second. */
const UNITS = [["milliseconds", 1e3], ["microseconds", 1e6], ["nanoseconds", 1e9]] as const;

/** Why a valid event of that time was refused, for its dead letter. */
export function refusalDetail(refusal: Refusal, timeMs: number, nowMs: number): string {
  const unit = refusal === "future" ? likelyUnit(timeMs, nowMs) : undefined;
  return unit === undefined
    ? DETAIL[refusal]
    : `${DETAIL[refusal]}; it looks like ${unit}, and has to be in seconds`;
}

/** The unit in which a time that was read as seconds would be one of about now; undefined: in none. */
export function likelyUnit(timeMs: number, nowMs: number): string | undefined {
  return UNITS.find(([, perSecond]) => timeMs / perSecond > nowMs / 2 && timeMs / perSecond < nowMs * 2)?.[0];
}

/**
 * The time that an event states, Unix ms; NaN where it cannot be told, as of an event that was cut.
 *
 * @param timeMs As it was read: what is beyond the greatest safe integer stands there as that one.
 * @param raw The event as it came.
 */
export function statedTimeMs(timeMs: number, raw: Uint8Array): number {
  if (timeMs < Number.MAX_SAFE_INTEGER) return timeMs;
  try {
    return Number(JSON.parse(new TextDecoder().decode(raw)).timestamp) * 1000;
  } catch {
    return NaN;
  }
}
