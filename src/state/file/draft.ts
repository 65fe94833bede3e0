import type { DatabaseSync } from "node:sqlite";
import { StateError } from "./state_error.ts";

/** No directory, no permission, another file system's whims. */
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

/** SQLite's own check of its pages. @param damage What to throw. */
export function assertWhole(database: DatabaseSync, damage: (detail: string) => StateError): void {
  const { integrity_check: verdict } = database.prepare("PRAGMA integrity_check(1)").get() as {
    integrity_check: string;
  };
  if (verdict !== "ok") throw damage(verdict.replaceAll("\n", " "));
}

/** What has no name of its own yet. */
export function removeDraft(draft: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    try {
      Deno.removeSync(draft + suffix);
    } catch {
      // It has its name by now, or never came to be.
    }
  }
}
