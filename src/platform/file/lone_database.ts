import type { DatabaseSync } from "node:sqlite";
import { infoOf } from "./absence.ts";
import { openDatabase } from "./database.ts";
import { assertOwn, createOwn } from "./regular_file.ts";

/**
 * Opens an SQLite file of our own for this process alone, and creates it where there is none. What is
 * committed survives a loss of power.
 *
 * @param schema Statements that create what is not there yet.
 * @throws {UnfitFile} or SQLite's error.
 */
export function openAlone(path: string, schema: string): DatabaseSync {
  assertOwn([path, `${path}-wal`, `${path}-shm`, `${path}-journal`]);
  if (infoOf(path) === undefined) createOwn(path);
  const database = openDatabase(path);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec(schema);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}
