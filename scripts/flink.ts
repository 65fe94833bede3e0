/** Flink for its tests: its libraries of PyPI and its connectors of Maven Central, kept in the cache. */
import { join } from "node:path";
import { cacheDir } from "./cache.ts";
import { ensureJars } from "./maven_jars.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";
import { runQuietly } from "./run_quietly.ts";

export const FLINK_VERSION = "2.2.1";
/** The wheel holds Flink's jars and is of no use to Python alone. */
const WHEEL = `apache-flink-libraries==${FLINK_VERSION}`;

/**
 * The class path with which a cluster and its SQL gateway run, with the connectors for Kafka and PostgreSQL.
 *
 * @throws {MissingPrerequisite} when something can neither be found in the cache nor downloaded.
 */
export async function flinkClassPath(): Promise<string> {
  const directory = join(cacheDir(), `flink-${FLINK_VERSION}`);
  const libraries = join(directory, "pyflink", "lib");
  if (!await isThere(libraries)) await unpackWheel(directory);
  const list = await Deno.readTextFile(new URL("flink_jars.txt", import.meta.url));
  const instead = "leave `make test-flink` out";
  const connectors = await ensureJars(list, join(cacheDir(), `flink-${FLINK_VERSION}-connectors`), instead);
  const python = join(directory, "pyflink", "opt", `flink-python-${FLINK_VERSION}.jar`);
  return [join(libraries, "*"), ...connectors, python].join(":");
}

async function unpackWheel(directory: string): Promise<void> {
  await Deno.mkdir(cacheDir(), { recursive: true });
  const temporary = await Deno.makeTempDir({ dir: cacheDir(), prefix: "flink." });
  try {
    const fault = await runQuietly("python3", [
      ...["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--ignore-installed"],
      ...["--target", temporary, WHEEL],
    ]);
    if (fault !== undefined) {
      throw new MissingPrerequisite(`Flink is missing, and pip could not install ${WHEEL}: ${fault}.`);
    }
    await Deno.rename(temporary, directory);
  } catch (error) {
    // Another process was quicker.
    if (!await isThere(join(directory, "pyflink", "lib"))) throw error;
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
