import type { RefusalReason } from "../aggregation/refusal.ts";
import { likelyUnit, unitName } from "../aggregation/likely_unit.ts";
import { spanInWords } from "./span_in_words.ts";

/** A sample of many refused events. */
export interface RefusalSample {
  /** What is wrong with it. */
  readonly detail: string;
  /** Event time, Unix ms; undefined: it has none that could be read. */
  readonly timeMs: number | undefined;
  /** The unit of the timestamps, as units per second; undefined: they are not numbers. */
  readonly perSecond?: number | undefined;
}

const HOUR_MS = 3_600_000;
/** Time zones differ from UTC by quarters of an hour, 14 hours at most. */
const ZONE_STEP_MS = HOUR_MS / 4;
const ZONE_MAX_MS = 14 * HOUR_MS;
const ZONE_TOLERANCE_MS = 120_000;
/**
 * Times up to this one, Unix ms, are those of devices whose clocks were never set. Such clocks begin at 0.
 */
const UNSET_CLOCK_MAX_MS = 366 * 24 * HOUR_MS;

/** What an operator should check first, judged by a sample, as whole sentences. */
export function likelyCause(reason: RefusalReason, sample: RefusalSample, nowMs: number): string {
  const { detail, timeMs, perSecond } = sample;
  switch (reason) {
    case "invalid":
      return /function/.test(detail)
        ? `The latest: ${detail}. Likely cause: devices name a function that this version does not have.`
        : `The latest: ${detail}. Likely cause: somebody publishes another format, or names or numbers ` +
          "that are none.";
    case "overflow":
      return "Likely cause: names that never come again, such as ones with an id or a time in them; " +
        "or MAX_SERIES is too small for the plant.";
    case "future":
      return `Likely cause: ${futureCause(timeMs ?? NaN, nowMs, perSecond)}. ${
        wayBack(reason, "once this host's clock or a setting is mended")
      }`;
    case "late":
      return `Likely cause: ${lateCause(timeMs ?? NaN, nowMs)}. ${
        wayBack(reason, "with a longer CORRECTION_HORIZON")
      }`;
  }
}

/** Whose events they are, and what a retry does to them: it changes no timestamp. */
function wayBack(reason: RefusalReason, when: string): string {
  return `\`dead-letters list --reason ${reason}\` shows whose they are. \`dead-letters retry\` brings ` +
    `them in ${when}; the timestamps of a device whose clock is wrong stay wrong, so do not retry those.`;
}

function futureCause(timeMs: number, nowMs: number, perSecond: number | undefined): string {
  const unit = likelyUnit(timeMs, nowMs, perSecond);
  if (unit !== undefined && perSecond !== undefined) {
    return `timestamps are in ${unit}, not in ${unitName(perSecond)}`;
  }
  return zone(timeMs - nowMs, "ahead") ??
    `the devices' clocks are ahead (the latest by ${spanInWords(timeMs - nowMs)}), or this host's is behind`;
}

const UNSET_CLOCK =
  "devices whose clocks were never set (they say 1970), or timestamps in another unit than seconds";

/** Why events come that late again and again, likely. */
export function delayCause(behindMs: number, nowMs: number): string {
  if (nowMs - behindMs < UNSET_CLOCK_MAX_MS) return UNSET_CLOCK;
  return zone(behindMs, "behind") ??
    "the devices' clocks are behind, or what they have kept for so long is sent now";
}

function lateCause(timeMs: number, nowMs: number): string {
  if (timeMs < UNSET_CLOCK_MAX_MS) return UNSET_CLOCK;
  return zone(nowMs - timeMs, "behind") ??
    `devices send what they have kept for longer than CORRECTION_HORIZON (the latest is of ${
        spanInWords(nowMs - timeMs)
      } ago), their clocks are behind, or ` +
      "this host's clock or another device's was ahead";
}

/** The difference in hours; undefined: it cannot be a time zone. */
function zone(differenceMs: number, where: string): string | undefined {
  const steps = Math.round(differenceMs / ZONE_STEP_MS);
  const isZone = steps > 0 && differenceMs <= ZONE_MAX_MS + ZONE_TOLERANCE_MS &&
    Math.abs(differenceMs - steps * ZONE_STEP_MS) <= ZONE_TOLERANCE_MS;
  return isZone
    ? `timestamps are in local time, not in UTC (they are ${
      spanInWords(steps * ZONE_STEP_MS)
    } ${where}), or the devices' clocks are wrong`
    : undefined;
}
