import type { Tracing } from "./tracing.ts";
import type { LogExport } from "../log/logger.ts";

/** What a process tells a receiver of OTLP, by the exporter that is built into Deno. */
export interface Telemetry {
  readonly tracing: Tracing;
  /** Sends log lines. */
  readonly logs: LogExport;
  /** Why the receiver does not take what is sent; undefined: it takes it. @throws The signal's reason. */
  readonly tryReceiver: (signal: AbortSignal) => Promise<string | undefined>;
}
