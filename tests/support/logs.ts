import { createLogger, type Logger, type LogLevel } from "../../src/platform/log/logger.ts";

/** A logger that appends its lines to `lines`. Its time stands still at the beginning of 1970. */
export function loggerTo(
  lines: string[],
  level: LogLevel = "debug",
  format: "text" | "json" = "text",
): Logger {
  return createLogger({ level, format, write: (line) => void lines.push(line), now: () => 0 });
}

/** A logger that writes nothing. */
export const SILENT: Logger = createLogger({ level: "error", format: "text", write: () => {}, now: () => 0 });
