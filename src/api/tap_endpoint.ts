import * as z from "zod";
import { REFUSALS } from "../aggregation/refusal.ts";
import { AGGREGATE } from "./aggregate_schema.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { LABELS, textParameter } from "./query_parameters.ts";
import { TapStream, type TapStreamOptions } from "./tap_stream.ts";

/** The data of each event of the stream. */
export const TAP_EVENTS = {
  event: z.strictObject({
    name: z.string(),
    labels: z.record(z.string(), z.string()).optional(),
    value: z.number(),
    timestamp: z.number(),
    agg_func: z.string().optional(),
    source: z.string(),
    partition: z.string().optional(),
    offset: z.number().optional(),
    refused: z.enum(REFUSALS).exclude(["invalid"]).optional(),
    late_seconds: z.number().optional(),
  }),
  aggregate: AGGREGATE.extend({ sinks: z.array(z.string()) }),
  passed: z.strictObject({
    passed: z.int().min(1),
    unexamined: z.int().min(0),
    unsent: z.int().min(0),
  }),
};

/** Events or aggregates as they pass. */
export function tapEndpoint(options: TapStreamOptions): Endpoint {
  const taps = new TapStream(options);
  return endpoint({
    method: "GET",
    path: "/api/tap",
    role: "viewer",
    summary: "server-sent events: the events, or the aggregates, that pass; a sample where many do",
    query: z.strictObject({
      of: z.enum(["events", "aggregates"]).default("events"),
      name: textParameter("Only these names; `*` stands for any characters").default("*"),
      labels: LABELS.default({}),
    }),
    reply: z.string(),
    contentType: "text/event-stream",
    errorStatuses: [503],
    answer: ({ query: { of, ...filter } }) =>
      new Response(taps[of](filter), { headers: { "content-type": "text/event-stream" } }),
  });
}
