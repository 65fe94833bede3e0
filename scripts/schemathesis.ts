/** Schemathesis, which asks an API what its OpenAPI document allows and forbids: for one of the tests. */
import { join } from "node:path";
import { cacheDir } from "./cache.ts";

/** The release that PyPI has. */
const RELEASE = "schemathesis==4.32.5";

/** How Schemathesis is called. */
export interface Schemathesis {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Schemathesis from the cache, where pip puts it at the first call; or why it cannot be had. */
export async function schemathesis(): Promise<Schemathesis | string> {
  const directory = join(cacheDir(), RELEASE.replace("==", "-"));
  const found = {
    command: "python3",
    args: ["-m", "schemathesis.cli"],
    env: { PYTHONPATH: directory, PYTHONDONTWRITEBYTECODE: "1" },
  };
  if (await isThere(directory)) return found;
  await Deno.mkdir(cacheDir(), { recursive: true });
  const temporary = await Deno.makeTempDir({ dir: cacheDir(), prefix: "wheels." });
  try {
    const fault = await installInto(temporary);
    if (fault !== undefined) return `pip could not install ${RELEASE}: ${fault}`;
    await Deno.rename(temporary, directory);
    return found;
  } catch (error) {
    // Another test process was quicker.
    if (await isThere(directory)) return found;
    throw error;
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}

/** Returns what went wrong; undefined: nothing. */
async function installInto(directory: string): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("python3", {
      args: [
        ...["-m", "pip", "install", "--quiet", "--no-warn-script-location", "--ignore-installed"],
        ...["--target", directory, RELEASE],
      ],
      stdin: "null",
      stdout: "null",
    }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim().slice(-500) || "it failed";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function isThere(directory: string): Promise<boolean> {
  try {
    return (await Deno.stat(directory)).isDirectory;
  } catch {
    return false;
  }
}
