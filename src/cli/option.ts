import type { Fault } from "../settings/fault.ts";
import type { ValueType } from "../settings/value_type.ts";

/** A flag of a single command, besides those of the configuration. */
export interface CommandOption<T> {
  /** In commander's notation: `--limit <count>`. */
  readonly flags: string;
  readonly help: string;
  /** The type of its value; left out: it stands alone. */
  readonly type?: ValueType<unknown>;
  /** Reads the values in their order; none: the flag was left out or has no value. */
  read(given: Given, faults: Fault[]): T;
}

export interface Given {
  readonly isThere: boolean;
  readonly texts: readonly string[];
}

export type Options = Readonly<Record<string, CommandOption<unknown>>>;
export type OptionValues<O extends Options> = {
  readonly [K in keyof O]: O[K] extends CommandOption<infer T> ? T : never;
};

/** A flag that stands alone. */
export function toggle(flag: string, help: string): CommandOption<boolean> {
  return { flags: flag, help, read: ({ isThere }) => isThere };
}

/** A flag with a value, the last one when it is repeated. */
export function single<T>(flag: string, type: ValueType<T>, help: string): CommandOption<T | undefined> {
  return {
    flags: `${flag} ${type.placeholder}`,
    help,
    type,
    read: ({ texts }, faults) => texts.map((text) => readOne(flag, type, text, faults)).at(-1),
  };
}

/** A flag with a value and a default, given as an operator would write it. */
export function singleOr<T>(
  flag: string,
  type: ValueType<T>,
  fallback: string,
  help: string,
): CommandOption<T> {
  const given = single(flag, type, "");
  return {
    flags: given.flags,
    help: `${help} (default: ${fallback})`,
    type,
    read: (texts, faults) => given.read(texts, faults) ?? type.schema.parse(fallback),
  };
}

/** A flag with a value that may be repeated. */
export function repeated<T>(flag: string, type: ValueType<T>, help: string): CommandOption<readonly T[]> {
  return {
    flags: `${flag} ${type.placeholder}`,
    help: `${help}; may be repeated`,
    type,
    read: ({ texts }, faults) =>
      texts.map((text) => readOne(flag, type, text, faults)).filter((value) => value !== undefined),
  };
}

function readOne<T>(flag: string, type: ValueType<T>, text: string, faults: Fault[]): T | undefined {
  const result = type.schema.safeParse(text.trim());
  if (result.success) return result.data;
  faults.push({
    subject: flag,
    value: type.maskRefused?.(text) ?? text,
    problem: result.error.issues[0]!.message,
    allowed: type.allowed,
  });
  return undefined;
}
