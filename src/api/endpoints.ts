import { z } from "zod";
import type { LiveOverview } from "../runtime/overview.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { healthEndpoints } from "./health_endpoints.ts";
import { metricsEndpoint } from "./metrics_endpoint.ts";

/** What the endpoints stand on. */
export interface ApiSurroundings {
  /** The state of the handler. */
  readonly look: () => LiveOverview;
}

/** All endpoints of the admin listener. @param sessions Those that open and end sessions. */
export function endpointsOver({ look }: ApiSurroundings, sessions: readonly Endpoint[]): Endpoint[] {
  const endpoints = [...healthEndpoints(look), metricsEndpoint(look), ...sessions];
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
