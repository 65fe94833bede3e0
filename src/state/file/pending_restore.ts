import { dirname } from "node:path";
import { isFile, sync } from "./durable_file.ts";

const SUFFIXES = ["", "-wal", "-shm"];

/** The files that there are of a state. */
export function filesOf(path: string): string[] {
  return SUFFIXES.map((suffix) => path + suffix).filter(isFile);
}

/**
 * What a restored state is called while it waits, whole and on disk, for the place of the state at `path`. The restore hangs
 * on this name: until it is given, nothing has happened; from then on whoever next writes in the directory finishes what a
 * crash left. Without it there would be moments with no state, and a handler that starts in one would begin from nothing.
 */
export function pendingRestoreOf(path: string): string {
  return `${path}.restored`;
}

/** For the process that holds the directory. Returns where a state that was there is now: it is renamed, never deleted. */
export function finishRestore(path: string): string | undefined {
  const pending = pendingRestoreOf(path);
  const directory = dirname(path);
  // The same name at each try, so that what is put aside stays together.
  const aside = `${path}.before-${Deno.statSync(pending).mtime!.getTime()}`;
  sync(directory);
  // All of it before the other one comes: SQLite would apply a write-ahead log to whatever file has the name.
  for (const file of filesOf(path)) Deno.renameSync(file, aside + file.slice(path.length));
  sync(directory);
  Deno.renameSync(pending, path);
  sync(directory);
  return filesOf(aside).length > 0 ? aside : undefined;
}
