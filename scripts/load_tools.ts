/** Locust and JMeter, which put load on the handler and the bus: for `make load`. */
import { join } from "node:path";
import { cacheDir } from "./cache.ts";
import { isFile } from "./debian.ts";
import { ensureJars } from "./maven_jars.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";
import { pythonEnvironment } from "./python_environment.ts";
import { runQuietly } from "./run_quietly.ts";

/** The release that PyPI has. */
const LOCUST = "locust==2.47.0";
const JMETER_VERSION = "5.6.3";

/**
 * The program of Locust, in a virtual environment of its own.
 *
 * @throws {MissingPrerequisite} when it is not there and cannot be installed.
 */
export async function locustProgram(): Promise<string> {
  return join(await pythonEnvironment(LOCUST), "locust");
}

/**
 * The program of JMeter, a jar within a directory as JMeter wants it: only what a run without its windows
 * needs.
 *
 * @throws {MissingPrerequisite} when it is not there and cannot be downloaded.
 */
export async function jmeterJar(): Promise<string> {
  const directory = join(cacheDir(), `jmeter-${JMETER_VERSION}`);
  const program = join(directory, "bin", "ApacheJMeter.jar");
  if (await isFile(program)) return program;
  const list = await Deno.readTextFile(new URL("jmeter_jars.txt", import.meta.url));
  await Deno.mkdir(cacheDir(), { recursive: true });
  const temporary = await Deno.makeTempDir({ dir: cacheDir(), prefix: "jmeter." });
  try {
    const jars = await ensureJars(list, join(temporary, "lib"), "use Locust");
    await layOut(jars, temporary);
    await Deno.rename(temporary, directory).catch(async (error) => {
      // Another run was quicker.
      if (!await isFile(program)) throw error;
    });
    return program;
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}

/** JMeter finds its own parts by where they are: below `lib/ext`, and the settings below `bin`. */
async function layOut(jars: readonly string[], directory: string): Promise<void> {
  await Deno.mkdir(join(directory, "lib", "ext"));
  await Deno.mkdir(join(directory, "bin"));
  for (const jar of jars) {
    const name = jar.slice(jar.lastIndexOf("/") + 1);
    if (name.startsWith("ApacheJMeter_config")) {
      const fault = await runQuietly("python3", ["-m", "zipfile", "-e", jar, directory]);
      if (fault !== undefined) {
        throw new MissingPrerequisite(`JMeter cannot be unpacked by Python 3: ${fault}`);
      }
      await Deno.remove(jar);
    } else if (name.startsWith("ApacheJMeter_")) {
      await Deno.rename(jar, join(directory, "lib", "ext", name));
    } else if (name.startsWith("ApacheJMeter-")) {
      await Deno.rename(jar, join(directory, "bin", "ApacheJMeter.jar"));
    }
  }
}
