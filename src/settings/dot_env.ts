import { resolve } from "node:path";
import { thisUserName } from "../platform/file/user.ts";
import { denialOf } from "../platform/log/denial.ts";
import type { Catalogue } from "./catalogue.ts";
import { readEnvFile } from "./env_file.ts";
import type { Fault } from "./fault.ts";
import type { Sources } from "./settings.ts";

/** The text of a setting, and where it was given. */
export interface Given {
  readonly text: string;
  readonly origin: string;
  /**
   * Whether the text comes from the file that `<NAME>_FILE` names. By mistake that file may hold another
   * secret, so its text is not shown.
   */
  readonly isOfFile?: true;
}

export interface DotEnv {
  readonly variables: ReadonlyMap<string, Given>;
  /** Our variables whose lines were not understood. */
  readonly refused: ReadonlySet<string>;
}

/** The content of the settings file: the one that is named, or `.env`. */
export function readDotEnv(sources: Sources, catalogue: Catalogue, faults: Fault[]): DotEnv {
  const path = sources.envFile ?? ".env";
  const variables = new Map<string, Given>();
  const refused = new Set<string>();
  const isNamed = sources.envFile !== undefined;
  const distrust = isNamed ? undefined : sources.distrust(resolve(sources.workingDirectory, path));
  if (distrust !== undefined) {
    faults.push({
      subject: path,
      problem: `in the working directory is not read: ${distrust}. Somebody else could set what this ` +
        "program does; name it with --env-file if it is meant, or mend its owner and mode",
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
  const isOurs = (name: string | undefined) => name !== undefined && catalogue.givenNames.includes(name);
  const file = readEnvFile(result.text, isOurs);
  for (const { name, line, problem } of file.faults) {
    const origin = `${path}:${line}`;
    if (isOurs(name)) refused.add(name!);
    faults.push(isOurs(name) ? { subject: name!, origin, problem } : { subject: origin, problem });
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

const NOT_THERE = "names a file that is not there";

/** Reads a file that a setting names; the problem completes a sentence about that setting. */
export function readText(path: string, sources: Sources): { text: string } | { problem: string } {
  try {
    const text = sources.readFile(resolve(sources.workingDirectory, path));
    return text === undefined ? { problem: NOT_THERE } : { text };
  } catch (error) {
    return { problem: `names a file that cannot be read: ${reasonOf(error)}` };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotADirectory) return "a part of its path is no directory";
  // Deno repeats the path after the reason.
  const reason = denialOf(error) ??
    (error instanceof Error ? error.message.replace(/ \(os error \d+\).*$/s, "") : String(error));
  // A service mostly runs as a user of its own, and the operator who checks the file is another user.
  return error instanceof Deno.errors.PermissionDenied ? `${reason} (this is ${thisUserName()})` : reason;
}
