import type { DatabaseSync } from "node:sqlite";
import { DatabaseIdentity } from "../../platform/file/file_identity.ts";
import { UnfitFile } from "../../platform/file/regular_file.ts";
import { writeObstacle } from "../../platform/file/write_obstacle.ts";
import { CommitMark } from "./commit_mark.ts";
import { isFile, sizeOf } from "./durable_file.ts";
import { migrate } from "./migration.ts";
import { finishRestore, pendingRestoreOf } from "./pending_restore.ts";
import { MIGRATIONS } from "./schema.ts";
import { SealedStore } from "./sealed_store.ts";
import { assertWhole, metaOf } from "./state_check.ts";
import { createState } from "./state_creation.ts";
import { StateError, stateNotWritable, toStateError } from "./state_error.ts";
import {
  assertAllowed,
  assertTrusted,
  obstruction,
  STATE_FILE_NAME,
  toUntrusted,
} from "./state_directory.ts";
import { connect, copyInMemory, exists, prepareForWriting, settle } from "./state_file.ts";
import { StateLock } from "./state_lock.ts";

export interface StateDatabaseOptions {
  /** Created with mode 0700 when missing. */
  readonly directory: string;
  /** The instance of the state. The state of another instance is refused. */
  readonly instanceId: string;
  /**
   * Whether the directory may belong to another user, as for an operator who works on the state of a service.
   */
  readonly isOfService?: boolean;
}

/**
 * The state file: WAL and `synchronous=FULL`, so a committed transaction survives a loss of power, and
 * readers never wait for the handler. Data that must be consistent are written in one {@link transaction}.
 *
 * The first opening checks that the file is what was last committed: that the file is intact (SQLite's own
 * check of its pages), that no cell has changed (the {@link Seal}), and that no commit is missing at its end
 * (the {@link CommitMark}).
 */
export class StateDatabase extends SealedStore {
  /**
   * Where the former state is, if this opening has completed an interrupted restore; undefined: it has not.
   */
  putAside: string | undefined;
  /** The mark of commits; undefined: this process does not hold the directory. */
  private mark: CommitMark | undefined;
  private identity: DatabaseIdentity | undefined;

  private constructor(path: string, database: DatabaseSync, private readonly lock: StateLock | undefined) {
    super(path, database);
  }

  /**
   * Locks the directory for this process and opens its state. Creates the state where there is none.
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
      if (!exists(path)) createState(path, options.instanceId);
      else settle(path);
      // Check the file read-only first: closing a writable connection checkpoints the WAL and would alter a
      // damaged file.
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
      const obstructed = obstruction(directory, error);
      if (obstructed !== undefined) throw obstructed;
      // A missing permission shows as a different error in each step.
      const obstacle = error instanceof StateError || error instanceof UnfitFile
        ? undefined
        : writeObstacle(path);
      if (obstacle !== undefined) throw stateNotWritable(directory, obstacle);
      throw toUntrusted(toStateError(error, path), directory);
    }
  }

  /**
   * Opens an existing state for reading, while a handler may be running on it. A state of an earlier schema
   * is copied into memory and migrated there, so that readers need not know earlier schemas; the file is not
   * changed.
   *
   * @param isTrusted Whether a state that this process holds, and so has checked, is not checked again. The
   * check reads all of it, and the handler waits meanwhile.
   * @throws {StateError}
   */
  static openForReading(directory: string, isTrusted = false): StateDatabase {
    const state = StateDatabase.openBeside(directory, true, isTrusted);
    if (!state.isOutdated) return state;
    try {
      return state.migratedCopy();
    } finally {
      state.database.close();
    }
  }

