import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { printable } from "../log/printable.ts";
import type { Fault } from "./fault.ts";
import { MASK } from "./mask.ts";
import { nearMiss } from "./near_miss.ts";
import {
  fileVariable,
  flagOf,
  GIVEN_NAMES,
  type Group,
  type Values,
  type Variable,
  variable,
  VARIABLE_NAMES,
  type VariableName,
} from "./variables.ts";

/** Where settings come from: all that the configuration knows of the machine. */
export interface Sources {
  /** Flags by the name of their variable, `<NAME>_FILE` included. */
  readonly flags: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What `--env-file` names; undefined: `.env` in the working directory, if there is one. */
  readonly envFile: string | undefined;
  readonly workingDirectory: string;
  readonly hostName: string;
  /** Whether stderr is a terminal. */
  readonly isTerminal: boolean;
  /** Reads a text file; undefined when there is none, throws when it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
}

/** One line of the effective configuration, fit for every eye. */
export interface Setting {
  readonly variable: VariableName;
  readonly group: Group;
  /** As an operator would write it, secrets masked; undefined: not set. */
  readonly value: string | undefined;
  /** `default`, `environment`, `flag --log-level`, `.env`, `file /run/secrets/token`. */
  readonly origin: string;
}

/** Every variable by itself: read and checked, but not yet against the others. */
export interface Settings {
  /** The default stands in for a value at fault. */
  readonly values: Values;
  readonly masked: ReadonlyMap<VariableName, Setting>;
  /** Variables that have been given, rightly or not: no further fault needs to be named about them being missing. */
  readonly given: ReadonlySet<VariableName>;
  readonly faults: readonly Fault[];
  /** What is allowed but looks like a mistake. */
  readonly warnings: readonly string[];
}

interface Given {
  readonly text: string;
  readonly origin: string;
}

/** Reads every variable: flag before environment before `.env` before default. An empty variable counts as not set. */
export function readSettings(sources: Sources): Settings {
  const faults: Fault[] = [];
  const dotEnv = readDotEnv(sources, faults);
  const values: Partial<Record<VariableName, unknown>> = {};
  const masked = new Map<VariableName, Setting>();
  const given = new Set<VariableName>();
  for (const name of VARIABLE_NAMES) {
    const found = findGiven(name, sources, dotEnv, faults);
    if (found !== undefined) given.add(name);
    const definition = variable(name);
    const valid = found === "fault" || found === undefined ? undefined : check(name, found, faults);
    const text = valid?.text ?? definition.default;
    values[name] = valid !== undefined ? valid.value : defaultValue(definition);
    masked.set(name, {
      variable: name,
      group: definition.group,
      value: text === undefined ? undefined : maskValid(definition, text),
      origin: valid?.origin ?? "default",
    });
  }
  return {
    values: values as Values,
    masked,
    given,
    faults,
    warnings: nearMisses(sources.environment, dotEnv),
  };
}

/** The text given for a variable, directly or by a file; `fault` when there is one that cannot be used. */
function findGiven(
  name: VariableName,
  sources: Sources,
  dotEnv: DotEnv,
  faults: Fault[],
): Given | "fault" | undefined {
  const find = (key: string): Given | "fault" | undefined => {
    const flag = sources.flags[key];
    if (flag !== undefined && flag.trim() === "") {
      faults.push({ subject: flagOf(key), problem: "is empty; leave the flag out or give it a value" });
      return "fault";
    }
    return [
      { text: flag, origin: `flag ${flagOf(key)}` },
      { text: sources.environment[key], origin: "environment" },
      { text: dotEnv.variables[key], origin: dotEnv.origin },
    ].find((candidate): candidate is Given => candidate.text !== undefined && candidate.text.trim() !== "");
  };
  const direct = find(name);
  const fileKey = fileVariable(name);
  const file = fileKey === undefined ? undefined : find(fileKey);
  if (file === undefined || direct === "fault") return direct;
  if (file === "fault") return file;
  if (direct !== undefined) {
    faults.push({
      subject: name,
      origin: direct.origin,
      problem: `and ${fileKey} (${file.origin}) are both set; keep one of them`,
    });
    return "fault";
  }
  return readGivenFile(fileKey!, file, sources, faults);
}

function readGivenFile(key: string, file: Given, sources: Sources, faults: Fault[]): Given | "fault" {
  const path = file.text.trim();
  const result = readText(path, sources);
  if ("text" in result) {
    const text = result.text.replace(/\r?\n$/, "");
    if (text.trim() !== "") return { text, origin: `file ${path}` };
  }
  const problem = "problem" in result ? result.problem : "names a file that is empty";
  faults.push({ subject: key, origin: file.origin, value: path, problem });
  return "fault";
}

const NOT_THERE = "names a file that is not there";

/** Reads a file that a setting names; the problem completes a sentence about that setting. */
export function readText(path: string, sources: Sources): { text: string } | { problem: string } {
  try {
    const text = sources.readFile(resolve(sources.workingDirectory, path));
    return text === undefined ? { problem: NOT_THERE } : { text };
  } catch (error) {
    // Deno says the path once more, after the reason.
    const reason = error instanceof Error
      ? error.message.replace(/ \(os error \d+\).*$/s, "")
      : String(error);
    return { problem: `names a file that cannot be read: ${reason}` };
  }
}

function check(
  name: VariableName,
  given: Given,
  faults: Fault[],
): (Given & { readonly value: unknown }) | undefined {
  const { type, secret } = variable(name);
  const text = secret ? given.text : given.text.trim();
  if (!secret && /[\r\n]/.test(text)) {
    faults.push({
      subject: name,
      origin: given.origin,
      value: type.maskRefused?.(text) ?? text,
      problem: "has a line break in it, as when a quote in a file of variables does not end",
    });
    return undefined;
  }
  const result = type.schema.safeParse(text);
  if (result.success) return { text, origin: given.origin, value: result.data };
  faults.push({
    subject: name,
    origin: given.origin,
    value: secret ? undefined : (type.maskRefused?.(text) ?? text),
    problem: result.error.issues[0]!.message,
    allowed: type.allowed,
  });
  return undefined;
}

function defaultValue(definition: Variable<unknown>): unknown {
  return definition.default === undefined ? undefined : definition.type.schema.parse(definition.default);
}

function maskValid({ type, secret }: Variable<unknown>, text: string): string {
  return type.mask?.(text) ?? (secret ? MASK : text);
}

interface DotEnv {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly origin: string;
}

function readDotEnv(sources: Sources, faults: Fault[]): DotEnv {
  const path = sources.envFile ?? ".env";
  const result = readText(path, sources);
  if ("text" in result) return { variables: parseEnv(result.text), origin: path };
  const isNamed = sources.envFile !== undefined;
  if (isNamed || result.problem !== NOT_THERE) {
    faults.push({
      subject: isNamed ? "--env-file" : "the working directory",
      value: path,
      problem: result.problem,
    });
  }
  return { variables: {}, origin: path };
}

/** Our variables misspelt: names that begin like ours and are nearly one of them. */
function nearMisses(environment: Sources["environment"], dotEnv: DotEnv): string[] {
  const ours = new Set(GIVEN_NAMES);
  const names = new Set([...Object.keys(environment), ...Object.keys(dotEnv.variables)]);
  return [...names].filter((name) => OUR_PREFIX.test(name) && !ours.has(name)).sort().flatMap((name) => {
    const meant = nearMiss(name, ours);
    return meant === undefined ? [] : [printable(`${name} is set but not known; did you mean ${meant}?`)];
  });
}

const OUR_PREFIX = /^(VABUS|KAFKA|POSTGRES|SQLITE|AGGREGATION|STORAGE|CHECKPOINT|OUTBOX|CORRECTION)_/;
