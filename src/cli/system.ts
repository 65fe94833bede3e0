import { hostname } from "node:os";
import type { LogConfig } from "../settings/shared_config.ts";
import type { Sources } from "../settings/settings.ts";
import { readNamed } from "../platform/file/regular_file.ts";
import { distrustOfFile, isOpenToAll } from "../platform/file/trust.ts";
import { createLogger, type LogFields, type Logger } from "../platform/log/logger.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { SpanContext } from "../platform/telemetry/tracing.ts";
import { writeStderr } from "../platform/terminal/streams.ts";
import { takeEnvironment } from "./environment.ts";

/** Bytes of a file of settings, secrets or certificates at most. */
const SETTINGS_MAX_BYTES = 1 << 20;

/** The view of this machine that the configuration gets. */
export function systemSources(flags: Sources["flags"], envFile: string | undefined): Sources {
  return {
    flags,
    environment: takeEnvironment(),
    envFile,
    workingDirectory: Deno.cwd(),
    hostName: hostname(),
    isTerminal: Deno.stderr.isTerminal(),
    readFile: (path) => {
      try {
        return new TextDecoder().decode(readNamed(path, SETTINGS_MAX_BYTES));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    isOpen: isOpenToAll,
    distrust: (path) => distrustOfFile(path),
  };
}

/**
 * Logs to stderr, by the configuration at the moment of each line.
 *
 * @param telemetry Names the present span, and gets the lines too; undefined: there is none.
 */
export function stderrLogger(config: () => LogConfig, telemetry?: Telemetry): Logger {
  return createLogger({
    get level() {
      return config().level;
    },
    get format() {
      return config().format;
    },
    write: (line) => writeStderr(`${line}\n`),
    now: Date.now,
    ...(telemetry && { present: () => idsOf(telemetry.tracing?.active()), sent: telemetry.logs }),
  });
}

/** The fields by which a log line names a span. */
function idsOf(span: SpanContext | undefined): LogFields {
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}
