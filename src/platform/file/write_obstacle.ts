import { dirname } from "node:path";

/**
 * Why the file at `path` cannot be written or made together with its neighbours, as a part of a sentence; undefined: nothing is in
 * the way. Leaves nothing behind and changes nothing: a file with a name by chance is made in the directory for a moment.
 */
export function writeObstacle(path: string): string | undefined {
  return fileObstacle(path) ?? directoryObstacle(dirname(path));
}

/** Why nothing can be made in a directory, or in the one that would have to be made; as {@link writeObstacle}. */
export function directoryObstacle(directory: string): string | undefined {
  let place = directory;
  while (kindOf(place) === "nothing" && dirname(place) !== place) place = dirname(place);
  if (kindOf(place) === "file") return `${place} is no directory`;
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: place, prefix: ".vabus-check-" }));
    return undefined;
  } catch (error) {
    return `nothing can be made in ${place}: ${reasonOf(error)}`;
  }
}

function fileObstacle(path: string): string | undefined {
  try {
    if (kindOf(path) === "nothing") return undefined;
    if (kindOf(path) === "directory") return `${path} is a directory`;
    Deno.openSync(path, { read: true, write: true }).close();
    return undefined;
  } catch (error) {
    return `${path}: ${reasonOf(error)}`;
  }
}

function kindOf(path: string): "file" | "directory" | "nothing" {
  try {
    return Deno.statSync(path).isDirectory ? "directory" : "file";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return "nothing";
    // It may not be looked at: whoever tries to use it is told why.
    return "file";
  }
}

/** The system's own words, without the call and the path. */
function reasonOf(error: unknown): string {
  // The runtime's words end in advice about flags that the built program does not take.
  if (error instanceof Deno.errors.NotCapable) return "no program may write to the system's own files";
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\).*$/, "").toLowerCase();
}
