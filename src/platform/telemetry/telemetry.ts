import type { Tracing } from "./tracing.ts";
import type { LogExport } from "../log/logger.ts";

/** What a process tells a receiver of OTLP, by the exporter that is built into Deno. */
export interface Telemetry {
  /** Undefined: no traces are sent. */
  readonly tracing: Tracing | undefined;
  /** Sends log lines; undefined: none are sent. */
  readonly logs: LogExport | undefined;
  /**
   * Why the receiver does not take the traces and logs that are sent; undefined: it takes them. @throws The
   * signal's reason.
   */
  readonly tryReceiver: (signal: AbortSignal) => Promise<string | undefined>;
}