  /**
   * One consistent view of a state that a handler of this process has open, and so has checked. It costs
   * little, unlike {@link openForReading}. Close it soon: the write-ahead log grows as long as it is open.
   *
   * @throws {StateError}
   */
  static view(directory: string): StateDatabase {
    const path = `${directory}/${STATE_FILE_NAME}`;
    try {
      const state = new StateDatabase(path, connect(path, true), undefined);
      state.keepSnapshot();
      return state;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) {
        throw new StateError("gone", `the state file ${path} is gone, while the handler runs.`, {
          cause: error,
        });
      }
      throw toStateError(error, path);
    }
  }

  /**
   * Opens an existing state to store a request in it, while a handler may be running on it. A state of an
   * earlier schema is migrated. One that this process holds is trusted, see {@link openForReading}.
   *
   * @throws {StateError} `held`: a handler of an earlier schema runs on it.
   */
  static openForRequest(directory: string): StateDatabase {
    const state = StateDatabase.openBeside(directory, false, true);
    if (!state.isOutdated) return state;
    const { instanceId } = state;
    state.close();
    StateDatabase.open({ directory, instanceId, isOfService: true }).close();
    return StateDatabase.openBeside(directory, false, true);
  }

  /**
   * The instance of the state in a directory; undefined: there is no state, or it cannot be read. Checks
   * nothing.
   */
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
      // A real opening reports the reason.
      return undefined;
    } finally {
      database?.close();
    }
  }

  /** Checks that an existing state is what was last committed. Returns its instance. @throws {StateError} */
  static check(directory: string): { readonly path: string; readonly instanceId: string } {
    const state = StateDatabase.openBeside(directory, true, false);
    const { path, instanceId } = state;
    state.close();
    return { path, instanceId };
  }

  private static openBeside(directory: string, readOnly: boolean, isTrusted: boolean): StateDatabase {
    const path = `${directory}/${STATE_FILE_NAME}`;
    assertTrusted(directory, true);
    assertAllowed(path);
    if (isFile(pendingRestoreOf(path))) {
      throw new StateError(
        "missing",
        `a restore into ${directory} was interrupted. Start the handler, or repeat the restore: ` +
          "either finishes it.",
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
      if (!isTrusted || !StateLock.isOurs(directory)) assertWhole(state, directory);
      if (!readOnly) prepareForWriting(state.database);
      return state;
    } catch (error) {
      state?.database.close();
      throw toStateError(error, path);
    }
  }

  /** Identity of this database. A new database gets another one. */
  get stateId(): string {
    return metaOf(this, "state_id");
  }

  get instanceId(): string {
    return metaOf(this, "instance_id");
  }

  /** @throws {StateError} `gone`: the file was removed or replaced while this process holds it. */
  override assertInPlace(): void {
    const found = this.identity?.fate;
    if (found === undefined) return;
    throw new StateError(
      "gone",
      `the state file ${found.path} was ${found.fate} while the handler runs. Nothing more is read ` +
        "or acknowledged. Put it back where it was, and all goes on; or stop the handler and restore a " +
        "backup (restore --from FILE --replace). A handler that is started without it begins from " +
        "nothing.",
    );
  }

  /** Size of the file and its write-ahead log. */
  sizeBytes(): number {
    return [this.path, `${this.path}-wal`].reduce((sum, path) => sum + sizeOf(path), 0);
  }

  /** Closes the file and unlocks the directory. */
  close(): void {
    this.forgetStatements();
    // Where another file has the name now, the mark must not say that it was closed cleanly.
    const isInPlace = this.identity?.fate === undefined;
    this.database.close();
    // While another process reads, the last commits stay in the write-ahead log.
    if (this.mark && isInPlace && sizeOf(`${this.path}-wal`) === 0) this.writeMark(true);
    this.mark?.close();
    this.lock?.release();
  }

  protected override committed(): void {
    this.writeMark(false);
  }

  private writeMark(isClosed: boolean): void {
    this.mark?.write({ commits: this.seal.commits, isClosed });
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

  private get version(): number {
    return Number(metaOf(this, "schema_version"));
  }

  private migrate(): void {
    const { version } = this;
    if (version === MIGRATIONS.length) return;
    this.transaction(() => migrate(this, this.seal, version));
  }

  /** @throws {StateError} `foreign`: the state belongs to another instance. */
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
