import { resolve } from "node:path";
import { readEnvFile } from "./env_file.ts";
import { denialOf } from "../platform/log/denial.ts";
import type { Fault } from "./fault.ts";
import { MASK } from "./mask.ts";
import { unknownNameProblem } from "./unknown_names.ts";
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
  /** Variables that keep the value they have, whatever is given now; undefined: not set. */
  readonly pinned?: ReadonlyMap<VariableName, string | undefined>;
  /** Groups of variables of which the command can do without what is missing or cannot be read. */
  readonly unneeded?: readonly Group[];
  readonly workingDirectory: string;
  readonly hostName: string;
  /** Whether stderr is a terminal. */
  readonly isTerminal: boolean;
  /** Reads a text file; undefined when there is none, throws when it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
  /** Why a file that nobody has named is not to be read, as a sentence without its full stop; undefined: it may be. */
  readonly distrust: (path: string) => string | undefined;
  /** Whether every user of the machine may read a file. */
  readonly isOpen: (path: string) => boolean;
}

/** One line of the effective configuration, fit for every eye. */
export interface Setting {
  readonly variable: VariableName;
  readonly group: Group;
  /** As an operator would write it, secrets masked; undefined: not set. */
  readonly value: string | undefined;
  /** `default`, `environment`, `flag --log-level`, `.env:3`, `file /run/secrets/token`. */
  readonly origin: string;
}

/** Every variable by itself: read and checked, but not yet against the others. */
export interface Settings {
  /** The default stands in for a value at fault. */
  readonly values: Values;
  readonly masked: ReadonlyMap<VariableName, Setting>;
  /** What each value was read from, secrets included: to see what has changed. Undefined: not set. */
  readonly texts: ReadonlyMap<VariableName, string | undefined>;
  /** Variables that have been given, rightly or not: no further fault needs to be named about them being missing. */
  readonly given: ReadonlySet<VariableName>;
  /** The texts that were given and are at fault. Not to be shown: they may be secret. */
  readonly refused: ReadonlyMap<VariableName, string>;
  /** Variables that the file of settings gives other values than those that flags or the environment have put before it. */
  readonly shadowed: readonly VariableName[];
  readonly faults: readonly Fault[];
}

interface Given {
  readonly text: string;
  readonly origin: string;
  /** Read from the file that `<NAME>_FILE` names: that file may be another secret's, by mistake, so its text is not shown. */
  readonly isOfFile?: true;
}

/** Reads every variable: flag before environment before `.env` before default. An empty variable counts as not set. */
export function readSettings(sources: Sources): Settings {
  const faults: Fault[] = [];
  const dotEnv = readDotEnv(sources, faults);
  faults.push(...unknownNames(sources.environment, dotEnv));
  const values: Partial<Record<VariableName, unknown>> = {};
  const masked = new Map<VariableName, Setting>();
  const texts = new Map<VariableName, string | undefined>();
  const given = new Set<VariableName>();
  const refused = new Map<VariableName, string>();
  for (const name of VARIABLE_NAMES) {
    const found = findGiven(name, sources, dotEnv, faults);
    if (found !== undefined) given.add(name);
    const definition = variable(name);
    const valid = found === "fault" || found === undefined ? undefined : check(name, found, faults);
    if (valid === undefined && typeof found === "object") refused.set(name, found.text);
    const text = valid?.text ?? definition.default;
    texts.set(name, text);
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
    texts,
    given,
    shadowed: VARIABLE_NAMES.filter((name) => {
      const inFile = dotEnv.variables.get(name)?.text.trim();
      return inFile !== undefined && inFile !== "" && !sources.pinned?.has(name) &&
        inFile !== texts.get(name)?.trim();
    }),
    refused,
    faults,
  };
}

