import * as z from "zod";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { EventStream, type EventStreamOptions } from "./event_stream.ts";
import { READINESS } from "./health_endpoints.ts";
import { PIPELINE } from "./pipeline_endpoint.ts";
import { STATUS } from "./status_endpoint.ts";

/** The data of each event of the stream. */
export const STREAM_EVENTS = {
  status: STATUS,
  readiness: READINESS,
  pipeline: PIPELINE,
  alive: z.strictObject({}),
  window: z.strictObject({
    window_start: z.number(),
    window_end: z.number(),
    aggregates: z.int().min(1),
    correction: z.boolean(),
  }),
};

/** What changes in the handler, as it happens. */
export function streamEndpoint(options: EventStreamOptions): Endpoint {
  const events = new EventStream(options);
  return endpoint({
    method: "GET",
    path: "/api/stream",
    role: "viewer",
    summary:
      "server-sent events: the pipeline each second, status and readiness when they change, closed windows",
    query: z.strictObject({}),
    reply: z.string(),
    contentType: "text/event-stream",
    errorStatuses: [503],
    answer: ({ request }) =>
      new Response(events.open(request.headers.get("last-event-id") ?? undefined), {
        headers: { "content-type": "text/event-stream" },
      }),
  });
}
