import type { DatabaseSync } from "node:sqlite";
import { isNotThere } from "../../platform/file/absence.ts";
import { openDatabase } from "../../platform/file/database.ts";
import { isFile, sizeOf } from "./durable_file.ts";
import { damaged } from "./state_error.ts";

/** Offset of the format versions for writers and readers in SQLite's header. */
const FORMAT_AT = 18;
const ROLLBACK_JOURNAL = 1;
/**
 * Bytes to which the write-ahead log is truncated once it is written back. A checkpoint of a million series
 * makes it larger.
 */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

/** Whether there is a state. @throws {StateError} `damaged`: only a part of one is there. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (!isNotThere(error)) throw error;
  }
  // A log without its database is the rest of a lost state. It must not become an empty state.
  const rest = ["-wal", "-journal"].find((suffix) => isFile(path + suffix));
  if (rest === undefined) return false;
  throw damaged(path, `it is gone, while its ${rest} file is still there`);
}

/**
 * Undoes what is half done where a process was killed while it changed how the file is written, which leaves
 * a journal. Only for the process that holds the directory.
 */
export function settle(path: string): void {
  const journal = `${path}-journal`;
  if (!isFile(journal)) return;
  if (sizeOf(journal) > 0) {
    const database = connect(path, false);
    try {
      database.prepare("SELECT count(*) FROM sqlite_schema").get();
    } finally {
      database.close();
    }
  }
  if (isFile(journal)) Deno.removeSync(journal);
}

/** @throws {StateError} `damaged`: the file is empty. */
export function connect(path: string, readOnly: boolean): DatabaseSync {
  if (Deno.statSync(path).size === 0) throw damaged(path, "it is empty");
  return openDatabase(path, { readOnly, timeoutMs: 10_000 });
}

/** Sets up a writable connection to a file that was checked. */
export function prepareForWriting(database: DatabaseSync): void {
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8000");
  database.exec(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
}

/** A copy of the database in memory, as of now: its file, with the content of the write-ahead log. */
export function copyInMemory(database: DatabaseSync): DatabaseSync {
  const image = database.serialize();
  // A database in memory has no write-ahead log, so the header must not require one.
  image.fill(ROLLBACK_JOURNAL, FORMAT_AT, FORMAT_AT + 2);
  const copy = openDatabase(":memory:");
  copy.deserialize(image);
  return copy;
}
