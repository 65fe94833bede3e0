/** Locust and JMeter, which put load on the handler and the bus: for `make load`. */
import { join } from "node:path";
import { cacheDir } from "./cache.ts";
import { ensureJars } from "./maven_jars.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";

/** The release that PyPI has. */
const LOCUST = "locust==2.47.0";
const JMETER_VERSION = "5.6.3";
const STDERR_TAIL_CHARACTERS = 500;

/**
 * The program of Locust, in a virtual environment of its own.
 *
 * @throws {MissingPrerequisite} when it is not there and cannot be installed.
 */
export async function locustProgram(): Promise<string> {
  const directory = join(cacheDir(), LOCUST.replace("==", "-"));
  // A virtual environment knows its own path and cannot be moved: a file says that it is complete.
  const [program, complete] = [join(directory, "bin", "locust"), join(directory, "complete")];
  if (await isThere(complete)) return program;
  console.error(`${LOCUST} is missing; installing it with pip.`);
  await run("Python 3.10 or newer, with venv,", "python3", ["-m", "venv", "--clear", directory]);
  await run(LOCUST, join(directory, "bin", "python"), ["-m", "pip", "install", "--quiet", LOCUST]);
  await Deno.writeTextFile(complete, "");
  return program;
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
  if (await isThere(program)) return program;
  const list = await Deno.readTextFile(new URL("jmeter_jars.txt", import.meta.url));
  await Deno.mkdir(cacheDir(), { recursive: true });
  const temporary = await Deno.makeTempDir({ dir: cacheDir(), prefix: "jmeter." });
  try {
    const jars = await ensureJars(list, join(temporary, "lib"), "use Locust");
    await layOut(jars, temporary);
    await Deno.rename(temporary, directory).catch(async (error) => {
      // Another run was quicker.
      if (!await isThere(program)) throw error;
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
      await run("Python 3", "python3", ["-m", "zipfile", "-e", jar, directory]);
      await Deno.remove(jar);
    } else if (name.startsWith("ApacheJMeter_")) {
      await Deno.rename(jar, join(directory, "lib", "ext", name));
    } else if (name.startsWith("ApacheJMeter-")) {
      await Deno.rename(jar, join(directory, "bin", "ApacheJMeter.jar"));
    }
  }
}

/** @throws {MissingPrerequisite} when the program is not there or fails; `what` says what is missing then. */
async function run(what: string, program: string, args: readonly string[]): Promise<void> {
  let fault: string;
  try {
    const { success, stderr } = await new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
    }).output();
    if (success) return;
    fault = new TextDecoder().decode(stderr).trim().slice(-STDERR_TAIL_CHARACTERS) || "it failed";
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  throw new MissingPrerequisite(`${what} cannot be had. \`${program} ${args.join(" ")}\`: ${fault}`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
