import type { Config } from "../settings/config.ts";
import { pairsOf, type TelemetryConfig } from "../settings/telemetry_config.ts";
import { VERSION } from "../version.ts";

/**
 * How long the receiver may take to answer. When the process ends, what is left is sent, and the end waits
 * for that: about twice this time at most.
 */
const ANSWER_MAX_MS = 2500;
/** Spans and log lines that wait to be sent; beyond them they are dropped. All go in one request. */
const QUEUE_MAX = 2048;

/**
 * The environment in which the exporter that is built into Deno does what the settings say; undefined: it
 * stays off. Deno reads it when the process starts, and only then.
 */
export function exporterEnvironment(
  { instanceId, telemetry }: Pick<Config, "instanceId" | "telemetry">,
): Readonly<Record<string, string>> | undefined {
  if (telemetry === undefined) return undefined;
  const { authority, headers } = telemetry;
  return {
    OTEL_DENO: "true",
    // Deno's own spans of requests have whole URLs in them, with tokens, and come for every poll. So it makes
    // none, and no metrics of them. What is written to the console is the log that is sent.
    OTEL_DENO_TRACING: "false",
    OTEL_DENO_METRICS: "false",
    OTEL_DENO_CONSOLE: "replace",
    OTEL_EXPORTER_OTLP_ENDPOINT: telemetry.endpoint,
    ...(headers && { OTEL_EXPORTER_OTLP_HEADERS: headers }),
    OTEL_EXPORTER_OTLP_PROTOCOL: telemetry.protocol,
    ...(authority && { OTEL_EXPORTER_OTLP_CERTIFICATE: authority.path }),
    OTEL_SERVICE_NAME: telemetry.serviceName,
    // Nothing is percent-encoded, since Deno decodes nothing.
    OTEL_RESOURCE_ATTRIBUTES: [...resourceAttributes(telemetry, instanceId)]
      .map(([name, value]) => `${name}=${value}`).join(","),
    OTEL_TRACES_SAMPLER: telemetry.sampler,
    OTEL_TRACES_SAMPLER_ARG: `${telemetry.samplerArg}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: `${ANSWER_MAX_MS}`,
    ...ofQueue("OTEL_BSP"),
    ...ofQueue("OTEL_BLRP"),
  };
}

function ofQueue(prefix: string): Record<string, string> {
  return {
    [`${prefix}_MAX_QUEUE_SIZE`]: `${QUEUE_MAX}`,
    [`${prefix}_MAX_EXPORT_BATCH_SIZE`]: `${QUEUE_MAX}`,
    [`${prefix}_EXPORT_TIMEOUT`]: `${ANSWER_MAX_MS}`,
  };
}

/** The resource of what is sent. */
export function resourceOf(telemetry: TelemetryConfig, instanceId: string): Map<string, string> {
  return resourceAttributes(telemetry, instanceId).set("service.name", telemetry.serviceName);
}

/**
 * Those of the operator, and those of the program that are not among them. Commas, at which Deno
 * would split, are replaced.
 */
function resourceAttributes({ resourceAttributes }: TelemetryConfig, instance: string): Map<string, string> {
  const own = [["service.instance.id", instance], ["service.version", VERSION]] as const;
  const given = new Map(pairsOf(resourceAttributes));
  const all = [...given, ...own.filter(([name]) => !given.has(name))];
  return new Map(all.map(([name, value]) => [name, value.replaceAll(",", "_")]));
}
