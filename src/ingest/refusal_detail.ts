import { likelyUnit, unitName } from "../aggregation/likely_unit.ts";
import type { Refusal } from "../aggregation/refusal.ts";
import { spanInWords } from "./span_in_words.ts";

const DETAIL: Record<Refusal, string> = {
  future: "timestamp further ahead of the wall clock than MAX_FUTURE_SKEW",
  late: "further behind the bus's newest event than CORRECTION_HORIZON",
  overflow: "a new series beyond MAX_SERIES",
};

/**
 * Why a valid event of that time was refused, for its dead letter.
 *
 * @param perSecond The unit of the timestamps, as units per second; undefined: they are not numbers.
 */
export function refusalDetail(
  refusal: Refusal,
  timeMs: number,
  nowMs: number,
  perSecond: number | undefined,
): string {
  const unit = refusal === "future" ? likelyUnit(timeMs, nowMs, perSecond) : undefined;
  if (unit === undefined || perSecond === undefined) {
    return `${DETAIL[refusal]}${distance(refusal, timeMs - nowMs)}`;
  }
  return `${timeMs < nowMs ? "timestamp of 1970" : DETAIL.future}; it looks like ${unit}, and has to be in ${
    unitName(perSecond)
  } (EVENT_TIME_UNIT says in what)`;
}

/** How far from now the time is, in brackets; empty where that says nothing. */
function distance(refusal: Refusal, aheadMs: number): string {
  if (refusal === "overflow" || !Number.isFinite(aheadMs)) return "";
  return aheadMs > 0 ? ` (${spanInWords(aheadMs)} ahead of now)` : ` (${spanInWords(-aheadMs)} ago)`;
}

/**
 * The timestamp of an event, Unix ms; NaN where it is unknown, as for an event that was cut.
 *
 * @param timeMs The time as it was read. Times beyond the greatest safe integer were set to it.
 * @param raw The event as it came.
 */
export function statedTimeMs(timeMs: number, raw: Uint8Array): number {
  if (timeMs !== Number.MAX_SAFE_INTEGER) return timeMs;
  try {
    return Number(JSON.parse(new TextDecoder().decode(raw)).timestamp) * 1000;
  } catch {
    return NaN;
  }
}
