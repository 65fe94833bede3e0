import * as z from "zod";
import type { LiveOverview } from "../runtime/overview.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { metricsPage } from "./prometheus.ts";
import { CONTENT_TYPES } from "./prometheus_format.ts";

/** The metrics for Prometheus. */
export function metricsEndpoint(look: () => LiveOverview): Endpoint {
  return endpoint({
    method: "GET",
    path: "/metrics",
    role: "metrics",
    summary: "for Prometheus",
    query: z.object({}),
    reply: z.string(),
    contentType: CONTENT_TYPES.text,
    answer({ request }) {
      const { contentType, text } = metricsPage(look(), request.headers.get("accept"));
      return new Response(text, { headers: { "content-type": contentType, vary: "accept" } });
    },
  });
}
