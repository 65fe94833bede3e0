import { denialOf } from "../platform/log/denial.ts";
import { CommandError, EXIT } from "./exit.ts";

/** Makes a directory for this user alone, unless it is there. @throws {CommandError} It cannot be had; `flag` has named it. */
export function makeOwnDirectory(flag: string, path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandError(EXIT.failed, `${flag} ${path} cannot be made: ${reasonOf(error as Error)}.`);
  }
}

function reasonOf(error: Error): string {
  if (error instanceof Deno.errors.AlreadyExists) return "it is there already, and is no directory";
  if (error instanceof Deno.errors.NotADirectory) return "what stands above it is no directory";
  return denialOf(error) ?? error.message;
}
