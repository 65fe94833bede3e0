import { otlpMetrics } from "../api/otlp_metrics.ts";
import { METRICS } from "../api/prometheus.ts";
import { denoTelemetry, SCOPE } from "../platform/telemetry/deno_telemetry.ts";
import { type ReceiverAddress, sendMetrics } from "../platform/telemetry/receiver.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { resourceOf } from "../runtime/exporter_environment.ts";
import type { HandlerOptions } from "../runtime/handler_options.ts";
import { pairsOf, type TelemetryConfig } from "../settings/telemetry_config.ts";
import { VERSION } from "../version.ts";

/** How requests to the receiver look. */
export function receiverOf({ authority, endpoint, headers, protocol }: TelemetryConfig): ReceiverAddress {
  return { endpoint, headers: pairsOf(headers), isJson: protocol === "http/json", authority: authority?.pem };
}

/** Sends the metrics of a handler to the receiver. */
export function senderTo(
  telemetry: TelemetryConfig,
  instanceId: string,
): NonNullable<HandlerOptions["sendMetrics"]> {
  const receiver = receiverOf(telemetry);
  const origin = {
    resource: resourceOf(telemetry, instanceId),
    scope: { name: SCOPE, version: VERSION },
    startMs: performance.timeOrigin,
  };
  return (overview, signal) => sendMetrics(receiver, otlpMetrics(METRICS, overview, origin), signal);
}

/** What the runtime, which was told of the receiver, sends there. */
export function telemetryOf(telemetry: TelemetryConfig): Telemetry {
  return denoTelemetry(VERSION, receiverOf(telemetry), telemetry.signals);
}
