import { seriesInWords } from "../event/labels.ts";
import { LATE_DATA, type RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import { listed } from "./listed.ts";
import { delayCause } from "./refusal_cause.ts";
import { QUIET_MS, type SeriesTrouble } from "./series_troubles.ts";
import { spanInWords } from "./span_in_words.ts";

/** Events that are less late are no matter for an operator: connections break off for a while. */
const LATE_MIN_MS = 600_000;
/** Late events of a series before it is told of: single ones have happened everywhere. */
const EVENTS_MIN = 10;
/** After that long without one, somebody may have mended it. */
const STOPPED_MS = 30_000;

/** The alarm over series whose events keep coming late; none where there is no such series. */
export function lateDataAlarm(troubles: Iterable<SeriesTrouble>, nowMs: number): RefusalAlarm[] {
  const late = [...troubles].filter((trouble) =>
    trouble.behindMs > LATE_MIN_MS && lateEventsOf(trouble) >= EVENTS_MIN &&
    Math.abs(nowMs - trouble.lastMs) <= QUIET_MS
  ).sort((a, b) => a.sinceMs - b.sinceMs);
  if (late.length === 0) return [];
  const first = late[0]!;
  const named = late.map((trouble) =>
    `${seriesInWords(trouble)} (the latest event is ${spanInWords(trouble.behindMs)} late)`
  );
  const quietMs = Math.max(0, nowMs - Math.max(...late.map(({ lastMs }) => lastMs)));
  const stopped = quietMs < STOPPED_MS
    ? ""
    : `None has come for ${spanInWords(quietMs)}; the alarm ends after ${spanInWords(QUIET_MS)} without. `;
  const detail =
    `${late.length === 1 ? "1 series keeps" : `${late.length} series keep`} sending late events: ` +
    `${listed(named)}. ${stopped}` +
    `Likely cause: ${delayCause(first.behindMs, nowMs)}. They go into the windows of their own times, ` +
    "as corrections, or are refused as late; the present windows lack them.";
  return [{ reason: LATE_DATA, detail, since: Math.round(first.sinceMs / 1000) }];
}

function lateEventsOf({ late, refused }: SeriesTrouble): number {
  return late + refused.late;
}
