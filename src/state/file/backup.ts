import { dirname } from "node:path";
import { backup } from "node:sqlite";
import { infoOf } from "../../platform/file/absence.ts";
import { openDatabase } from "../../platform/file/database.ts";
import { createOwn } from "../../platform/file/regular_file.ts";
import { assertWhole, isRefusal, removeDraft, unwritable } from "./draft.ts";
import { isFile, sync } from "./durable_file.ts";
import { StateDatabase } from "./state_database.ts";
import { damaged, StateError, toStateError } from "./state_error.ts";

const ALL_PAGES = 0x7fffffff;

/** What a backup holds. */
export interface BackupReport {
  readonly instanceId: string;
  readonly bytes: number;
}

/**
 * Writes a consistent copy of the state, as of its last checkpoint, while a handler may be running. The copy
 * is checked and synced to disk before it gets its name. An existing backup is replaced in one step.
 *
 * @throws {StateError}
 */
export async function backUpState(directory: string, file: string): Promise<BackupReport> {
  const { path, instanceId } = StateDatabase.check(directory);
  return { instanceId, bytes: await copyDatabase(path, file, (detail) => damaged(path, detail)) };
}

/**
 * Writes such a copy of the embedded sink's SQLite file.
 *
 * @param setting The setting that names the file.
 * @throws {StateError}
 */
export async function backUpSink(
  source: string,
  setting: string,
  file: string,
): Promise<{ readonly bytes: number }> {
  if (!isFile(source)) throw new StateError("missing", `there is no SQLite file ${source} (${setting}).`);
  return { bytes: await copyDatabase(source, file, (detail) => damagedSink(source, setting, detail)) };
}

function damagedSink(path: string, setting: string, detail: string): StateError {
  return new StateError(
    "damaged",
    `the embedded sink's file ${path} (${setting}) is damaged (${detail}). It is left as it is, and ` +
      "so is an earlier copy. Stop the handler and put an earlier copy in its place, or what `sqlite3 " +
      `${path} .recover\` can save of it; verify then names the rows that are missing.`,
  );
}

/**
 * Copies a database to a file. Returns the size of the copy. `damagedSource` makes the error for a damaged
 * source.
 */
async function copyDatabase(
  source: string,
  file: string,
  damagedSource: (detail: string) => StateError,
): Promise<number> {
  const draft = `${file}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    if (infoOf(file) !== undefined && !(isFile(file) && isDatabase(file))) {
      throw new StateError(
        "exists",
        `${file} is there and no backup; it is left as it is. Name another file.`,
      );
    }
    createOwn(draft);
    const database = openDatabase(source, { readOnly: true, timeoutMs: 10_000 });
    try {
      // All pages are copied in one step. So they are of one moment, and a handler that writes meanwhile does
      // not restart the copy.
      await backup(database, draft, { rate: ALL_PAGES });
    } finally {
      database.close();
    }
    const copy = openDatabase(draft);
    try {
      // Makes the copy a single complete file.
      copy.exec("PRAGMA journal_mode = DELETE");
      assertWhole(copy, damagedSource);
    } finally {
      copy.close();
    }
    sync(draft);
    Deno.renameSync(draft, file);
    sync(dirname(file));
    return Deno.statSync(file).size;
  } catch (error) {
    throw isRefusal(error) ? unwritable(file, error) : toStateError(error, file, damagedSource);
  } finally {
    removeDraft(draft);
  }
}

function isDatabase(path: string): boolean {
  const magic = new TextEncoder().encode("SQLite format 3\0");
  using file = Deno.openSync(path);
  const start = new Uint8Array(magic.length);
  file.readSync(start);
  return magic.every((byte, i) => byte === start[i]);
}
