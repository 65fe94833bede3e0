/**
 * An archive of Kafka's classes, as a JVM maps them into memory: with it a broker starts with half of the
 * processor's time. A JVM that it does not fit starts without it.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheDir } from "../../scripts/cache.ts";

/** Where the archive for this Java and these jars is, or is to be. */
export async function classArchive(java: string, classPath: string): Promise<string> {
  const program = await Deno.realPath(java);
  const { size, mtime } = await Deno.stat(program);
  const key = createHash("sha256").update(`${program} ${size} ${mtime?.getTime()} ${classPath}`).digest(
    "hex",
  );
  return join(cacheDir(), `kafka-classes-${key.slice(0, 16)}.jsa`);
}

/** The flags of a JVM that uses the archive. */
export function usingArchive(archive: string): string[] {
  return [`-XX:SharedArchiveFile=${archive}`];
}

/**
 * Makes the archive where there is none.
 *
 * @param runOnce Runs a JVM with these flags until it ends by itself.
 */
export async function makeArchive(
  archive: string,
  runOnce: (flags: readonly string[]) => Promise<void>,
): Promise<void> {
  if (await Deno.stat(archive).then(() => true, () => false)) return;
  const unfinished = `${archive}.${Deno.pid}`;
  await runOnce(["-XX:+IgnoreUnrecognizedVMOptions", `-XX:ArchiveClassesAtExit=${unfinished}`]);
  await Deno.rename(unfinished, archive).catch((error) => {
    // A JVM that knows no such archives has made none.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
