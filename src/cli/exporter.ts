import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { exporterEnvironment } from "../runtime/exporter_environment.ts";
import type { HandlerOptions } from "../runtime/handler_options.ts";
import type { Config } from "../settings/config.ts";
import { ConfigError } from "../settings/fault.ts";
import { KEPT, ofExporter, takeLaunch } from "./environment.ts";

/** How the handler sends its metrics to the receiver; undefined: it does not. */
export async function metricsSender(
  { instanceId, telemetry }: Config,
): Promise<HandlerOptions["sendMetrics"]> {
  if (telemetry === undefined || !telemetry.signals.includes("metrics")) return undefined;
  return (await import("./telemetry.ts")).senderTo(telemetry, instanceId);
}

/** The answer to the launcher: what to add to the environment, as lines of `NAME=value`. */
export function exporterLines(config: Config): string {
  const exporter = exporterEnvironment(config);
  if (exporter === undefined) return "";
  const kept = { [KEPT]: JSON.stringify(ofExporter(takeLaunch().environment)) };
  return Object.entries({ ...exporter, ...kept }).map(([name, value]) => `${name}=${value}\n`).join("");
}

/**
 * Opens the exporter of OpenTelemetry; undefined: nothing is to be sent. Its code is loaded where something
 * is.
 *
 * @throws {ConfigError} where the runtime was not told at the start of the process what the settings say.
 */
export async function openTelemetry(config: Config): Promise<Telemetry | undefined> {
  const wanted = exporterEnvironment(config) ?? { OTEL_DENO: undefined };
  const { exporter } = takeLaunch();
  const missed = Object.entries(wanted).filter(([name, value]) => exporter[name] !== value);
  if (missed.length === 0) {
    const { telemetry } = config;
    return telemetry && (await import("./telemetry.ts")).telemetryOf(telemetry);
  }
  const names = missed.map(([name]) => name).join(", ");
  throw new ConfigError([{
    subject: "OTEL_EXPORTER_OTLP_ENDPOINT",
    origin: undefined,
    value: undefined,
    problem: config.telemetry === undefined
      ? "is not set, but OTEL_DENO is, by which the runtime would send what no setting says"
      : "cannot be honoured: the runtime has its exporter from the environment that the process was " +
        `started with, which differs in ${names}. ` +
        "The executable sees to that itself, unless its settings are in a " +
        "file that is no regular one. Without its launcher, docs/tracing.md says what to set",
  }]);
}
