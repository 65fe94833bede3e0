import { DatabaseSync } from "node:sqlite";

/**
 * Opens an SQLite file that somebody else may have written: what its schema says cannot call functions that do more than
 * compute, cells are measured before they are read, and no statement can change the file beside SQLite's own means.
 *
 * @param timeoutMs How long another process's lock is waited for.
 */
export function openDatabase(
  path: string,
  { readOnly = false, timeoutMs = 0 }: { readonly readOnly?: boolean; readonly timeoutMs?: number } = {},
): DatabaseSync {
  const options = { readOnly, timeout: timeoutMs, defensive: true };
  const database = new DatabaseSync(path, options);
  try {
    database.exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
