import { printable } from "./printable.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

const RANK: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40 };

/** Structured log lines for one component. Never give it secrets: it does not look inside the fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `component` to each line. */
  child(component: string): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Writes one line, given without its newline. */
  readonly write: (line: string) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Builds the root logger. */
export function createLogger(options: LoggerOptions, component?: string): Logger {
  const log = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (RANK[level] < RANK[options.level]) return;
    const time = new Date(options.now()).toISOString();
    options.write(
      options.format === "json"
        ? JSON.stringify({ time, level, ...(component && { component }), message, ...fields })
        : textLine(time, level, component, message, fields),
    );
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    child: (name) => createLogger(options, name),
  };
}

function textLine(
  time: string,
  level: LogLevel,
  component: string | undefined,
  message: string,
  fields: LogFields,
): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? JSON.stringify(value) : value}`);
  const origin = component ? `${component}: ` : "";
  return printable(`${time} ${level.toUpperCase().padEnd(5)} ${origin}${message}${pairs.join("")}`);
}
