import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { isNotThere } from "../../platform/file/absence.ts";
import { openDatabase } from "../../platform/file/database.ts";
import { DatabaseIdentity } from "../../platform/file/file_identity.ts";
import { createOwn, UnfitFile } from "../../platform/file/regular_file.ts";
import { writeObstacle } from "../../platform/file/write_obstacle.ts";
import { CommitMark } from "./commit_mark.ts";
import { isFile } from "./durable_file.ts";
import { migrate } from "./migration.ts";
import { finishRestore, pendingRestoreOf } from "./pending_restore.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { Seal } from "./seal.ts";
import { checkContent, checkSchema, StateFault } from "./state_check.ts";
import { damaged, StateError, stateNotWritable, toStateError } from "./state_error.ts";
import { assertAllowed, assertTrusted, forbidden, STATE_FILE_NAME, toUntrusted } from "./state_directory.ts";
import { StateLock } from "./state_lock.ts";

export interface StateDatabaseOptions {
  /** Created with mode 0700 when missing. */
  readonly directory: string;
  /** Whose state it is. State of another instance is refused. */
  readonly instanceId: string;
  /** Whether the directory may belong to another user: an operator works on the state of a service. */
  readonly isOfService?: boolean;
}

/** In SQLite's header: the versions of the format that a writer and a reader need. */
const FORMAT_AT = 18;
const ROLLBACK_JOURNAL = 1;
/** Free pages (4 KiB each) that the file may always keep: 16 MiB. */
const FREE_PAGES_MAX = 4096;
/** Given back with one transaction: 4 MiB, some milliseconds. */
const GIVEN_BACK_PAGES = 1024;
/** The write-ahead log is cut to this size once it is written back; a checkpoint of a million series makes it larger. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;
/** Files up to this size are checked page by page when they are opened: a fraction of a second. */
const PAGE_CHECK_MAX_BYTES = 64 * 1024 * 1024;

/**
 * The state file: WAL, `synchronous=FULL`, so a committed transaction survives the loss of power, and readers never wait for
 * the handler. All that has to be true together is written in one {@link transaction}.
 *
 * Whoever opens it first makes sure that it is what was last committed: that the file is whole (SQLite's own check of its pages),
 * that no cell of it is another one (the {@link Seal}), and that no commit has gone from its end (the {@link CommitMark}).
 */
export class StateDatabase {
  /** Adds and deletes rows of the tables that it seals. */
  readonly seal = new Seal(this);
  /** Where the state has been put that was there when this opening finished an interrupted restore; undefined: it did not. */
  putAside: string | undefined;
  private readonly statements = new Map<string, StatementSync>();
  private isInSnapshot = false;
  /** Of the process that holds the directory. */
  private mark: CommitMark | undefined;
  private identity: DatabaseIdentity | undefined;

  private constructor(
    readonly path: string,
    private readonly database: DatabaseSync,
    private readonly lock: StateLock | undefined,
  ) {}

