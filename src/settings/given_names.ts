import type { Catalogue } from "./catalogue.ts";
import type { DotEnv } from "./dot_env.ts";
import type { Fault } from "./fault.ts";
import { OF_OPEN_TELEMETRY } from "./telemetry_variables.ts";
import { nearMiss } from "./near_miss.ts";
import { unknownNameProblem } from "./unknown_names.ts";
import { flagOf } from "./variable.ts";

/** What is given, by name; undefined: not set. */
type Texts = Readonly<Record<string, string | undefined>>;

/** A name that would be a setting of a sink that `STORAGE_TYPE` does not have. */
export interface UnusedName {
  readonly name: string;
  /** The sink as it would stand in `STORAGE_TYPE`. */
  readonly word: string;
}

/** Names in the environment and the settings file that look like settings and are none. */
export function unknownNames(environment: Texts, dotEnv: DotEnv, catalogue: Catalogue): Fault[] {
  return namesIn(environment, dotEnv).flatMap(([subject, origin]) => {
    const problem = unknownNameProblem(subject, catalogue);
    return problem === undefined ? [] : [{ subject, origin, problem }];
  });
}

/**
 * Flags of a sink with its own id are accepted before the settings are known. Flags of a sink that does not
 * exist are found here.
 */
export function unknownFlags(flags: Texts, catalogue: Catalogue): Fault[] {
  return Object.keys(flags).filter((name) => !catalogue.givenNames.includes(name)).map((name) => {
    const meant = nearMiss(name, catalogue.givenNames);
    const { id, kind } = catalogue.ofUnnamedSink(name) ?? { id: "", kind: "" };
    const problem = meant === undefined
      ? `is the flag of a sink that STORAGE_TYPE does not have; add ${id}:${kind} to it, ` +
        "or leave the flag out"
      : `is no flag; did you mean ${flagOf(meant)}?`;
    return { subject: flagOf(name), problem };
  });
}

/** Names that would be settings if `STORAGE_TYPE` had their sink. */
export function unusedNames(
  environment: Texts,
  dotEnv: DotEnv,
  catalogue: Catalogue,
): UnusedName[] {
  return namesIn(environment, dotEnv).flatMap(([name]) => {
    if (catalogue.givenNames.includes(name) || unknownNameProblem(name, catalogue) !== undefined) return [];
    const sink = catalogue.ofUnnamedSink(name);
    return sink === undefined ? [] : [{ name, word: `${sink.id}:${sink.kind}` }];
  });
}

/** Names of OpenTelemetry's variables that are set and not read here. */
export function unreadNames(environment: Texts, dotEnv: DotEnv, catalogue: Catalogue): string[] {
  return namesIn(environment, dotEnv).map(([name]) => name)
    .filter((name) => OF_OPEN_TELEMETRY.test(name) && !catalogue.givenNames.includes(name));
}

/** Every name that is set, with its origin. */
function namesIn(environment: Texts, dotEnv: DotEnv): [name: string, origin: string][] {
  const origins = new Map(Object.keys(environment).map((name) => [name, "environment"]));
  for (const [name, { origin }] of dotEnv.variables) origins.set(name, origin);
  return [...origins].sort(([a], [b]) => a < b ? -1 : 1);
}
