import type { z } from "zod";
import type { ALARM, ALARM_RULE } from "../../api/alarms_endpoint.ts";

/** An alarm that stands or will. */
export type Alarm = z.infer<typeof ALARM>;

/** The alarms of the handler. */
export interface Alarms {
  readonly alarms: readonly Alarm[];
  /** Everything that is watched. */
  readonly watched: readonly z.infer<typeof ALARM_RULE>[];
}

/** Values of labels that are names for programs, in words. */
const WORDS: Readonly<Record<string, string>> = {
  events_refused_invalid: "not valid",
  events_refused_future: "ahead of the clock",
  events_refused_late: "too late",
  events_refused_overflow: "too many series",
  invalid: "not valid",
  future: "ahead of the clock",
  late: "too late",
  overflow: "too many series",
  rows_missing: "rows are missing",
  rows_differ: "rows differ",
};

/** What an alarm is about, in words; "": the whole handler. */
export function aboutText({ labels }: Pick<Alarm, "labels">): string {
  return Object.entries(labels).map(([label, value]) =>
    label === "alarm" || label === "reason" ? WORDS[value] ?? value : value
  ).join(", ");
}
