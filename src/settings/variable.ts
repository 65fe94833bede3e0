import type { ValueType } from "./value_type.ts";

/** What help, docs/settings.md and masking know of a setting. */
export interface Description {
  /** Its heading; left out: the heading of its connector. */
  readonly group?: string;
  /** One line for help and docs/settings.md: what it is, with its unit. */
  readonly help: string;
  readonly example: string;
  /** Shown for a default that depends on the machine or on other variables. */
  readonly defaultText?: string;
  /** Never shown; also read from the file that `<NAME>_FILE` names. */
  readonly secret?: true;
  /** Not secret, but given together with a secret: also read from the file that `<NAME>_FILE` names. */
  readonly fromFile?: true;
  /** Names a file whose content is secret. */
  readonly keyFile?: true;
  /** Its connector needs it. It is a mistake to set it where the connector is not used. */
  readonly needed?: true;
  /** A change takes effect at the next start only, not where a running service reads its settings again. */
  readonly atStart?: true;
  /** Other programs have variables with similar names: only an obvious slip is reported as one. */
  readonly commonName?: true;
}

export interface Variable<T, D = string | undefined> extends Description {
  readonly type: ValueType<T>;
  /** The default as an operator would write it; undefined: there is none, or it is computed. */
  readonly default: D;
}

/** Variables by their names. */
export type Spec = Readonly<Record<string, Variable<unknown>>>;

/** The value of each variable; undefined where there is neither a text nor a default. */
export type ValuesOf<S extends Spec> = {
  readonly [N in keyof S]: S[N] extends Variable<infer T, infer D> ? D extends string ? T : T | undefined
    : never;
};

export function withDefault<T>(
  type: ValueType<T>,
  value: string,
  description: Description,
): Variable<T, string> {
  return { type, default: value, ...description };
}

export function optional<T>(type: ValueType<T>, description: Description): Variable<T, undefined> {
  return { type, default: undefined, ...description };
}

/** Whether its value may also come from a file that another variable names. */
export function isReadFromFile({ secret, fromFile }: Description): boolean {
  return secret === true || fromFile === true;
}

/** `AGGREGATION_INTERVAL` → `--aggregation-interval`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll("_", "-")}`;
}

/** Adds the operator's prefix to each name of a spec in a text. */
export function namer(spec: Spec, prefix: string): (text: string) => string {
  const names = Object.keys(spec).toSorted((a, b) => b.length - a.length);
  if (prefix === "" || names.length === 0) return (text) => text;
  const own = new RegExp(`(?<![A-Z0-9_])(${names.join("|")})`, "g");
  return (text) => text.replace(own, `${prefix}$1`);
}
