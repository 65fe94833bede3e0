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
  /** Fields of each line, such as the ids of the present trace; left out: none. */
  readonly present?: () => LogFields;
  /** Where lines are sent too, without their time and level; left out: nowhere. */
  readonly sent?: LogExport | undefined;
}

/** Sends the text of a log line elsewhere, by its level. */
export type LogExport = Readonly<Record<LogLevel, (text: string) => void>>;

/** Builds the root logger. */
export function createLogger(options: LoggerOptions, component?: string): Logger {
  const log = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (RANK[level] < RANK[options.level]) return;
    const time = new Date(options.now()).toISOString();
    const all = { ...fields, ...options.present?.() };
    options.write(
      options.format === "json"
        ? JSON.stringify({ time, level, ...(component && { component }), message, ...all })
        : `${time} ${level.toUpperCase().padEnd(5)} ${textOf(component, message, all)}`,
    );
    options.sent?.[level](textOf(component, message, fields));
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    child: (name) => createLogger(options, name),
  };
}

/** A line without its time and level. */
function textOf(component: string | undefined, message: string, fields: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? JSON.stringify(value) : value}`);
  const origin = component ? `${component}: ` : "";
  return printable(`${origin}${message}${pairs.join("")}`);
}
