import type { Refusal } from "../aggregation/refusal.ts";

const DETAIL: Record<Refusal, string> = {
  future: "timestamp further ahead of the wall clock than MAX_FUTURE_SKEW",
  late: "further behind the bus's newest event than CORRECTION_HORIZON",
  overflow: "a new series beyond MAX_SERIES",
};

/** Units per second. */
const UNITS = [["seconds", 1], ["milliseconds", 1e3], ["microseconds", 1e6], ["nanoseconds", 1e9]] as const;

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
  const unit = refusal === "future"
    ? likelyUnit(timeMs, nowMs, perSecond)
    : refusal === "late"
    ? likelyUnit(timeMs, nowMs, perSecond, "coarser")
    : undefined;
  return unit === undefined || perSecond === undefined
    ? DETAIL[refusal]
    : `${DETAIL[refusal]}; it looks like ${unit}, and has to be in ${
      unitName(perSecond)
    } (EVENT_TIME_UNIT says in what)`;
}

/**
 * The finer or coarser unit in which a timestamp would be one of about now; undefined: there is none, or
 * timestamps are not numbers.
 */
export function likelyUnit(
  timeMs: number,
  nowMs: number,
  perSecond: number | undefined,
  which: "finer" | "coarser" = "finer",
): string | undefined {
  if (perSecond === undefined) return undefined;
  return UNITS.find(([, other]) => {
    const thenMs = timeMs / (other / perSecond);
    const isLooked = which === "finer" ? other > perSecond : other < perSecond;
    return isLooked && thenMs > nowMs / 2 && thenMs < nowMs * 2;
  })?.[0];
}

/** The name of the unit of which `perSecond` are in a second. */
export function unitName(perSecond: number): string {
  return UNITS.find(([, own]) => own === perSecond)![0];
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
