import { dirname } from "node:path";
import { infoOf, isNotThere } from "./absence.ts";

/**
 * Why the file at `path` cannot be written or made together with its neighbours, as a part of a sentence; undefined: nothing is in
 * the way. Leaves nothing behind and changes nothing: a file with a name by chance is made in the directory for a moment.
 */
export function writeObstacle(path: string): string | undefined {
  return fileObstacle(path) ?? directoryObstacle(dirname(path));
}

/** Why nothing can be made in a directory, or in the one that would have to be made; as {@link writeObstacle}. */
export function directoryObstacle(directory: string): string | undefined {
  let parent = directory;
  while (kindOf(parent) === "nothing" && dirname(parent) !== parent) parent = dirname(parent);
  const kind = kindOf(parent);
  if (kind !== "directory") return KINDS[kind]?.(parent) ?? `${parent} is no directory`;
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: parent, prefix: ".vabus-check-" }));
    return undefined;
  } catch (error) {
    return `nothing can be made in ${parent}: ${reasonOf(error)}`;
  }
}

function fileObstacle(path: string): string | undefined {
  const kind = kindOf(path);
  if (kind === "nothing") return undefined;
  if (kind === "directory") return `${path} is a directory`;
  if (kind !== "file") return KINDS[kind]?.(path);
  try {
    Deno.openSync(path, { read: true, write: true }).close();
    return undefined;
  } catch (error) {
    return `${path}: ${reasonOf(error)}`;
  }
}

type Kind = "file" | "directory" | "nothing" | "link" | "special" | "kept";

/** What is in the way, whatever was to be made there. */
const KINDS: Partial<Record<Kind, (path: string) => string>> = {
  special: (path) => `${path} is neither a file nor a directory`,
  link: (path) => `${path} is a link to ${Deno.readLinkSync(path)}, which is not there`,
  kept: (path) => `${path} is kept from this program, as are ${KEPT_FROM}`,
};

/** See `scripts/permissions.ts`, and of the runtime itself. */
const KEPT_FROM = "/proc, /sys, /dev and the directories of the system's own files";

function kindOf(path: string): Kind {
  try {
    const { isDirectory, isFile } = Deno.statSync(path);
    return isDirectory ? "directory" : isFile ? "file" : "special";
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return "kept";
    // It may not be looked at: whoever tries to use it is told why.
    if (!isNotThere(error)) return "file";
    return infoOf(path)?.isSymlink === true ? "link" : "nothing";
  }
}

/** The system's own words, without the call and the path. */
function reasonOf(error: unknown): string {
  // The runtime's words end in advice about flags that the built program does not take.
  if (error instanceof Deno.errors.NotCapable) {
    return `this program is kept from writing there, as to ${KEPT_FROM}`;
  }
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\).*$/, "").toLowerCase();
}
