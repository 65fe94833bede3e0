import type { DatabaseSync } from "node:sqlite";
import { isNotThere } from "../../platform/file/absence.ts";
import { openDatabase } from "../../platform/file/database.ts";
import { damaged } from "./state_error.ts";

/** In SQLite's header: the versions of the format that a writer and a reader need. */
const FORMAT_AT = 18;
const ROLLBACK_JOURNAL = 1;
/** The write-ahead log is cut to this size once it is written back; a checkpoint of a million series makes it larger. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

/** Whether there is a state. @throws {StateError} `damaged`: there is a part of one. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (!isNotThere(error)) throw error;
  }
  // A write-ahead log without its database is the rest of a state, not a new beginning.
  try {
    Deno.statSync(`${path}-wal`);
  } catch {
    return false;
  }
  throw damaged(path, "it is gone, while its -wal file is still there");
}

/** @throws {StateError} `damaged`: the file is empty. */
export function connect(path: string, readOnly: boolean): DatabaseSync {
  if (Deno.statSync(path).size === 0) throw damaged(path, "it is empty");
  return openDatabase(path, { readOnly, timeoutMs: 10_000 });
}

/** The settings of a connection that writes, to a file that has been found whole. */
export function prepareForWriting(database: DatabaseSync): void {
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8000");
  database.exec(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
}

/** What the database holds now: its file, and what of its write-ahead log is not yet in it. */
export function copyInMemory(database: DatabaseSync): DatabaseSync {
  const image = database.serialize();
  // A database in memory has no write-ahead log, so the format of the file must not ask for one.
  image.fill(ROLLBACK_JOURNAL, FORMAT_AT, FORMAT_AT + 2);
  const copy = openDatabase(":memory:");
  copy.deserialize(image);
  return copy;
}