  /**
   * Takes the directory for this process and opens its state, which is created when there is none.
   * @throws {StateError}
   */
  static open(options: StateDatabaseOptions): StateDatabase {
    const { directory, isOfService = false } = options;
    const path = `${directory}/${STATE_FILE_NAME}`;
    let lock: StateLock | undefined;
    let state: StateDatabase | undefined;
    try {
      assertTrusted(directory, isOfService);
      Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
      assertTrusted(directory, isOfService);
      lock = StateLock.acquire(directory);
      const putAside = isFile(pendingRestoreOf(path)) ? finishRestore(path) : undefined;
      if (!exists(path)) StateDatabase.create(path, options.instanceId);
      // Whoever may write also tidies up when closing: what is damaged must be left as it is.
      StateDatabase.check(directory);
      state = new StateDatabase(path, connect(path, false), lock);
      prepareForWriting(state.database);
      state.identity = new DatabaseIdentity(path);
      state.putAside = putAside;
      state.seal.begin();
      state.migrate();
      state.checkOwner(options.instanceId);
      state.mark = CommitMark.open(directory, state.stateId);
      state.writeMark(false);
      return state;
    } catch (error) {
      state?.database.close();
      lock?.release();
      if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
        throw forbidden(directory, error);
      }
      // What the directory does not allow looks different with each way of trying.
      const obstacle = error instanceof StateError || error instanceof UnfitFile
        ? undefined
        : writeObstacle(path);
      if (obstacle !== undefined) throw stateNotWritable(directory, obstacle);
      throw toUntrusted(toStateError(error, path), directory);
    }
  }

  /**
   * Opens an existing state for reading, while a handler may be running on it. One of an earlier schema is read from a copy
   * in memory that is migrated, so that no reader has to know earlier schemas; the state itself stays as it is.
   *
   * @throws {StateError}
   */
  static openForReading(directory: string): StateDatabase {
    const state = StateDatabase.openBeside(directory, true);
    if (!state.isOutdated) return state;
    try {
      return state.migratedCopy();
    } finally {
      state.database.close();
    }
  }

  /**
   * Opens an existing state to leave a wish in it, while a handler may be running on it. One of an earlier schema is migrated.
   *
   * @throws {StateError} `held`: a handler of an earlier schema runs on it.
   */
  static openForWishing(directory: string): StateDatabase {
    const state = StateDatabase.openBeside(directory, false);
    if (!state.isOutdated) return state;
    const { instanceId } = state;
    state.close();
    StateDatabase.open({ directory, instanceId, isOfService: true }).close();
    return StateDatabase.openBeside(directory, false);
  }

  /** Whose the state in a directory is; undefined: there is none, or it cannot be told. Checks nothing. */
  static instanceIn(directory: string): string | undefined {
    const path = `${directory}/${STATE_FILE_NAME}`;
    let database: DatabaseSync | undefined;
    try {
      assertTrusted(directory, true);
      if (!exists(path)) return undefined;
      database = connect(path, true);
      const row = database.prepare("SELECT value FROM meta WHERE key = 'instance_id'").get();
      return row && String(row.value);
    } catch {
      // Whoever opens it in earnest says why not.
      return undefined;
    } finally {
      database?.close();
    }
  }

  /** Makes sure that an existing state is what was last committed; answers whose it is. @throws {StateError} */
  static check(directory: string): { readonly path: string; readonly instanceId: string } {
    const state = StateDatabase.openBeside(directory, true);
    const { path, instanceId } = state;
    state.close();
    return { path, instanceId };
  }

  private static openBeside(directory: string, readOnly: boolean): StateDatabase {
    const path = `${directory}/${STATE_FILE_NAME}`;
    assertTrusted(directory, true);
    assertAllowed(path);
    if (isFile(pendingRestoreOf(path))) {
      throw new StateError(
        "missing",
        `a restore into ${directory} was interrupted. Start the handler, or repeat the restore: either finishes it.`,
      );
    }
    if (!exists(path)) {
      throw new StateError(
        "missing",
        `there is no state in ${directory}. Has the handler run with this STATE_DIR?`,
      );
    }
    let state: StateDatabase | undefined;
    try {
      state = new StateDatabase(path, connect(path, readOnly), undefined);
      state.checkWhole(directory);
      if (!readOnly) prepareForWriting(state.database);
      return state;
    } catch (error) {
      state?.database.close();
      throw toStateError(error, path);
    }
  }

  /** Makes the whole file aside and then gives it its name: a state file that exists is complete, an empty one is damage. */
  private static create(path: string, instanceId: string): void {
    const draft = `${path}.new`;
    for (const leftover of [draft, `${draft}-wal`, `${draft}-shm`, `${draft}-journal`]) {
      try {
        Deno.removeSync(leftover);
      } catch {
        // Nothing was left over.
      }
    }
    createOwn(draft);
    const database = openDatabase(draft);
    try {
      database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL");
      database.exec(`BEGIN; ${MIGRATIONS.join("")}; PRAGMA application_id = ${APPLICATION_ID}`);
      const state = new StateDatabase(draft, database, undefined);
      state.run("INSERT INTO meta VALUES ('schema_version', ?)", String(MIGRATIONS.length));
      state.run("INSERT INTO meta VALUES ('state_id', ?)", crypto.randomUUID());
      state.run("INSERT INTO meta VALUES ('instance_id', ?)", instanceId);
      state.seal.finish();
      database.exec("COMMIT");
    } finally {
      database.close();
    }
    Deno.renameSync(draft, path);
  }

  /** Identifies this database; a new one gets another id. */
  get stateId(): string {
    return this.meta("state_id");
  }

  get instanceId(): string {
    return this.meta("instance_id");
  }

  /** Runs `work` in one transaction: all of it is durable when this returns, none of it when it throws. @throws {StateError} */
  transaction<T>(work: () => T): T {
    try {
      this.assertInPlace();
      this.database.exec("BEGIN IMMEDIATE");
      const changesBefore = this.changes();
      this.seal.begin();
      const result = work();
      const isChanged = this.changes() !== changesBefore;
      if (isChanged) {
        this.seal.finish();
        this.giveSpaceBack();
      }
      // As late as can be: what is committed into a file without a name is nowhere.
      this.assertInPlace();
      this.database.exec("COMMIT");
      if (isChanged) this.writeMark(false);
      return result;
    } catch (error) {
      try {
        this.database.exec("ROLLBACK");
      } catch {
        // SQLite rolls back by itself on some errors, a full disk among them.
      }
      throw toStateError(error, this.path);
    }
  }

  /** @throws {StateError} `gone`: the state was removed or replaced under the process that holds it. */
  assertInPlace(): void {
    const found = this.identity?.fate;
    if (found === undefined) return;
    throw new StateError(
      "gone",
      `the state file ${found.path} was ${found.fate} while the handler runs. Nothing more is read or acknowledged. Put it ` +
        "back where it was, and all goes on; or stop the handler and restore a backup (restore --from FILE --replace). " +
        "A handler that is started without it begins from nothing.",
    );
  }

  /** Runs `work` on one consistent view of the state, whatever the handler writes meanwhile. @throws {StateError} */
  snapshot<T>(work: () => T): T {
    if (this.isInSnapshot) return work();
    this.database.exec("BEGIN");
    this.isInSnapshot = true;
    try {
      return work();
    } finally {
      this.isInSnapshot = false;
      this.database.exec("COMMIT");
    }
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.prepare(sql).run(...values);
  }

  exec(sql: string): void {
    this.database.exec(sql);
  }

  /** All rows of a query. The caller names their type: it has written the query. @throws {StateError} */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    try {
      return this.prepare(sql).all(...values) as Row[];
    } catch (error) {
      throw toStateError(error, this.path);
    }
  }

  /** The rows of a query one by one, for those that may be too many to hold. @throws {StateError} */
  *iterate<Row>(sql: string): Generator<Row> {
    try {
      yield* this.prepare(sql).iterate() as Iterable<Row>;
    } catch (error) {
      throw toStateError(error, this.path);
    }
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    try {
      return this.prepare(sql).get(...values) as Row | undefined;
    } catch (error) {
      throw toStateError(error, this.path);
    }
  }

  /** Whether its schema has a table: a state that is only read may be of an older one. */
  hasTable(name: string): boolean {
    return this.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", name) !== undefined;
  }

  /** Size of the file and its write-ahead log. */
  sizeBytes(): number {
    return [this.path, `${this.path}-wal`].reduce((sum, path) => sum + sizeOf(path), 0);
  }

  /** Closes the file and gives the directory back. */
  close(): void {
    this.statements.clear();
    // Whatever file has the name now, it is not the one that was closed in good order.
    const isInPlace = this.identity?.fate === undefined;
    this.database.close();
    // With a reader at work the last commits stay in the write-ahead log.
    if (this.mark && isInPlace && sizeOf(`${this.path}-wal`) === 0) this.writeMark(true);
    this.mark?.close();
    this.lock?.release();
  }

  /**
   * Makes a file smaller that is mostly empty, after a night's outbox or a purge, a piece with each transaction. Some room stays:
   * what comes and goes each minute would otherwise be cut off and grown anew.
   */
  private giveSpaceBack(): void {
    const { free, pages } = this.get<{ free: number; pages: number }>(
      "SELECT freelist_count AS free, page_count AS pages FROM pragma_freelist_count, pragma_page_count",
    )!;
    if (free < FREE_PAGES_MAX || free < pages / 2) return;
    // Each step gives back one page.
    this.all(`PRAGMA incremental_vacuum(${GIVEN_BACK_PAGES})`);
  }

  private writeMark(isClosed: boolean): void {
    this.mark?.write({ commits: this.seal.commits, isClosed });
  }

  private changes(): number {
    return this.get<{ changes: number }>("SELECT total_changes() AS changes")!.changes;
  }

  private get isOutdated(): boolean {
    return this.version < MIGRATIONS.length;
  }

  private migratedCopy(): StateDatabase {
    try {
      const copy = new StateDatabase(this.path, copyInMemory(this.database), undefined);
      copy.seal.begin();
      copy.migrate();
      return copy;
    } catch (error) {
      throw toStateError(error, this.path);
    }
  }

  /** Makes sure that the file is what was last committed. @throws {StateError} */
  private checkWhole(directory: string): void {
    try {
      checkSchema(this);
      // Before the state is looked at: whoever writes it now goes the other way round.
      const promised = CommitMark.promised(directory, this.stateId);
      this.snapshot(() => {
        const version = checkSchema(this);
        this.checkPages();
        checkContent(this, this.seal, version);
        if (this.seal.commits < promised) throw this.commitsMissing(directory, promised - this.seal.commits);
      });
    } catch (error) {
      if (error instanceof StateFault && error.newerSchema !== undefined) throw newer(this.path, error);
      const known = toStateError(error, this.path);
      if (known instanceof StateError || !(error instanceof Error)) throw known;
      // What SQLite makes of a damaged schema or cell has as many names as there are ways to misread it.
      throw damaged(this.path, error.message);
    }
  }

  private commitsMissing(directory: string, count: number): StateError {
    return damaged(
      this.path,
      `the last ${count} of its commits are missing: its -wal file is damaged or gone`,
      // By restore in both cases: revisions that were given out since must not be given out again.
      `Restore an earlier backup (restore --from FILE --replace). Or, to go on from what is left, remove ` +
        `${
          CommitMark.pathIn(directory)
        }, then backup --to FILE and restore --from FILE --replace. Either way the bus gives ` +
        "again what came since, but what it has trimmed meanwhile is lost, and Kafka gets some aggregates twice.",
    );
  }

  private checkPages(): void {
    if (sizeOf(this.path) <= PAGE_CHECK_MAX_BYTES) {
      const verdict = this.get<{ integrity_check: string }>("PRAGMA integrity_check(1)")!.integrity_check;
      if (verdict !== "ok") throw damaged(this.path, verdict.replaceAll("\n", " "));
    }
  }

  private prepare(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) {
      statement = this.database.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  private meta(key: string): string {
    const row = this.get<{ value: string }>("SELECT value FROM meta WHERE key = ?", key);
    if (!row) throw damaged(this.path, `no ${key}`);
    return row.value;
  }

  private get version(): number {
    return Number(this.meta("schema_version"));
  }

  private migrate(): void {
    const { version } = this;
    if (version === MIGRATIONS.length) return;
    this.transaction(() => migrate(this, this.seal, version));
  }

  /** @throws {StateError} `foreign`: the state is another instance's. */
  checkOwner(instanceId: string): void {
    const owner = this.instanceId;
    if (owner === instanceId) return;
    throw new StateError(
      "foreign",
      `the state in ${this.path} belongs to INSTANCE_ID "${owner}", not to "${instanceId}". ` +
        `Set INSTANCE_ID=${owner}, or give this instance a STATE_DIR of its own.`,
    );
  }
}

function exists(path: string): boolean {
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

function connect(path: string, readOnly: boolean): DatabaseSync {
  if (Deno.statSync(path).size === 0) throw damaged(path, "it is empty");
  return openDatabase(path, { readOnly, timeoutMs: 10_000 });
}

/** The settings of a connection that writes, to a file that has been found whole. */
function prepareForWriting(database: DatabaseSync): void {
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8000");
  database.exec(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
}

function newer(path: string, { message }: StateFault): StateError {
  return new StateError(
    "newer",
    `the state file ${path} was written by a newer version of this program (${message}). Start that version again, or a later one.`,
  );
}

/** What the database holds now: its file, and what of its write-ahead log is not yet in it. */
function copyInMemory(database: DatabaseSync): DatabaseSync {
  const image = database.serialize();
  // A database in memory has no write-ahead log, so the format of the file must not ask for one.
  image.fill(ROLLBACK_JOURNAL, FORMAT_AT, FORMAT_AT + 2);
  const copy = openDatabase(":memory:");
  copy.deserialize(image);
  return copy;
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
