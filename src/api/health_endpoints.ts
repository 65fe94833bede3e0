import * as z from "zod";
import type { LiveOverview } from "../runtime/overview.ts";
import type { Note } from "../runtime/notes.ts";
import { alarmsOf, causesOf } from "../runtime/readiness.ts";
import { type Endpoint, endpoint, jsonReply } from "./endpoint.ts";

/** Causes or alarms, each by name. */
export const FINDINGS = z.array(z.strictObject({ name: z.string(), detail: z.string() }));

/** Whether events go in and aggregates out. */
export const READINESS = z.strictObject({
  status: z.enum(["ready", "not_ready"]),
  causes: FINDINGS,
  alarms: FINDINGS.optional(),
  notes: FINDINGS.optional().meta({ description: "What is not read yet, since other instances have it" }),
});

/** The notes that `/readyz` has, too. Others name series, which are not for whoever may ask for readiness. */
const READING_NOTES: readonly Note["name"][] = ["partition_awaited", "partition_taken"];

/** Of probes: whatever they add to the path is ignored. */
const ANYTHING = z.object({});

/** Whether the process is alive, and whether events go in and aggregates out. */
export function healthEndpoints(look: () => LiveOverview): Endpoint[] {
  return [
    endpoint({
      method: "GET",
      path: "/healthz",
      role: "probe",
      summary: "is the process alive",
      query: ANYTHING,
      reply: z.strictObject({ status: z.literal("ok") }),
      answer: () => ({ status: "ok" as const }),
    }),
    endpoint({
      method: "GET",
      path: "/readyz",
      role: "probe",
      summary: "do events go in and aggregates out",
      query: ANYTHING,
      reply: READINESS,
      otherStatuses: [503],
      answer: () => {
        const readiness = readinessOf(look());
        return jsonReply(readiness.status === "ready" ? 200 : 503, readiness);
      },
    }),
  ];
}

/** What `/readyz` says. */
export function readinessOf(overview: LiveOverview): z.input<typeof READINESS> {
  const causes = causesOf(overview);
  const alarms = alarmsOf(overview);
  const notes = overview.notes.filter(({ name }) => READING_NOTES.includes(name));
  return {
    status: causes.length === 0 ? "ready" : "not_ready",
    causes,
    ...(alarms.length > 0 && { alarms }),
    ...(notes.length > 0 && { notes: notes.map(({ name, detail }) => ({ name, detail })) }),
  };
}
