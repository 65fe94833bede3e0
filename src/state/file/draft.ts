import type { DatabaseSync } from "node:sqlite";
import { StateError } from "./state_error.ts";

/**
 * Whether the file system refuses a file: its directory is missing, a permission is missing, or something
 * else has its name.
 */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.IsADirectory ||
    error instanceof Deno.errors.AlreadyExists;
}

export function reasonOf({ message }: Error): string {
  return message.replace(/ \(os error.*/s, "");
}

export function unwritable(path: string, cause: Error): StateError {
  return new StateError(
    "unwritable",
    `${path} cannot be written: ${reasonOf(cause)}. Name another place, or mend this one.`,
    { cause },
  );
}

/**
 * Runs SQLite's own check of its pages.
 *
 * @param damage Makes the error to throw.
 */
export function assertWhole(database: DatabaseSync, damage: (detail: string) => StateError): void {
  const { integrity_check: verdict } = database.prepare("PRAGMA integrity_check(1)").get() as {
    integrity_check: string;
  };
  if (verdict !== "ok") throw damage(verdict.replaceAll("\n", " "));
}

/**
 * Has a draft use a write-ahead log, as the state does. Where the state was changed to that in its place, a
 * process that was killed meanwhile would leave a journal, which only a writing connection can undo.
 */
export function useLog(database: DatabaseSync): void {
  database.exec("PRAGMA journal_mode = WAL");
}

/** Removes a draft, which is a file that has not got its final name, and the files of SQLite beside it. */
export function removeDraft(draft: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    try {
      Deno.removeSync(draft + suffix);
    } catch {
      // The file was renamed, or was never created.
    }
  }
}
