import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { SinkError } from "../../contract/sink.ts";
import { infoOf } from "../../platform/file/absence.ts";
import { openDatabase } from "../../platform/file/database.ts";
import type { DatabaseIdentity } from "../../platform/file/file_identity.ts";
import { createOwn } from "../../platform/file/regular_file.ts";
import { isStranger } from "../../platform/file/trust.ts";
import { thisUser } from "../../platform/file/user.ts";
import { TABLE_ADVICE } from "./sqlite_errors.ts";

const FILE_SUFFIXES = ["", "-wal", "-shm", "-journal"];

/**
 * Waiting for another writer's lock blocks the whole program, so the time is short. The router tries again.
 */
const BUSY_TIMEOUT_MS = 500;

/** Opens the file, and checks that the names of the tables belong to tables. @throws {SinkError} */
export function openTables(path: string, readOnly: boolean): DatabaseSync {
  assertFile(path);
  const database = openDatabase(path, { readOnly, timeoutMs: BUSY_TIMEOUT_MS });
  try {
    const other = database.prepare(
      `select name from sqlite_schema where lower(name) in ('aggregated_events', 'aggregated_events_writer')
       and (type <> 'table' or sql like 'create virtual %')`,
    ).get();
    if (other === undefined) return database;
    throw new SinkError(
      "misconfigured",
      `SQLite file ${path}: ${other.name} is no ordinary table. ${TABLE_ADVICE}`,
    );
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Closes a connection that writes. Never throws. Where another file is in the place of this one, SQLite
 * would leave the log beside it and take it for the log of that file, whose pages it would then overwrite. So
 * everything in the log goes into its own file first, and its names are removed.
 */
export function closeTables(database: DatabaseSync, identity: DatabaseIdentity | undefined): void {
  if (!identity?.isMoved) return attempt(() => database.close());
  attempt(() => {
    if (database.isTransaction) database.exec("rollback");
    database.exec("pragma wal_checkpoint(truncate)");
  });
  attempt(() => database.close());
  for (const name of identity.beside) attempt(() => rmSync(name, { force: true }));
}

/** Committed rows are on disk, so a failure of closing does not matter. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // The file may be on a disk that is gone.
  }
}

/**
 * Checks the names of the file and of SQLite's files beside it. A link is followed if this user or root has
 * made it. Anybody else's link would choose what is written to.
 *
 * @throws {SinkError}
 */
export function assertFile(path: string): void {
  const user = thisUser();
  const names = FILE_SUFFIXES.map((suffix) => path + suffix);
  const strange = user && names.find((name) => {
    const info = infoOf(name);
    return info?.isSymlink === true && isStranger(info.uid, user);
  });
  if (strange !== undefined) {
    throw new SinkError(
      "misconfigured",
      `${strange} is a link that another user has made. Name another file with SQLITE_PATH.`,
    );
  }
  const special = names.find((name) =>
    exists(name) && !Deno.statSync(name).isFile && !Deno.statSync(name).isDirectory
  );
  if (special !== undefined) {
    throw new SinkError("misconfigured", `${special} is no regular file. Name another one with SQLITE_PATH.`);
  }
}

export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/**
 * Creates the file, and its directory, where they are missing. An existing file gets the mode, if there is
 * one. SQLite creates the files beside it with the same mode.
 */
export function makeFile(path: string, mode: number | undefined): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  assertFile(path);
  if (!exists(path)) return createOwn(path, mode);
  if (mode === undefined) return;
  for (const name of FILE_SUFFIXES.map((suffix) => path + suffix).filter(exists)) {
    if ((Deno.statSync(name).mode! & 0o777) !== mode) Deno.chmodSync(name, mode);
  }
}
