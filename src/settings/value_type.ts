import { isIPv6 } from "node:net";
import * as z from "zod";
import { durationMs, UNITS_MS } from "../platform/clock/duration.ts";
import { maskRefused } from "./mask.ts";
import { meantBy } from "./near_miss.ts";

/** The type of a setting: how its text is read, and what is allowed, in words and as a schema. */
export interface ValueType<T> {
  /** For help: `<seconds>`; in square brackets when a flag may stand alone. */
  readonly placeholder: string;
  /** The allowed values, to end the sentence "Allowed: …". */
  readonly allowed: string;
  /**
   * The text of docs/settings.md instead, where that explains the type once for all; empty where the help
   * says it.
   */
  readonly inReference?: string;
  readonly schema: z.ZodType<T, string>;
  /** The allowed words, where the type allows only certain words. */
  readonly words?: readonly string[];
  /** Words that a shell offers to complete, where others are allowed, too. */
  readonly suggestions?: readonly string[];
  /** What its value is the path of. */
  readonly pathOf?: "file" | "directory";
  /** Shows a valid value without secrets. */
  readonly mask?: (text: string) => string;
  /** Shows a refused value without secrets. */
  readonly maskRefused?: (text: string) => string;
}

export interface HostPort {
  readonly hostname: string;
  readonly port: number;
}

export const PORT_MAX = 65_535;

/**
 * A duration in plain seconds or with its unit, read into milliseconds.
 *
 * @param min Seconds.
 * @param max Seconds.
 */
export function duration(min: number, max: number): ValueType<number> {
  return {
    placeholder: "<duration>",
    allowed:
      `${min} to ${max} seconds, to the millisecond: plain, or with s, m, h or d behind it (90, 1.5m, 1d)`,
    inReference: `${durationText(min)} to ${durationText(max)}`,
    schema: z.string().transform((text, context) => {
      const ms = durationMs(text);
      const problem = typeof ms === "string"
        ? ms
        : ms < min * 1000
        ? `is less than ${min} seconds`
        : ms > max * 1000
        ? `is more than ${max} seconds`
        : undefined;
      if (problem === undefined) return Number(ms);
      context.addIssue({ code: "custom", message: problem });
      return z.NEVER;
    }),
  };
}

/** Seconds as text, in the greatest unit in which they are a whole number. */
function durationText(seconds: number): string {
  if (seconds === 0) return "0";
  const unit = (["d", "h", "m"] as const).find((unit) => (seconds * 1000) % UNITS_MS[unit] === 0);
  return unit === undefined ? `${seconds}s` : `${seconds * 1000 / UNITS_MS[unit]}${unit}`;
}

export function integer(min: number, max: number): ValueType<number> {
  return {
    placeholder: "<count>",
    allowed: `a whole number from ${min} to ${max}`,
    schema: z.string()
      .regex(/^(?![-−])/, "is negative")
      .regex(/^\d+$/, "is not a whole number in plain digits")
      .transform(Number)
      .refine((value) => value >= min, `is less than ${min}`)
      .refine((value) => value <= max, `is more than ${max}`),
  };
}

export function boolean(): ValueType<boolean> {
  return {
    placeholder: "[true|false]",
    allowed: "true or false",
    words: ["true", "false"],
    schema: z.string().toLowerCase()
      .pipe(z.enum(["true", "false"], "is neither true nor false"))
      .transform((word) => word === "true"),
  };
}

/** One of some words, in lower or upper case. */
export function choice<const W extends string>(words: readonly W[]): ValueType<W> {
  return {
    placeholder: `<${words.join("|")}>`,
    allowed: `one of ${words.join(", ")}`,
    words,
    schema: wordOf(words, (word) => `is not known${meantBy(word, words)}`),
  };
}

function wordOf<const W extends string>(
  words: readonly W[],
  problem: (word: string) => string,
): z.ZodType<W, string> {
  return z.string().transform((text, context) => {
    const word = words.find((known) => known === text.toLowerCase());
    if (word !== undefined) return word;
    context.addIssue({ code: "custom", message: problem(text) });
    return z.NEVER;
  });
}

/** `host:port`, several with commas, none twice. */
export function hostPorts(): ValueType<readonly string[]> {
  const one = z.string().superRefine((text, context) => {
    const address = parseHostPort(text);
    const problem = typeof address === "string"
      ? address
      : address.port === 0
      ? "is not host:port with a port from 1 to 65535"
      : undefined;
    if (problem !== undefined) context.addIssue({ code: "custom", message: `has a part that ${problem}` });
  });
  return {
    placeholder: "<host:port,…>",
    allowed: "host:port, several with commas, an IPv6 address in brackets",
    schema: listOf(one),
    maskRefused,
  };
}

