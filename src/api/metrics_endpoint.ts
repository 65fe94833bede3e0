import { z } from "zod";
import type { LiveOverview } from "../runtime/overview.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "./prometheus.ts";

/** The metrics for Prometheus. */
export function metricsEndpoint(look: () => LiveOverview): Endpoint {
  return endpoint({
    method: "GET",
    path: "/metrics",
    role: "metrics",
    summary: "for Prometheus",
    query: z.object({}),
    reply: z.string(),
    contentType: PROMETHEUS_CONTENT_TYPE,
    answer: () => prometheusText(look()),
  });
}
