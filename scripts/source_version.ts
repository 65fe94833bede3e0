/** Which sources these are, by git or as the environment says. */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** `SOURCE_DATE_EPOCH` cannot be understood. */
export class SourceTimeError extends Error {}

/**
 * `$VABUS_COMMIT`, else the commit by git: seven digits, `-dirty` when files differ, `unknown` outside of a
 * checkout.
 */
export async function currentCommit(): Promise<string> {
  return Deno.env.get("VABUS_COMMIT") ||
    (await git("describe", "--always", "--dirty", "--abbrev=7", "--exclude=*") ?? "unknown");
}

/**
 * The time of the sources, Unix ms: `$SOURCE_DATE_EPOCH`, else the time of the commit, so that a rebuild
 * gives the same result. Undefined outside of a checkout.
 */
export async function currentTimeMs(): Promise<number | undefined> {
  const text = Deno.env.get("SOURCE_DATE_EPOCH") || await git("log", "-1", "--format=%ct");
  const seconds = Number(text);
  if (!text) return undefined;
  if (!Number.isSafeInteger(seconds) || seconds < 0) {
    throw new SourceTimeError(`SOURCE_DATE_EPOCH is not a number of seconds: "${text}".`);
  }
  return seconds * 1000;
}

/** The output of git; undefined: it failed. */
async function git(...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["-C", ROOT, ...args],
      stdin: "null",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