/** Names of hosts without ports, several with commas, none twice; in lower case. */
export function hostNames(): ValueType<readonly string[]> {
  return {
    placeholder: "<name,…>",
    allowed: "host names without port, several with commas",
    schema: listOf(
      z.string().regex(/^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*$/u, "has a part that is not a host name")
        .toLowerCase(),
    ),
  };
}

/** An address to listen on; port 0 takes a free one. */
export function listenAddress(): ValueType<HostPort>;
export function listenAddress(option: { mayBeOff: true }): ValueType<HostPort | "off">;
export function listenAddress(option?: { mayBeOff: true }): ValueType<HostPort | "off"> {
  return {
    placeholder: option ? "<host:port|off>" : "<host:port>",
    allowed: `host:port, an IPv6 address in brackets, port 0 for any free one${option ? "; or off" : ""}`,
    inReference: "host:port, an IPv6 address in brackets",
    schema: z.string().transform((text, context) => {
      if (option && text.toLowerCase() === "off") return "off";
      const address = parseHostPort(text);
      if (typeof address !== "string") return address;
      context.addIssue({ code: "custom", message: address });
      return z.NEVER;
    }),
  };
}

export function pattern(placeholder: string, allowed: string, expression: RegExp): ValueType<string> {
  return { placeholder, allowed, schema: z.string().regex(expression, "is not of the form that is allowed") };
}

export function path(allowed: string): ValueType<string> {
  return pathType("file", allowed);
}

export function directory(allowed: string): ValueType<string> {
  return pathType("directory", allowed);
}

function pathType(pathOf: "file" | "directory", allowed: string): ValueType<string> {
  return {
    placeholder: "<path>",
    allowed,
    inReference: "",
    pathOf,
    // deno-lint-ignore no-control-regex
    schema: z.string().regex(/^[^\x00]+$/, "is not a path"),
  };
}

/** Who may read and write a file beside its owner, in octal digits as for chmod; not everybody may write. */
export function fileMode(): ValueType<number> {
  return {
    placeholder: "<mode>",
    allowed: "0600, 0640, 0644, 0660 or 0664",
    schema: z.string().regex(/^0?6(?:00|40|44|60|64)$/, "is no such file mode").transform((text) =>
      parseInt(text, 8)
    ),
  };
}

/** A moment, read into Unix milliseconds. */
export function instant(): ValueType<number> {
  return {
    placeholder: "<time>",
    allowed: "Unix seconds, or a time such as 2026-01-31, 2026-01-31T06:00Z or 2026-01-31T06:00:00+01:00",
    schema: z.string().transform((text, context) => {
      if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
      // Without an offset, a time would depend on the time zone of the machine. A date alone is in UTC.
      const isComplete = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
      const ms = isComplete ? Date.parse(text) : NaN;
      if (!Number.isNaN(ms) && isCalendarDay(text.slice(0, 10))) return ms;
      const problem = isComplete
        ? "does not exist in the calendar"
        : "is not a time with its offset from UTC";
      context.addIssue({ code: "custom", message: problem });
      return z.NEVER;
    }),
  };
}

/** Whether a day such as 2026-01-31 exists. `Date.parse` takes the 30th of February for the 2nd of March. */
function isCalendarDay(text: string): boolean {
  const day = new Date(text);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** Text that a function reads; undefined: it is not of the form that is allowed. */
export function parsedText<T extends object>(
  placeholder: string,
  allowed: string,
  parse: (text: string) => T | undefined,
): ValueType<T> {
  return {
    placeholder,
    allowed,
    schema: z.string().transform((text, context) => {
      const value = parse(text);
      if (value !== undefined) return value;
      context.addIssue({ code: "custom", message: "is not of the form that is allowed" });
      return z.NEVER;
    }),
  };
}

/** Text that is taken unchanged and checked elsewhere. */
export function anyText(placeholder: string, allowed: string): ValueType<string> {
  return { placeholder, allowed, inReference: "", schema: z.string() };
}

function listOf<T>(one: z.ZodType<T, string>): z.ZodType<readonly T[], string> {
  return z.string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(one))
    .refine((parts) => new Set(parts).size === parts.length, "names the same twice");
}

/** `host:port`, or what is wrong with it, as the rest of a sentence. */
export function parseHostPort(text: string): HostPort | string {
  if (/^[^[\]]*:[^[\]]*:/.test(text) && isIPv6(text.replace(/:\d+$/, ""))) {
    return "has an IPv6 address without brackets, as in [::1]:8000";
  }
  const match = /^(?:\[([^\]]+)\]|([\p{L}\p{N}._-]+)):(\d+)$/u.exec(text);
  if (match === null || (match[1] !== undefined && !isIPv6(match[1]))) return "is not host:port";
  const [, ipv6, name, digits] = match;
  const port = Number(digits);
  return port > PORT_MAX ? `has a port above ${PORT_MAX}` : { hostname: ipv6 ?? name!, port };
}
