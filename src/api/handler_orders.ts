import * as z from "zod";
import { flush, reload } from "../control/handler_orders.ts";
import type { Installation } from "../control/installation.ts";
import { setPaused } from "../control/pausing.ts";
import type { Controls } from "../runtime/controls.ts";
import type { Pause } from "../state/pauses.ts";
import { actorOf } from "./actor.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { ORDER_ERRORS, ordering } from "./order_errors.ts";

const NOTHING = z.strictObject({});
const NAMES = z.array(z.string());
const KIND = z.enum(["source", "sink"]);

/** Orders to the running handler: pause, resume, flush, reload. */
export function handlerOrders(installation: () => Installation, controls: Controls): Endpoint[] {
  return [
    pausing(
      "pause",
      "stops reading a source, or delivering to a sink, until it is resumed",
      installation,
      controls,
    ),
    pausing("resume", "goes on with a source or a sink that was paused", installation, controls),
    endpoint({
      method: "POST",
      path: "/api/flush",
      role: "admin",
      summary: "closes all open windows now; their later events correct them",
      query: NOTHING,
      body: NOTHING,
      reply: z.strictObject({
        /** Windows that were open. */
        closed: z.int(),
      }),
      errorStatuses: ORDER_ERRORS,
      answer: ({ caller }) =>
        ordering(async () => ({
          closed: await flush(actorOf(caller), installation().config.stateDir, controls),
        })),
    }),
    endpoint({
      method: "POST",
      path: "/api/reload",
      role: "admin",
      summary: "reads the settings again, as at a SIGHUP",
      query: NOTHING,
      body: NOTHING,
      reply: z.strictObject({
        /** Settings that have changed. */
        changed: NAMES,
        /** Settings that have changed and take effect at the next start. */
        changed_at_next_start: NAMES,
      }),
      errorStatuses: ORDER_ERRORS,
      answer: ({ caller }) =>
        ordering(async () => {
          const { changed, atStart } = await reload(
            actorOf(caller),
            installation().config.stateDir,
            controls,
          );
          return { changed: [...changed], changed_at_next_start: [...atStart] };
        }),
    }),
  ];
}

function pausing(
  action: "pause" | "resume",
  summary: string,
  installation: () => Installation,
  controls: Controls,
): Endpoint {
  return endpoint({
    method: "POST",
    path: `/api/${action}`,
    role: "admin",
    summary,
    query: NOTHING,
    body: z.strictObject({ kind: KIND, name: z.string().min(1).max(2048) }),
    reply: z.strictObject({
      /** Everything that is paused now. */
      paused: z.array(z.strictObject({ kind: KIND, name: z.string(), by: z.string(), since: z.number() })),
    }),
    errorStatuses: ORDER_ERRORS,
    answer: ({ body, caller }) =>
      ordering(() => {
        const pauses = setPaused(actorOf(caller), body, action === "pause", installation(), controls);
        return { paused: pauses.map(pauseRecord) };
      }),
  });
}

function pauseRecord({ kind, name, who, sinceMs }: Pause) {
  return { kind, name, by: who, since: sinceMs / 1000 };
}
