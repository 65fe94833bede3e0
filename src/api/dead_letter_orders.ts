import * as z from "zod";
import { deadLetterRecord } from "../control/dead_letter_record.ts";
import { allDeadLetters, deadLetters, settleDeadLetters } from "../control/dead_letters.ts";
import type { Installation } from "../control/installation.ts";
import { noted } from "../control/audited.ts";
import { DEAD_LETTER_REASONS, type DeadLetterReason } from "../state/letters/dead_letter_reason.ts";
import { actorOf } from "./actor.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { ORDER_ERRORS, ordering } from "./order_errors.ts";

const IDS_MAX = 5000;

const REASON = z.enum(DEAD_LETTER_REASONS);
const IDS = z.array(z.int().positive()).min(1).max(IDS_MAX);

interface Choice {
  readonly ids?: readonly number[] | undefined;
  readonly reason?: DeadLetterReason | undefined;
}

/** Dead letters by their numbers, by reason, by both, or all of them. */
const CHOICE: z.ZodType<Choice> = z.union(
  [
    z.strictObject({ all: z.literal(true) }).transform(() => ({})),
    z.strictObject({ ids: IDS, reason: REASON.optional() }),
    z.strictObject({ reason: REASON }),
  ],
  {
    error: `give "ids" (1 to ${IDS_MAX} numbers), "reason" (${
      DEAD_LETTER_REASONS.join(", ")
    }) or both; or "all": true`,
  },
);

/** Changes of dead letters: the same as `dead-letters retry`, `purge` and `export`. */
export function deadLetterOrders(installation: () => Installation): Endpoint[] {
  return [
    settling("retry", "has refused events and aggregates taken in again", installation),
    settling("purge", "throws dead letters away", installation),
    endpoint({
      method: "GET",
      path: "/api/dead-letters/export",
      role: "admin",
      summary: "all dead letters as NDJSON, oldest first",
      query: z.strictObject({ reason: REASON.optional() }),
      reply: z.string(),
      contentType: NDJSON,
      errorStatuses: ORDER_ERRORS,
      answer: ({ query: { reason }, caller, request: { method } }) =>
        ordering(() => {
          const { config: { instanceId, stateDir } } = installation();
          if (method === "HEAD") return new Response(null, { headers: { "content-type": NDJSON } });
          noted(
            actorOf(caller),
            { action: "dead-letters export", detail: reason === undefined ? "all" : `--reason ${reason}` },
            stateDir,
            "handed out",
          );
          return new Response(linesOf(stateDir, reason, instanceId), {
            headers: { "content-type": NDJSON },
          });
        }),
    }),
  ];
}

const NDJSON = "application/x-ndjson";

function settling(
  action: "retry" | "purge",
  summary: string,
  installation: () => Installation,
): Endpoint {
  return endpoint({
    method: "POST",
    path: `/api/dead-letters/${action}`,
    role: "admin",
    summary,
    query: z.strictObject({}),
    body: CHOICE,
    reply: z.strictObject({
      /** How many were chosen. The handler settles them with its next checkpoints. */
      chosen: z.int(),
    }),
    errorStatuses: ORDER_ERRORS,
    answer: ({ body: { ids, reason }, caller }) =>
      ordering(() => {
        const { config, logger } = installation();
        const words = [reason && `--reason ${reason}`, ids && `${deadLetters(ids.length)} by number`];
        const choice = words.filter(Boolean).join(" ") || "--all";
        const { chosen } = settleDeadLetters(
          actorOf(caller),
          { action, reason, ids, choice },
          config,
          logger,
        );
        return { chosen };
      }),
  });
}

/** The lines of an export. They are read as fast as the client takes them, a page at a time in memory. */
function linesOf(stateDir: string, reason: DeadLetterReason | undefined, instance: string): ReadableStream {
  const exported = allDeadLetters(stateDir, reason);
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const next = exported.next();
      if (next.done) controller.close();
      else controller.enqueue(encoder.encode(`${JSON.stringify(deadLetterRecord(next.value, instance))}\n`));
    },
    cancel: () => void exported.return(undefined),
  });
}
