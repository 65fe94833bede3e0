import * as z from "zod";
import { deadLetterRecord } from "../control/dead_letter_record.ts";
import type { Inquiries } from "../control/inquiries.ts";
import { DEAD_LETTER_REASONS } from "../state/letters/dead_letter_reason.ts";
import type { DeadLetter } from "../state/letters/dead_letters.ts";
import { AGGREGATE } from "./aggregate_schema.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { answered, OVERLOADED } from "./inquiry.ts";
import { integerParameter, optionalInteger, textParameter } from "./query_parameters.ts";

/** Bytes of events that one reply shows at most, so that a page stays a page. */
const RAW_TOTAL_BYTES = 4 * 1024 * 1024;

const REASON = z.enum(DEAD_LETTER_REASONS);

/** A dead letter as `dead-letters list --json` prints it. */
const DEAD_LETTER = z.strictObject({
  id: z.int().min(1),
  reason: REASON,
  detail: z.string(),
  refused_at: z.number(),
  bus: z.string().optional(),
  partition: z.string().optional(),
  path: z.string().optional(),
  offset: z.number().optional(),
  raw: z.string().optional(),
  raw_base64: z.string().optional(),
  cut: z.literal(true).optional().meta({ description: "There is more of the event than is shown" }),
  sink: z.string().optional(),
  aggregate: AGGREGATE.optional(),
});

/** A page of dead letters, newest first, with all of them by reason. */
export const DEAD_LETTERS_PAGE = z.strictObject({
  groups: z.array(z.strictObject({ reason: REASON, count: z.int().min(1), example: DEAD_LETTER })).meta({
    description: "All reasons, each with its newest dead letter",
  }),
  dead_letters: z.array(DEAD_LETTER),
  next: z.int().nullable().meta({ description: "`before` of the next page; null: there is none" }),
});

/** The refused events and aggregates. */
export function deadLettersEndpoint(inquiries: Inquiries): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/dead-letters",
    role: "viewer",
    summary: "refused events and aggregates, newest first, and all of them by reason",
    query: z.strictObject({
      reason: REASON.optional().meta({ description: "Only those refused for this reason" }),
      name: textParameter("Only those of this name; `*` stands for any characters").optional(),
      before: optionalInteger(1, Number.MAX_SAFE_INTEGER, "Only those with lower numbers: `next` of a page")
        .optional(),
      limit: integerParameter(1, 500, 50, "Dead letters at most"),
      raw: integerParameter(0, 65_536, 1024, "Bytes of each event that are shown at most"),
    }),
    reply: DEAD_LETTERS_PAGE,
    errorStatuses: OVERLOADED,
    answer: async ({ query: { reason, name, before: beforeId, limit, raw } }) => {
      const question = { reason, name, beforeId, limit };
      const page = await answered(() => inquiries.deadLetters(question));
      const rawMaxBytes = Math.min(raw, Math.floor(RAW_TOTAL_BYTES / limit));
      const record = (deadLetter: DeadLetter) => ({
        ...deadLetterRecord(deadLetter, page.instance, rawMaxBytes),
        reason: deadLetter.reason,
      });
      return {
        groups: page.groups.map(({ reason, count, example }) => ({
          reason,
          count,
          example: record(example),
        })),
        dead_letters: page.deadLetters.map(record),
        next: page.next ?? null,
      };
    },
  });
}
