import { dirname } from "node:path";
import { isFile, sync } from "./durable_file.ts";

const SUFFIXES = ["", "-wal", "-shm", "-journal"];

/** The existing files of a state. */
export function filesOf(path: string): string[] {
  return SUFFIXES.map((suffix) => path + suffix).filter(isFile);
}

/**
 * The name of a restored state that is complete and on disk, but has not yet replaced the state at `path`.
 * Before the file gets this name, nothing has happened. From then on, the next process that writes in the
 * directory completes an interrupted restore. Without this step there would be moments without a state, and a
 * handler that starts then would begin with an empty one.
 */
export function pendingRestoreOf(path: string): string {
  return `${path}.restored`;
}

/**
 * Completes a restore, in the process that holds the directory. Returns where the former state is now: it is
 * renamed, never deleted.
 */
export function finishRestore(path: string): string | undefined {
  const pending = pendingRestoreOf(path);
  const directory = dirname(path);
  // The name is the same at each try, so that the files that are put aside stay together.
  const aside = `${path}.before-${Deno.statSync(pending).mtime!.getTime()}`;
  sync(directory);
  // All files are moved before the restored one comes: SQLite would apply an old write-ahead log or journal
  // to the new file.
  for (const file of filesOf(path)) Deno.renameSync(file, aside + file.slice(path.length));
  sync(directory);
  Deno.renameSync(pending, path);
  sync(directory);
  return filesOf(aside).length > 0 ? aside : undefined;
}
