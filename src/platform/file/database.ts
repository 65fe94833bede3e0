import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { CountedDatabase } from "./open_databases.ts";

/**
 * Opens an SQLite file that somebody else may have written. Its schema cannot call functions that do more
 * than compute, the size of cells is checked before they are read, and no statement can change the file by
 * other means than SQLite's own.
 *
 * @param timeoutMs How long to wait for another process's lock.
 */
export function openDatabase(
  path: string,
  { readOnly = false, timeoutMs = 0 }: { readonly readOnly?: boolean; readonly timeoutMs?: number } = {},
): DatabaseSync {
  const options = { readOnly, timeout: timeoutMs, defensive: true };
  const database = new CountedDatabase(path, options);
  try {
    database.exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * The rows of a query one by one, on one view of the database. Deno's iterator takes an error between two
 * rows for the end. So it is asked whether a row comes behind the last one, which meets the same error.
 *
 * @param sql Without a limit.
 * @throws SQLite's error.
 */
export function* eachRow<Row>(
  database: DatabaseSync,
  sql: string,
  ...values: readonly SQLInputValue[]
): Generator<Row> {
  let read = 0;
  for (const row of database.prepare(sql).iterate(...values) as Iterable<Row>) {
    read++;
    yield row;
  }
  if (database.prepare(`${sql} LIMIT 1 OFFSET ?`).get(...values, read) !== undefined) {
    throw new Error(`disk I/O error: no row was read after ${read}`);
  }
}

/** SQLITE_READONLY_ROLLBACK */
const HALF_WRITTEN_CODE = 776;

/**
 * Whether the error says that a process was killed while it wrote the file without a write-ahead log. A
 * connection that only reads cannot undo what is half done; one that writes does it.
 */
export function isHalfWritten(error: unknown): boolean {
  return (error as { errcode?: unknown } | undefined)?.errcode === HALF_WRITTEN_CODE;
}
