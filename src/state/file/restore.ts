import { OpenWindows } from "../../aggregation/open_windows.ts";
import { openDatabase } from "../../platform/file/database.ts";
import { createOwn } from "../../platform/file/regular_file.ts";
import { drawHashKey } from "../../platform/random/hash_key.ts";
import { noteOrder } from "../audit.ts";
import { readIdRun } from "../checkpoint/id_run.ts";
import { restoreOpenWindows } from "../checkpoint/open_page.ts";
import { REVISION_MAX } from "../outbox/segment.ts";
import { bareDatabase } from "./bare_database.ts";
import { assertWhole, isRefusal, reasonOf, removeDraft, unwritable, useLog } from "./draft.ts";
import { isFile, sync } from "./durable_file.ts";
import { migrate } from "./migration.ts";
import { filesOf, finishRestore, pendingRestoreOf } from "./pending_restore.ts";
import { MIGRATIONS } from "./schema.ts";
import { Seal } from "./seal.ts";
import type { SealedDatabase } from "./seal_error.ts";
import { checkContent, checkSchema, StateFault } from "./state_check.ts";
import { assertTrusted, STATE_FILE_NAME } from "./state_directory.ts";
import { StateError, toStateError } from "./state_error.ts";
import { StateLock } from "./state_lock.ts";

/**
 * Revisions after a restore begin at the seconds since this time. So they are greater than any that the lost
 * state can have used.
 */
const REVISION_EPOCH_MS = Date.UTC(2020, 0, 1);
/**
 * Revisions that a restored state must still be able to use: a year of corrections of one window, one each
 * second.
 */
const REVISIONS_LEFT = 2 ** 25;

const COPY_BYTES = 1 << 20;

/**
 * Makes a backup the state of a directory. The lost state went on after the backup was made. So the copy gets
 * a new id, by which positions that are stored elsewhere are not taken for its own, and its revisions begin
 * above all that were used.
 *
 * @param replace Whether an existing state may be put aside; it is renamed, never deleted.
 * @returns the instance that it belongs to, and where the former state is now.
 * @throws {StateError} `held`: a handler runs on the directory. `exists`: there is a state.
 */
export function restoreState(
  file: string,
  directory: string,
  replace: boolean,
  nowMs: number,
  operator?: string,
): { readonly instanceId: string; readonly putAside: string | undefined } {
  if (!isFile(file)) throw new StateError("missing", `there is no backup ${file}.`);
  try {
    assertTrusted(directory, false);
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    assertTrusted(directory, false);
    const lock = StateLock.acquire(directory);
    try {
      return restoreInto(file, `${directory}/${STATE_FILE_NAME}`, replace, nowMs, operator);
    } finally {
      lock.release();
    }
  } catch (error) {
    throw isRefusal(error) ? unwritable(directory, error) : toStateError(error, directory);
  }
}

function restoreInto(
  file: string,
  path: string,
  replace: boolean,
  nowMs: number,
  operator: string | undefined,
) {
  const pending = pendingRestoreOf(path);
  const isLeftOver = isFile(pending);
  if (isLeftOver) finishRestore(path);
  if (filesOf(path).length > 0 && !replace) {
    throw new StateError(
      "exists",
      isLeftOver
        ? `a restore that was interrupted is now finished: its backup is the state ${path}. Start the ` +
          "handler, or put this state aside for another backup with --replace."
        : `there is a state already: ${path}. Name an empty STATE_DIR, or put this state aside with ` +
          "--replace.",
    );
  }
  const draft = `${path}.restoring`;
  try {
    removeDraft(draft);
    createOwn(draft);
    copyBackup(file, draft);
    const instanceId = renew(draft, file, nowMs, operator);
    sync(draft);
    Deno.renameSync(draft, pending);
    return { instanceId, putAside: finishRestore(path) };
  } finally {
    removeDraft(draft);
  }
}

