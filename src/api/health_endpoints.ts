import { z } from "zod";
import type { LiveOverview } from "../runtime/overview.ts";
import { alarmsOf, causesOf } from "../runtime/readiness.ts";
import { type Endpoint, endpoint, jsonReply } from "./endpoint.ts";

const FINDINGS = z.array(z.strictObject({ name: z.string(), detail: z.string() }));

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
      reply: z.strictObject({
        status: z.enum(["ready", "not_ready"]),
        causes: FINDINGS,
        alarms: FINDINGS.optional(),
      }),
      otherStatuses: [503],
      answer: () => {
        const overview = look();
        const causes = causesOf(overview);
        const alarms = alarmsOf(overview);
        const said = { causes, ...(alarms.length > 0 && { alarms }) };
        return causes.length === 0
          ? jsonReply(200, { status: "ready", ...said })
          : jsonReply(503, { status: "not_ready", ...said });
      },
    }),
  ];
}
