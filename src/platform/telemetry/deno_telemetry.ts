import type { TracerProvider } from "@opentelemetry/api";
import { Console } from "node:console";
import process from "node:process";
import type { LogExport } from "../log/logger.ts";
import { type ReceiverAddress, type Signal, tryReceiver } from "./receiver.ts";
import type { Telemetry } from "./telemetry.ts";
import { type ContextKeeper, Tracing } from "./tracing.ts";

/** What Deno offers, which its own types leave open. */
interface DenoTelemetry {
  readonly tracerProvider: TracerProvider;
  readonly contextManager: ContextKeeper;
}

/** The instrumentation scope of all that is sent. */
export const SCOPE = "vabus-data-handler";

/**
 * Opens the exporter of OTLP that is built into Deno. It must have been switched on when the process started.
 * Deno was told then to trace nothing by itself, since its spans of requests have whole URLs in them, and to
 * take what is written to the console for the log that is sent. So the console is put back where it was.
 *
 * @param signals What is sent. Metrics are not sent by this exporter.
 */
export function denoTelemetry(
  version: string,
  receiver: ReceiverAddress,
  signals: readonly Signal[],
): Telemetry {
  const { contextManager, tracerProvider } = Deno.telemetry as DenoTelemetry;
  const tried = signals.filter((signal) => signal !== "metrics");
  const logs = takeConsole();
  return {
    tracing: signals.includes("traces")
      ? new Tracing(tracerProvider.getTracer(SCOPE, version), contextManager)
      : undefined,
    logs: signals.includes("logs") ? logs : undefined,
    tryReceiver: (signal) => tryReceiver(receiver, tried, signal),
  };
}

function takeConsole(): LogExport {
  const { debug, info, warn, error } = globalThis.console;
  globalThis.console = new Console(process.stdout, process.stderr) as unknown as typeof globalThis.console;
  return { debug, info, warn, error };
}