/** Checks a copy of the backup and gives it its new identity. Returns its instance. */
function renew(draft: string, file: string, nowMs: number, operator: string | undefined): string {
  const database = openDatabase(draft);
  try {
    const sealed = bareDatabase(database);
    const seal = new Seal(sealed);
    const version = checkSchema(sealed);
    assertWhole(database, () => notABackup(file));
    checkContent(sealed, seal, version);
    database.exec("PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
    seal.begin();
    if (version < MIGRATIONS.length) migrate(sealed, seal, version);
    database.prepare("UPDATE meta SET value = ? WHERE key = 'state_id'").run(crypto.randomUUID());
    const floor = database.prepare("SELECT value FROM account WHERE name = 'revision_floor'");
    database.prepare("INSERT OR REPLACE INTO account VALUES ('revision_floor', ?)")
      .run(revisionFloor(nowMs, Number(floor.get()?.value ?? 0)));
    if (operator !== undefined) {
      const order = { who: operator, atMs: nowMs, action: "restore", detail: `--from ${file}` };
      noteOrder({ ...sealed, seal }, order, "the state of the backup goes on");
    }
    seal.finish();
    assertReadable(sealed);
    database.exec("COMMIT");
    useLog(database);
    return String(database.prepare("SELECT value FROM meta WHERE key = 'instance_id'").get()!.value);
  } catch (error) {
    if (error instanceof StateError) throw error;
    if (error instanceof StateFault && error.newerSchema !== undefined) throw newerBackup(file, error);
    throw notABackup(file, error);
  } finally {
    database.close();
  }
}

/** @throws {StateError} The clock is wrong: its revisions would be lower than those in the sinks. */
function revisionFloor(nowMs: number, before: number): number {
  const floor = Math.floor((nowMs - REVISION_EPOCH_MS) / 1000);
  if (floor >= before && floor <= REVISION_MAX - REVISIONS_LEFT) return floor;
  const [earliest, latest] = [before, REVISION_MAX - REVISIONS_LEFT].map((seconds) =>
    new Date(REVISION_EPOCH_MS + seconds * 1000).toISOString()
  );
  throw new StateError(
    "unwritable",
    `the clock says ${
      new Date(nowMs).toISOString()
    }, and this backup can be restored from ${earliest} to ${latest}. ` +
      "Nothing was restored. Set the clock: the revisions that sinks get from now on are made from it.",
  );
}

/**
 * Reads everything that a start reads. Seals show changes, but not content that was invalid when it was
 * sealed.
 *
 * @throws {ColumnError}
 */
function assertReadable(database: SealedDatabase): void {
  restoreOpenWindows(database, new OpenWindows(drawHashKey()));
  for (const { ids } of database.iterate<{ ids: Uint8Array }>("SELECT ids FROM recent_ids")) {
    readIdRun(ids, () => {});
  }
}

function newerBackup(file: string, { message }: StateFault): StateError {
  return new StateError(
    "newer",
    `the backup ${file} was made by a newer version of this program (${message}). Restore it with ` +
      "that version, or a later one.",
  );
}

function notABackup(file: string, cause?: unknown): StateError {
  return new StateError("damaged", `${file} is no whole backup of this program. Nothing was restored.`, {
    cause,
  });
}

function copyBackup(file: string, draft: string): void {
  try {
    Deno.openSync(file).close();
  } catch (error) {
    throw isRefusal(error)
      ? new StateError(
        "unwritable",
        `the backup ${file} cannot be read: ${reasonOf(error)}. Mend its owner or mode.`,
      )
      : error;
  }
  // Without this check, a sparse file of a terabyte would fill the disk before it is refused.
  if (hasMoreThanItsPages(file)) throw notABackup(file);
  copyFile(file, draft);
}

/** Whether a file is longer than the pages that its header, at these offsets, announces. */
function hasMoreThanItsPages(path: string): boolean {
  const PAGE_SIZE_AT = 16;
  const PAGE_COUNT_AT = 28;
  using file = Deno.openSync(path);
  const header = new Uint8Array(PAGE_COUNT_AT + 4);
  file.readSync(header);
  const view = new DataView(header.buffer);
  // A page size that does not fit into two bytes is written as 1.
  const pageSize = view.getUint16(PAGE_SIZE_AT) === 1 ? 65_536 : view.getUint16(PAGE_SIZE_AT);
  return file.statSync().size > pageSize * view.getUint32(PAGE_COUNT_AT);
}

/** Copies the content only. Deno's own function would copy the mode, too. */
function copyFile(from: string, to: string): void {
  using source = Deno.openSync(from);
  using target = Deno.openSync(to, { write: true });
  const chunk = new Uint8Array(COPY_BYTES);
  for (let read = source.readSync(chunk); read !== null; read = source.readSync(chunk)) {
    for (let written = 0; written < read;) written += target.writeSync(chunk.subarray(written, read));
  }
}
