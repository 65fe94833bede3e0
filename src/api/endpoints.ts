import { z } from "zod";
import type { Inquiries } from "../control/inquiries.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import { aggregatesEndpoint } from "./aggregates_endpoint.ts";
import { deadLettersEndpoint } from "./dead_letters_endpoint.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { healthEndpoints } from "./health_endpoints.ts";
import { metricsEndpoint } from "./metrics_endpoint.ts";
import { openApiEndpoint } from "./openapi_endpoint.ts";
import { seriesEndpoint } from "./series_endpoint.ts";
import { statusEndpoint } from "./status_endpoint.ts";
import { streamEndpoint } from "./stream_endpoint.ts";

/** What the endpoints stand on. */
export interface ApiSurroundings {
  /** The state of the handler. */
  readonly look: () => LiveOverview;
  /** The questions about its state. */
  readonly inquiries: Inquiries;
}

/**
 * All endpoints of the admin listener.
 *
 * @param sessions Those that open and end sessions.
 * @param closing Fires when the listener closes.
 */
export function endpointsOver(
  { look, inquiries }: ApiSurroundings,
  sessions: readonly Endpoint[],
  closing: AbortSignal,
): Endpoint[] {
  const declared = [
    ...healthEndpoints(look),
    metricsEndpoint(look),
    ...sessions,
    statusEndpoint(inquiries),
    seriesEndpoint(inquiries),
    aggregatesEndpoint(inquiries, () => look().nowMs),
    deadLettersEndpoint(inquiries),
    streamEndpoint({ inquiries, look, closing }),
  ];
  const endpoints = [...declared, openApiEndpoint(declared)];
  return [...endpoints, indexEndpoint(endpoints)];
}

/** The list of endpoints, for somebody who asks for `/`. */
function indexEndpoint(endpoints: readonly Endpoint[]): Endpoint {
  const named = endpoints.map(({ method, path, summary }) => ({
    name: method === "GET" ? path : `${method} ${path}`,
    summary,
  }));
  const width = Math.max(...named.map(({ name }) => name.length));
  const lines = named.map(({ name, summary }) => `${name.padEnd(width)}  ${summary}\n`).join("");
  return endpoint({
    method: "GET",
    path: "/",
    role: "open",
    summary: "this list",
    query: z.object({}),
    reply: z.string(),
    contentType: "text/plain; charset=utf-8",
    answer: () => `VaBus Data Handler\n\n${lines}`,
  });
}
