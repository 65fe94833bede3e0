import { type DotEnv, type Given, readDotEnv, readText } from "./dot_env.ts";
import type { Fault } from "./fault.ts";
import { MASK } from "./mask.ts";
import { unknownFlags, unknownNames, unreadNames, type UnusedName, unusedNames } from "./given_names.ts";
import type { Catalogue } from "./catalogue.ts";
import { type SinkName, soundSinkNames } from "./sink_name.ts";
import type { CoreValues } from "./variables.ts";
import { flagOf, type Variable } from "./variable.ts";

/** Where settings come from. The configuration knows nothing else of the machine. */
export interface Sources {
  /** Flags by the name of their variable, `<NAME>_FILE` included. */
  readonly flags: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that `--env-file` names; undefined: `.env` in the working directory, if there is one. */
  readonly envFile: string | undefined;
  /** Variables that keep their value, whatever is given now; undefined: not set. */
  readonly pinned?: ReadonlyMap<string, string | undefined>;
  /** Whether the command works without the settings of buses and sinks that are missing or cannot be read. */
  readonly isAlone?: boolean;
  readonly workingDirectory: string;
  readonly hostName: string;
  /** Whether stderr is a terminal. */
  readonly isTerminal: boolean;
  /** Reads a text file; undefined when there is none, throws when it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
  /**
   * Why a file that nobody has named must not be read, as a sentence without its full stop; undefined: it may
   * be read.
   */
  readonly distrust: (path: string) => string | undefined;
  /** Whether every user of the machine may read a file. */
  readonly isOpen: (path: string) => boolean;
}

/** One line of the effective configuration, without secrets. */
export interface Setting {
  readonly variable: string;
  readonly group: string;
  /** As an operator would write it, secrets masked; undefined: not set. */
  readonly value: string | undefined;
  /** `default`, `environment`, `flag --log-level`, `.env:3`, `file /run/secrets/token`. */
  readonly origin: string;
  /** The allowed values. */
  readonly allowed: string;
  /** Shown where there is no value. */
  readonly defaultText: string | undefined;
  /** Whether a change takes effect at the next start only. */
  readonly atStart: boolean;
  /** Whether it names a file whose content is secret. */
  readonly isKeyFile: boolean;
  /** The variable that names a file with the value; undefined: it is not read from files. */
  readonly fileVariable: string | undefined;
}

/** Every variable, read and checked by itself, but not yet against the others. */
export interface Settings {
  /** A faulty value is replaced by the default. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly masked: ReadonlyMap<string, Setting>;
  /**
   * The texts that the values were read from, secrets included, to see what has changed. Undefined: not set.
   */
  readonly texts: ReadonlyMap<string, string | undefined>;
  /** Variables that have been given, valid or not. They are not reported as missing. */
  readonly given: ReadonlySet<string>;
  /** The faulty texts. They must not be shown, since they may be secret. */
  readonly refused: ReadonlyMap<string, string>;
  /** Variables whose value in the settings file is overridden by a flag or the environment. */
  readonly shadowed: readonly string[];
  /** Variables that look like those of a sink with its own id, while there is no such sink. */
  readonly unused: readonly UnusedName[];
  /** Variables of OpenTelemetry's libraries that are set and not read here. */
  readonly unread: readonly string[];
  readonly faults: readonly Fault[];
}

/** The settings of a catalogue, and of the sinks with ids of their own that they name. */
export interface AllSettings extends Settings {
  readonly catalogue: Catalogue;
  /** The valid sinks in a faulty text, so that faults of their settings are reported at the same time. */
  readonly sinks: readonly SinkName[];
}

/**
 * Reads every variable: flag before environment before `.env` before default. An empty variable counts as not
 * set.
 */
export function readSettings(sources: Sources, catalogue: Catalogue): AllSettings {
  const settings = readKnown(sources, catalogue);
  const refused = settings.refused.get("STORAGE_TYPE");
  const sinks = refused === undefined
    ? coreValues(settings).STORAGE_TYPE
    : soundSinkNames(refused, catalogue.kinds);
  const named = sinks.filter(({ id, kind }) => id !== kind);
  if (named.length === 0) return { ...settings, catalogue, sinks };
  const whole = catalogue.withNamed(named);
  return { ...readKnown(sources, whole), catalogue: whole, sinks };
}

/** The values of the settings that belong to no sink. */
export function coreValues({ values }: Settings): CoreValues {
  return Object.fromEntries(values) as CoreValues;
}

function readKnown(sources: Sources, catalogue: Catalogue): Settings {
  const faults: Fault[] = [];
  const dotEnv = readDotEnv(sources, catalogue, faults);
  faults.push(
    ...unknownFlags(sources.flags, catalogue),
    ...unknownNames(sources.environment, dotEnv, catalogue),
  );
  const values = new Map<string, unknown>();
  const masked = new Map<string, Setting>();
  const texts = new Map<string, string | undefined>();
  const given = new Set<string>();
  const refused = new Map<string, string>();
  for (const [name, { variable: definition, group, named }] of catalogue.entries) {
    const fileVariable = catalogue.fileVariable(name);
    const found = findGiven(name, fileVariable, sources, dotEnv, faults);
    if (found !== undefined) given.add(name);
    const valid = found === "fault" || found === undefined
      ? undefined
      : check(name, definition, found, named, faults);
    if (valid === undefined && typeof found === "object") refused.set(name, found.text);
    const text = valid?.text ?? definition.default;
    texts.set(name, text);
    values.set(name, valid !== undefined ? valid.value : defaultValue(definition));
    masked.set(name, {
      variable: name,
      group,
      value: text === undefined ? undefined : maskValid(definition, text),
      origin: valid?.origin ?? "default",
      allowed: definition.type.allowed,
      defaultText: definition.defaultText,
      atStart: definition.atStart === true,
      isKeyFile: definition.keyFile === true,
      fileVariable,
    });
  }
  return {
    values,
    masked,
    texts,
    given,
    shadowed: catalogue.names.filter((name) => {
      const inFile = dotEnv.variables.get(name)?.text.trim();
      return inFile !== undefined && inFile !== "" && !sources.pinned?.has(name) &&
        inFile !== texts.get(name)?.trim();
    }),
    refused,
    unused: unusedNames(sources.environment, dotEnv, catalogue),
    unread: unreadNames(sources.environment, dotEnv, catalogue),
    faults,
  };
}

/** The text of a variable, given directly or by a file; `fault` where it cannot be used. */
function findGiven(
  name: string,
  fileKey: string | undefined,
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

function check(
  name: string,
  { type, secret }: Variable<unknown>,
  given: Given,
  named: (text: string) => string,
  faults: Fault[],
): (Given & { readonly value: unknown }) | undefined {
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
    problem: named(result.error.issues[0]!.message) + carriedAlong(text),
    allowed: type.allowed,
  });
  return undefined;
}

/** Quotes and comments that systemd or Docker have left in a value from a file that they read. */
function carriedAlong(text: string): string {
  if (/\s#/.test(text)) {
    return "; a comment behind a value is part of it where systemd or Docker read the file: put it " +
      "on a line of its own";
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
