/** Flink for its tests: its libraries of PyPI and its connectors of Maven Central, kept in the cache. */
import { join } from "node:path";
import { cacheDir } from "./cache.ts";
import { ensureJars } from "./maven_jars.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";
import { runQuietly } from "./run_quietly.ts";

export const FLINK_VERSION = "2.2.1";
/** The wheel holds Flink's jars and is of no use to Python alone. */
const LIBRARIES: Wheel = { name: `apache-flink-libraries==${FLINK_VERSION}`, flags: ["--ignore-installed"] };
/** This one holds the scripts and the configuration of a release, the same for each version of Python. */
const SCRIPTS: Wheel = {
  name: `apache-flink==${FLINK_VERSION}`,
  flags: ["--only-binary=:all:", "--python-version=3.11", "--platform=manylinux2014_x86_64"],
};

interface Wheel {
  readonly name: string;
  /** More flags of pip. */
  readonly flags: readonly string[];
}

/** What a release of Flink is made of. */
export interface FlinkParts {
  /** What is in its directories, by their names: `bin`, `conf`, `lib`, `opt`. */
  readonly directories: Readonly<Record<string, readonly string[]>>;
  /** The jars of the connectors, and of the SQL gateway. */
  readonly jars: readonly string[];
}

/**
 * The class path with which a cluster and its SQL gateway run, with the connectors for Kafka and PostgreSQL.
 *
 * @throws {MissingPrerequisite} when something can neither be found in the cache nor downloaded.
 */
export async function flinkClassPath(): Promise<string> {
  const directory = await unpackedWheel(LIBRARIES, `flink-${FLINK_VERSION}`, "lib");
  const python = join(directory, "opt", `flink-python-${FLINK_VERSION}.jar`);
  return [join(directory, "lib", "*"), ...await extraJars(), python].join(":");
}

/**
 * The parts of which a release can be laid out, as it is downloaded by operators.
 *
 * @throws {MissingPrerequisite} likewise.
 */
export async function flinkParts(): Promise<FlinkParts> {
  const libraries = await unpackedWheel(LIBRARIES, `flink-${FLINK_VERSION}`, "lib");
  const scripts = await unpackedWheel(SCRIPTS, `flink-${FLINK_VERSION}-scripts`, "conf");
  return {
    directories: {
      bin: await filesIn(join(scripts, "bin"), join(libraries, "bin")),
      conf: await filesIn(join(scripts, "conf")),
      lib: await filesIn(join(libraries, "lib")),
      opt: await filesIn(join(libraries, "opt")),
    },
    jars: await extraJars(),
  };
}

async function filesIn(...directories: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const directory of directories) {
    for await (const { name } of Deno.readDir(directory)) found.push(join(directory, name));
  }
  return found;
}

async function extraJars(): Promise<string[]> {
  const list = await Deno.readTextFile(new URL("flink_jars.txt", import.meta.url));
  const instead = "leave `make test-flink` out";
  return await ensureJars(list, join(cacheDir(), `flink-${FLINK_VERSION}-connectors`), instead);
}

/** Where a wheel is in the cache. @param part A directory of it, which is there when it is unpacked. */
async function unpackedWheel(wheel: Wheel, name: string, part: string): Promise<string> {
  const directory = join(cacheDir(), name);
  if (!await isThere(join(directory, "pyflink", part))) await unpackWheel(wheel, directory, part);
  return join(directory, "pyflink");
}

async function unpackWheel({ flags, name }: Wheel, directory: string, part: string): Promise<void> {
  await Deno.mkdir(cacheDir(), { recursive: true });
  const temporary = await Deno.makeTempDir({ dir: cacheDir(), prefix: "flink." });
  try {
    const fault = await runQuietly("python3", [
      ...["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", ...flags],
      ...["--target", temporary, name],
    ]);
    if (fault !== undefined) {
      throw new MissingPrerequisite(`Flink is missing, and pip could not install ${name}: ${fault}.`);
    }
    await Deno.rename(temporary, directory);
  } catch (error) {
    // Another process was quicker.
    if (!await isThere(join(directory, "pyflink", part))) throw error;
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
