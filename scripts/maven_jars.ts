/**
 * Jars of Maven Central, from the cache or downloaded. Each is checked against its pinned checksum and moved
 * in one step, so that two test runs at once never see half a file.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { MissingPrerequisite } from "./missing_prerequisite.ts";

const DOWNLOADS_AT_ONCE = 6;
const DOWNLOAD_ATTEMPTS = 3;
const DOWNLOAD_TIMEOUT_MS = 120_000;

/**
 * The files of the listed jars, in the order of the list.
 *
 * @param list A line a jar: its SHA-256, and its path below the root of a repository, in Maven's layout.
 * @param directory Where they are kept; created where it is missing.
 * @param instead What else to do where Maven Central cannot be reached.
 * @throws {MissingPrerequisite} when a jar is neither there nor to be downloaded.
 */
export async function ensureJars(list: string, directory: string, instead: string): Promise<string[]> {
  const jars = parseJarList(list);
  await Deno.mkdir(directory, { recursive: true });
  const waiting = [...jars];
  const workers = Array.from({ length: DOWNLOADS_AT_ONCE }, async () => {
    for (let jar = waiting.shift(); jar !== undefined; jar = waiting.shift()) {
      await ensureJar(jar, directory, instead);
    }
  });
  await Promise.all(workers);
  return jars.map((jar) => join(directory, jar.fileName));
}

interface Jar {
  sha256: string;
  /** Below the repository's root, in Maven's layout. */
  path: string;
  fileName: string;
}

function parseJarList(text: string): Jar[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [sha256, path] = line.split(/\s+/) as [string, string];
    return { sha256, path, fileName: path.slice(path.lastIndexOf("/") + 1) };
  });
}

async function ensureJar(jar: Jar, directory: string, instead: string): Promise<void> {
  const file = join(directory, jar.fileName);
  const cached = await readIfThere(file);
  if (cached !== undefined && sha256(cached) === jar.sha256) return;
  const bytes = await download(jar, instead);
  const temporary = await Deno.makeTempFile({ dir: directory, prefix: `${jar.fileName}.` });
  try {
    await Deno.writeFile(temporary, bytes);
    await Deno.rename(temporary, file);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function download(jar: Jar, instead: string): Promise<Uint8Array> {
  const base = (Deno.env.get("MAVEN_REPOSITORY_URL") ?? "https://repo1.maven.org/maven2").replace(/\/+$/, "");
  const url = `${base}/${jar.path}`;
  let fault = "";
  for (let attempt = 1; attempt <= DOWNLOAD_ATTEMPTS; attempt++) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
      const bytes = await response.bytes();
      if (!response.ok) fault = `the server answered ${response.status}`;
      else if (sha256(bytes) !== jar.sha256) fault = "what came has another checksum than the pinned one";
      else return bytes;
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
  }
  throw new MissingPrerequisite(
    `${jar.fileName} could not be downloaded: ${fault}. It comes from Maven Central; ` +
      `name a mirror of it with MAVEN_REPOSITORY_URL, or ${instead}.`,
  );
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
