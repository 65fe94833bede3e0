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
