import type { LiveOverview } from "../runtime/overview.ts";
import { BUS_METRICS } from "./prometheus_buses.ts";
import { EVENT_METRICS } from "./prometheus_events.ts";
import type { Family } from "./prometheus_family.ts";
import { CONTENT_TYPES, formatFor } from "./prometheus_format.ts";
import { renderPage } from "./prometheus_page.ts";
import { SINK_METRICS } from "./prometheus_sinks.ts";
import { STATE_METRICS } from "./prometheus_state.ts";

/** All metrics, in the order of the page and of docs/metrics.md. */
export const METRICS: readonly Family[] = [
  ...STATE_METRICS,
  ...EVENT_METRICS,
  ...BUS_METRICS,
  ...SINK_METRICS,
];

/** The page of metrics for a scraper. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** @param accept The `Accept` header of the request. */
export function metricsPage(overview: LiveOverview, accept: string | null): MetricsPage {
  const format = formatFor(accept);
  return { contentType: CONTENT_TYPES[format], text: renderPage(METRICS, overview, format) };
}
