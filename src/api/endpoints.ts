import type { Installation } from "../control/installation.ts";
import type { Inquiries } from "../control/inquiries.ts";
import { aggregatesEndpoint } from "./aggregates_endpoint.ts";
import { alarmsEndpoint } from "./alarms_endpoint.ts";
import { booksEndpoint } from "./books_endpoint.ts";
import { dashboardEndpoints } from "./dashboard_endpoints.ts";
import { deadLettersEndpoint } from "./dead_letters_endpoint.ts";
import { Jobs } from "../control/jobs.ts";
import type { Controls } from "../runtime/controls.ts";
import { auditEndpoint } from "./audit_endpoint.ts";
import { deadLetterOrders } from "./dead_letter_orders.ts";
import type { Endpoint } from "./endpoint.ts";
import { handlerOrders } from "./handler_orders.ts";
import { historyEndpoint } from "./history_endpoint.ts";
import { healthEndpoints } from "./health_endpoints.ts";
import { jobEndpoints } from "./job_endpoints.ts";
import { metricsEndpoint } from "./metrics_endpoint.ts";
import { openApiEndpoint } from "./openapi_endpoint.ts";
import { pipelineEndpoint } from "./pipeline_endpoint.ts";
import { seriesEndpoint } from "./series_endpoint.ts";
import { statusEndpoint } from "./status_endpoint.ts";
import { streamEndpoint } from "./stream_endpoint.ts";
import { tapEndpoint } from "./tap_endpoint.ts";
import { windowsEndpoint } from "./windows_endpoint.ts";

/** What the endpoints stand on. */
export interface ApiSurroundings {
  /** The running handler. */
  readonly controls: Controls;
  /** What is in force at the moment. */
  readonly installation: () => Installation;
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
  { controls, inquiries, installation }: ApiSurroundings,
  sessions: readonly Endpoint[],
  closing: AbortSignal,
): Endpoint[] {
  const look = () => controls.look();
  const declared = [
    ...healthEndpoints(look),
    metricsEndpoint(look),
    ...sessions,
    statusEndpoint(inquiries),
    booksEndpoint(inquiries),
    seriesEndpoint(inquiries, controls),
    aggregatesEndpoint(inquiries, () => look().nowMs),
    windowsEndpoint(inquiries),
    historyEndpoint((span) => controls.figures(span), look),
    deadLettersEndpoint(inquiries),
    alarmsEndpoint(() => controls.alarms()),
    streamEndpoint({ inquiries, look, closing }),
    tapEndpoint({ tap: () => controls.tap, inquiries, closing }),
    pipelineEndpoint(look),
    auditEndpoint(installation),
    ...jobEndpoints(installation, new Jobs(Date.now, closing)),
    ...deadLetterOrders(installation),
    ...handlerOrders(installation, controls),
  ];
  const endpoints = [...declared, openApiEndpoint(declared)];
  return [...endpoints, ...dashboardEndpoints(endpoints)];
}
