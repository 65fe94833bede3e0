import * as z from "zod";
import { runbookOf } from "../control/runbook.ts";
import { type Alarm, ALARM_RULES } from "../runtime/alarms/alarm_watch.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";

const SECONDS = z.number().meta({ description: "Unix seconds" });

/** An alarm that there may be. */
export const ALARM_RULE = z.strictObject({
  name: z.string().meta({ description: "The name of the alert for Prometheus, too" }),
  severity: z.enum(["critical", "warning"]),
  summary: z.string(),
});

/** An alarm that stands or will. */
export const ALARM = ALARM_RULE.extend({
  state: z.enum(["pending", "firing"]).meta({
    description: "`pending`: it fires at `fires_at`, where it still holds then",
  }),
  since: SECONDS,
  fires_at: SECONDS,
  labels: z.record(z.string(), z.string()).meta({ description: "What it is about; empty: the handler" }),
  detail: z.string(),
  runbook: z.strictObject({ means: z.string(), look: z.string(), do: z.string() }).meta({
    description: "What docs/runbook.md says, as Markdown",
  }),
});

/** The alarms of the handler, each with what to do. */
export function alarmsEndpoint(alarms: () => readonly Alarm[]): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/alarms",
    role: "viewer",
    summary: "alarms that stand or have just begun, each with what to do about it",
    query: z.strictObject({}),
    reply: z.strictObject({
      alarms: z.array(ALARM).meta({ description: "Those that fire first, critical ones before others" }),
      watched: z.array(ALARM_RULE).meta({ description: "Everything that is watched" }),
    }),
    answer: () => ({
      alarms: alarms().map(alarmRecord),
      watched: ALARM_RULES.map(({ name, severity, summary }) => ({ name, severity, summary })),
    }),
  });
}

function alarmRecord({ detail, isRaised, labels, raisedMs, rule, sinceMs }: Alarm): z.input<typeof ALARM> {
  return {
    name: rule.name,
    severity: rule.severity,
    summary: rule.summary,
    state: isRaised ? "firing" : "pending",
    since: sinceMs / 1000,
    fires_at: raisedMs / 1000,
    labels,
    detail,
    runbook: { ...runbookOf(rule.name) },
  };
}
