import { join } from "node:path";
import { cacheDir } from "./cache.ts";
import { isFile } from "./debian.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";
import { runQuietly } from "./run_quietly.ts";

/**
 * The directory with the programs of a virtual environment that has one package, such as `locust==2.47.0`. It
 * is in the cache, where pip puts it at the first call.
 *
 * @throws {MissingPrerequisite} when it is not there and cannot be installed.
 */
export async function pythonEnvironment(requirement: string): Promise<string> {
  const directory = join(cacheDir(), requirement.replace("==", "-"));
  // A virtual environment knows its own path and cannot be moved: a file says that it is complete.
  const [programs, complete] = [join(directory, "bin"), join(directory, "complete")];
  if (await isFile(complete)) return programs;
  console.error(`${requirement} is missing; installing it with pip.`);
  const fault = await runQuietly("python3", ["-m", "venv", "--clear", directory]) ??
    await runQuietly(join(programs, "python"), ["-m", "pip", "install", "--quiet", requirement]);
  if (fault !== undefined) {
    throw new MissingPrerequisite(
      `${requirement} cannot be had; it takes Python 3.10 or newer with venv, and pip: ${fault}`,
    );
  }
  await Deno.writeTextFile(complete, "");
  return programs;
}