/** The text given for a variable, directly or by a file; `fault` when there is one that cannot be used. */
function findGiven(
  name: VariableName,
  sources: Sources,
  dotEnv: DotEnv,
  faults: Fault[],
): Given | "fault" | undefined {
  if (sources.pinned?.has(name)) {
    const text = sources.pinned.get(name);
    return text === undefined ? undefined : { text, origin: "in force since the start" };
  }
  const find = (key: string): Given | "fault" | undefined => {
    const flag = sources.flags[key];
    if (flag !== undefined && flag.trim() === "") {
      faults.push({ subject: flagOf(key), problem: "is empty; leave the flag out or give it a value" });
      return "fault";
    }
    const found = [
      { text: flag, origin: `flag ${flagOf(key)}` },
      { text: sources.environment[key], origin: "environment" },
      dotEnv.variables.get(key),
    ].find((candidate): candidate is Given => !!candidate?.text?.trim());
    return found ?? (dotEnv.refused.has(key) ? "fault" : undefined);
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
    if (text.trim() !== "") return { text, origin: `file ${path}`, isOfFile: true };
  }
  const problem = "problem" in result ? result.problem : "names a file that is empty";
  faults.push({
    subject: key,
    origin: file.origin,
    value: path,
    problem,
    ...("problem" in result && { isAbsence: true }),
  });
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
    const reason = denialOf(error) ??
      (error instanceof Error ? error.message.replace(/ \(os error \d+\).*$/s, "") : String(error));
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
  const shown = secret || given.isOfFile ? undefined : (type.maskRefused?.(text) ?? text);
  if (!secret && /[\r\n]/.test(text)) {
    faults.push({
      subject: name,
      origin: given.origin,
      value: shown,
      problem: "has a line break in it, as when a quote in a file of variables does not end",
    });
    return undefined;
  }
  const result = type.schema.safeParse(text);
  if (result.success) return { text, origin: given.origin, value: result.data };
  faults.push({
    subject: name,
    origin: given.origin,
    value: shown,
    problem: result.error.issues[0]!.message + carriedAlong(text),
    allowed: type.allowed,
  });
  return undefined;
}

/** What systemd and Docker have left in a value that they read from a file of their own. */
function carriedAlong(text: string): string {
  if (/\s#/.test(text)) {
    return "; a comment behind a value is part of it where systemd or Docker read the file: put it on a line of its own";
  }
  const isQuoted = /^(["']).*\1$/.test(text);
  return isQuoted ? "; it is in quotes, which Docker takes as part of the value: leave them out there" : "";
}

function defaultValue(definition: Variable<unknown>): unknown {
  return definition.default === undefined ? undefined : definition.type.schema.parse(definition.default);
}

function maskValid({ type, secret }: Variable<unknown>, text: string): string {
  return type.mask?.(text) ?? (secret ? MASK : text);
}

interface DotEnv {
  readonly variables: ReadonlyMap<string, Given>;
  /** Our variables in lines that were not understood. */
  readonly refused: ReadonlySet<string>;
}

function readDotEnv(sources: Sources, faults: Fault[]): DotEnv {
  const path = sources.envFile ?? ".env";
  const variables = new Map<string, Given>();
  const refused = new Set<string>();
  const isNamed = sources.envFile !== undefined;
  const distrust = isNamed ? undefined : sources.distrust(resolve(sources.workingDirectory, path));
  if (distrust !== undefined) {
    faults.push({
      subject: path,
      problem:
        `in the working directory is not read: ${distrust}. Somebody else could set what this program does; name it with ` +
        "--env-file if it is meant, or mend its owner and mode",
    });
    return { variables, refused };
  }
  const result = readText(path, sources);
  if ("problem" in result) {
    if (isNamed || result.problem !== NOT_THERE) {
      const subject = isNamed ? "--env-file" : "the working directory";
      faults.push({ subject, value: path, problem: result.problem });
    }
    return { variables, refused };
  }
  const isOurs = (name: string | undefined) => name !== undefined && GIVEN_NAMES.includes(name);
  const file = readEnvFile(result.text, isOurs);
  for (const { name, line, problem } of file.faults) {
    const place = `${path}:${line}`;
    if (isOurs(name)) refused.add(name!);
    faults.push(isOurs(name) ? { subject: name!, origin: place, problem } : { subject: place, problem });
  }
  for (const { name, value, line } of file.variables) {
    const origin = `${path}:${line}`;
    const earlier = variables.get(name);
    if (earlier !== undefined && isOurs(name)) {
      refused.add(name);
      faults.push({
        subject: name,
        origin,
        problem: `is set twice, first in ${earlier.origin}; keep one of them`,
      });
    }
    variables.set(name, { text: value, origin });
  }
  return { variables, refused };
}

function unknownNames(environment: Sources["environment"], dotEnv: DotEnv): Fault[] {
  const origins = new Map(Object.keys(environment).map((name) => [name, "environment"]));
  for (const [name, { origin }] of dotEnv.variables) origins.set(name, origin);
  return [...origins].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([subject, origin]) => {
    const problem = unknownNameProblem(subject);
    return problem === undefined ? [] : [{ subject, origin, problem }];
  });
}
