import * as z from "zod";
import { cursorOf } from "../control/cursor.ts";
import type { Inquiries } from "../control/inquiries.ts";
import { type SeriesMemory, seriesPageRecord } from "../control/series_record.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { answered, OVERLOADED } from "./inquiry.ts";
import { integerParameter, LABELS, textParameter, TIER } from "./query_parameters.ts";

const CURSOR = cursorOf(z.string());

const COUNT = z.int().min(0);

const SECONDS = z.number().meta({ description: "Unix seconds" });

const NEWEST = z.strictObject({
  value: z.number().nullable(),
  window_start: z.number(),
  window_end: z.number(),
  count: z.int().min(0),
  revision: z.int().min(0),
  sinks: z.array(z.string()).meta({ description: "Where it goes: none where no route leads anywhere" }),
  waiting_for: z.array(z.string()).meta({
    description: "The sinks among them that did not have it yet at the last checkpoint",
  }),
});

const SERIES = z.strictObject({
  name: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  agg_func: z.string(),
  silent_since: SECONDS.nullable().meta({
    description: "The end of its last window, where others have gone on without it",
  }),
  new_since: SECONDS.nullable().meta({
    description: "The start of its first window, where others were there before it",
  }),
  tiers: z.array(z.strictObject({
    window_seconds: z.number(),
    open: z.boolean().meta({ description: "Whether it is in an open window" }),
    newest: NEWEST.nullable().meta({ description: "The newest aggregate; null: no window has closed" }),
  })),
});

const TROUBLE = z.strictObject({
  name: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  source: z.string(),
  late: COUNT.meta({ description: "Events that have corrected closed windows" }),
  refused: z.strictObject({ future: COUNT, late: COUNT, overflow: COUNT }),
  behind_seconds: z.number().meta({
    description:
      "How far the latest one was behind the newest event of its partition; below 0: ahead of the clock",
  }),
  since: SECONDS,
  last_at: SECONDS,
});

/** A page of series. */
export const SERIES_PAGE = z.strictObject({
  series: z.array(SERIES),
  near: z.array(SERIES).meta({
    description:
      "Where only silent series are found: those that began when one of them stopped, and have its labels " +
      "or a similar name, the likeliest first. Where nothing is found: those with a similar name",
  }),
  near_left_off: COUNT.meta({ description: "How many more of them there are" }),
  dropped: z.array(z.strictObject({ name: z.string(), rule: z.string() })).meta({
    description: "Names of which a rule of AGG_FUNCTIONS drops the events, so that there is no series",
  }),
  troubles: z.array(TROUBLE).meta({
    description: "Series with late or refused events since the start of the process, the latest first",
  }),
  tiers: z.array(z.strictObject({
    window_seconds: z.number(),
    since: z.number().nullable().meta({
      description: "Closed windows were searched from this start on, Unix seconds",
    }),
  })),
  next: z.string().nullable().meta({ description: "The cursor of the next page; null: there is none" }),
});

export type SeriesPage = z.infer<typeof SERIES_PAGE>;

/** The series that there are, for somebody who looks for one. */
export function seriesEndpoint(inquiries: Inquiries, memory: SeriesMemory): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/series",
    role: "viewer",
    summary: "the series of the open and the newest closed windows, by name, each with its newest aggregates",
    query: z.strictObject({
      q: textParameter("A part of the name or of a label; case, spaces and signs do not count").default(""),
      labels: LABELS.default({}),
      tier: TIER.optional(),
      limit: integerParameter(1, 1000, 100, "Series at most"),
      cursor: CURSOR.optional(),
    }),
    reply: SERIES_PAGE,
    errorStatuses: OVERLOADED,
    answer: async ({ query: { q: text, labels, tier: lengthMs, limit, cursor: after } }) => {
      const question = { text, labels, lengthMs, limit, after };
      return seriesPageRecord(await answered(() => inquiries.series(question)), question, memory);
    },
  });
}
