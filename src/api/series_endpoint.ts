import { z } from "zod";
import { cursorOf, cursorText } from "../control/cursor.ts";
import type { ListedSeries } from "../control/found_series.ts";
import type { Inquiries } from "../control/inquiries.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { answered, OVERLOADED } from "./inquiry.ts";
import { integerParameter, LABELS, textParameter, TIER } from "./query_parameters.ts";

const CURSOR = cursorOf(z.string());

const NEWEST = z.strictObject({
  value: z.number().nullable(),
  window_start: z.number(),
  window_end: z.number(),
  count: z.int().min(0),
  revision: z.int().min(0),
});

const SERIES = z.strictObject({
  name: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  agg_func: z.string(),
  tiers: z.array(z.strictObject({
    window_seconds: z.number(),
    newest: NEWEST.nullable().meta({ description: "The newest aggregate; null: no window has closed" }),
  })),
});

const SERIES_PAGE = z.strictObject({
  series: z.array(SERIES),
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
export function seriesEndpoint(inquiries: Inquiries): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/series",
    role: "viewer",
    summary: "the series of the open and the newest closed windows, by name, each with its newest aggregates",
    query: z.strictObject({
      q: textParameter("A part of the name, in upper or lower case").default(""),
      labels: LABELS.default({}),
      tier: TIER.optional(),
      limit: integerParameter(1, 1000, 100, "Series at most"),
      cursor: CURSOR.optional(),
    }),
    reply: SERIES_PAGE,
    errorStatuses: OVERLOADED,
    answer: async ({ query: { q: text, labels, tier: lengthMs, limit, cursor: after } }) => {
      const question = { text, labels, lengthMs, limit, after };
      const page = await answered(() => inquiries.series(question));
      return {
        series: page.series.map(seriesRecord),
        tiers: page.tiers.map(({ lengthMs, sinceMs }) => ({
          window_seconds: lengthMs / 1000,
          since: sinceMs === undefined ? null : sinceMs / 1000,
        })),
        next: page.next === undefined ? null : cursorText(page.next),
      };
    },
  });
}

function seriesRecord({ name, labels, aggFunc, newest }: ListedSeries): z.input<typeof SERIES> {
  return {
    name,
    ...(labels !== undefined && { labels: JSON.parse(labels) }),
    agg_func: aggFunc,
    tiers: [...newest].sort(([a], [b]) => a - b).map(([lengthMs, aggregate]) => ({
      window_seconds: lengthMs / 1000,
      newest: aggregate === undefined ? null : {
        value: aggregate.value,
        window_start: aggregate.windowStartMs / 1000,
        window_end: aggregate.windowEndMs / 1000,
        count: aggregate.count,
        revision: aggregate.revision,
      },
    })),
  };
}
