import { dirname } from "node:path";
import { infoOf, isNotThere } from "./absence.ts";
import { isOpenAsDatabase } from "./open_databases.ts";

/** So much is written for a trial: the name of an empty file may have room where its contents have none. */
const TRIAL = new Uint8Array(64 * 1024);

/**
 * Why the file at `path`, and others beside it, cannot be written or created, as a part of a sentence;
 * undefined: nothing prevents it, or it cannot be told. Changes nothing: it creates a file with a random name
 * in the directory and removes it at once. A file that this process has open through SQLite is not opened.
 */
export function writeObstacle(path: string): string | undefined {
  return fileObstacle(path) ?? directoryObstacle(dirname(path));
}

/**
 * Why nothing can be created in a directory, or in the one that would have to be created; as
 * {@link writeObstacle}.
 */
export function directoryObstacle(directory: string): string | undefined {
  let parent = directory;
  while (kindOf(parent) === "nothing" && dirname(parent) !== parent) parent = dirname(parent);
  const kind = kindOf(parent);
  if (kind !== "directory") return KINDS[kind]?.(parent) ?? `${parent} is no directory`;
  let trial: string | undefined;
  try {
    trial = Deno.makeTempFileSync({ dir: parent, prefix: ".vabus-check-" });
    Deno.writeFileSync(trial, TRIAL);
    return undefined;
  } catch (error) {
    return `nothing can be made in ${parent}: ${reasonOf(error)}`;
  } finally {
    if (trial !== undefined) Deno.removeSync(trial);
  }
}

function fileObstacle(path: string): string | undefined {
  const kind = kindOf(path);
  if (kind === "nothing") return undefined;
  if (kind === "directory") return `${path} is a directory`;
  if (kind !== "file") return KINDS[kind]?.(path);
  if (isOpenAsDatabase(path)) return undefined;
  try {
    Deno.openSync(path, { read: true, write: true }).close();
    return undefined;
  } catch (error) {
    return `${path}: ${reasonOf(error)}`;
  }
}

type Kind = "file" | "directory" | "nothing" | "link" | "special" | "kept";

/** Why nothing can be written at a path, by the kind of what is there, as a part of a sentence. */
const KINDS: Partial<Record<Kind, (path: string) => string>> = {
  special: (path) => `${path} is neither a file nor a directory`,
  link: (path) => `${path} is a link to ${Deno.readLinkSync(path)}, which is not there`,
  kept: (path) => `${path} is kept from this program, as are ${KEPT_FROM}`,
};

/** Paths that the runtime does not let the program write: see `scripts/permissions.ts`. */
const KEPT_FROM = "/proc, /sys, /dev and the directories of the system's own files";

function kindOf(path: string): Kind {
  try {
    const { isDirectory, isFile } = Deno.statSync(path);
    return isDirectory ? "directory" : isFile ? "file" : "special";
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return "kept";
    // The path cannot be examined. Whoever tries to use it gets the reason.
    if (!isNotThere(error)) return "file";
    return infoOf(path)?.isSymlink === true ? "link" : "nothing";
  }
}

/** The system's own message, without the call and the path. */
function reasonOf(error: unknown): string {
  // The runtime's message ends in advice about flags that the built program does not take.
  if (error instanceof Deno.errors.NotCapable) {
    return `this program is kept from writing there, as to ${KEPT_FROM}`;
  }
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\).*$/, "").toLowerCase();
}
