import * as z from "zod";
import { toRecord } from "../aggregation/aggregate.ts";
import type { PageEnd } from "../control/aggregate_order.ts";
import { cursorOf, cursorText } from "../control/cursor.ts";
import type { Inquiries } from "../control/inquiries.ts";
import { AGGREGATE } from "./aggregate_schema.ts";
import { ApiError } from "./api_error.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { answered, OVERLOADED } from "./inquiry.ts";
import {
  FUNCTION,
  integerParameter,
  LABELS,
  textParameter,
  TIER,
  timeParameter,
} from "./query_parameters.ts";

/** Without `from`, the aggregates of this time before `to`. */
const USUAL_SPAN_MS = 3_600_000;

/** As short as it goes: start, then the rest of the key of the last aggregate. */
const CURSOR = cursorOf(
  z.tuple([z.int(), z.tuple([z.int(), z.string(), z.string(), z.int()]).nullable()]).transform(
    ([startMs, last]): PageEnd => ({
      startMs,
      last: last === null ? undefined : {
        windowStartMs: startMs,
        windowEndMs: last[0],
        ...(last[1] !== "" && { labels: last[1] }),
        aggFunc: last[2],
        revision: last[3],
      },
    }),
  ),
);

const PART = z.strictObject({
  from: z.number(),
  to: z.number(),
  answered_by: z.string().nullable().meta({
    description: '"archive": the state; "sink NAME"; null: nobody, so that older aggregates may be missing',
  }),
  lack: z.string().nullable().meta({ description: "Why aggregates may be missing; null: none are" }),
});

const AGGREGATES_PAGE = z.strictObject({
  aggregates: z.array(AGGREGATE),
  parts: z.array(PART).meta({ description: "Who has answered for which part of the time" }),
  next: z.string().nullable().meta({
    description: "The cursor of the next page, also where this one is not full; null: there is none",
  }),
});

export type AggregatesPage = z.infer<typeof AGGREGATES_PAGE>;

/** The aggregates of a name over a time. */
export function aggregatesEndpoint(inquiries: Inquiries, nowMs: () => number): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/aggregates",
    role: "viewer",
    summary: "the aggregates of a name, oldest window first: from the state, and older ones from an SQL sink",
    query: z.strictObject({
      name: textParameter("The whole name").min(1, "is empty: no event has such a name"),
      labels: LABELS.default({}),
      func: FUNCTION.optional(),
      from: timeParameter("Windows that start then or later; default: an hour before `to`").optional(),
      to: timeParameter("Windows that start before; default: now").optional(),
      tier: TIER.optional(),
      revisions: z.enum(["final", "all"]).default("final").meta({
        description: "all: also revisions that later ones have corrected, as far as the state has them",
      }),
      limit: integerParameter(1, 10_000, 1000, "Aggregates at most"),
      cursor: CURSOR.optional(),
    }),
    reply: AGGREGATES_PAGE,
    errorStatuses: OVERLOADED,
    answer: async ({ query }) => {
      const { name, labels, func: aggFunc, tier: lengthMs, limit, cursor: after } = query;
      const untilMs = query.to ?? nowMs();
      const fromMs = query.from ?? untilMs - USUAL_SPAN_MS;
      if (fromMs >= untilMs) {
        throw new ApiError(
          400,
          "bad_request",
          'parameter "from": is not before "to", which is now by default',
        );
      }
      const hasCorrections = query.revisions === "all";
      const question = { name, labels, aggFunc, fromMs, untilMs, lengthMs, hasCorrections, limit, after };
      const page = await answered(() => inquiries.aggregates(question));
      return {
        aggregates: page.aggregates.map((aggregate) => toRecord(aggregate, page.instance)),
        parts: page.parts.map(({ fromMs, untilMs, sink, lack }) => ({
          from: fromMs / 1000,
          to: untilMs / 1000,
          answered_by: sink !== undefined ? `sink ${sink}` : lack === undefined ? "archive" : null,
          lack: lack ?? null,
        })),
        next: page.next === undefined ? null : cursorText(cursorParts(page.next)),
      };
    },
  });
}

function cursorParts({ startMs, last }: PageEnd) {
  return [startMs, last && [last.windowEndMs, last.labels ?? "", last.aggFunc, last.revision]];
}
