import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { damaged, StateError, toStateError } from "./state_error.ts";
import { StateLock } from "./state_lock.ts";

export interface StateDatabaseOptions {
  /** Created with mode 0700 when missing. */
  readonly directory: string;
  /** Whose state it is. State of another instance is refused. */
  readonly instanceId: string;
}

/** The state in its directory. */
export const STATE_FILE_NAME = "state.sqlite";
/** Files up to this size are checked page by page at start: a fraction of a second. */
const QUICK_CHECK_MAX_BYTES = 64 * 1024 * 1024;

/**
 * The state file: WAL, `synchronous=FULL`, so a committed transaction survives the loss of power, and readers never wait for
 * the handler. All that has to be true together is written in one {@link transaction}.
 */
export class StateDatabase {
  private readonly statements = new Map<string, StatementSync>();

  private isInSnapshot = false;

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
    const { directory } = options;
    const path = `${directory}/${STATE_FILE_NAME}`;
    let lock: StateLock | undefined;
    try {
      Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
      lock = StateLock.acquire(directory);
      if (!exists(path)) create(path, options.instanceId);
      const state = new StateDatabase(path, connect(path, false), lock);
      state.migrate();
      state.checkOwner(options.instanceId);
      return state;
    } catch (error) {
      lock?.release();
      if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
        throw new StateError(
          "unwritable",
          `no permission to use the state directory ${directory}. Mend its owner or set STATE_DIR.`,
          { cause: error },
        );
      }
      throw toStateError(error, path);
    }
  }

  /** Opens an existing state for reading, while a handler may be running on it. @throws {StateError} */
  static openForReading(directory: string): StateDatabase {
    return StateDatabase.openBeside(directory, true);
  }

  /** Opens an existing state to leave a wish in it, while a handler may be running on it. @throws {StateError} */
  static openForWishing(directory: string): StateDatabase {
    return StateDatabase.openBeside(directory, false);
  }

  private static openBeside(directory: string, readOnly: boolean): StateDatabase {
    const path = `${directory}/${STATE_FILE_NAME}`;
    if (!exists(path)) {
      throw new StateError(
        "missing",
        `there is no state in ${directory}. Has the handler run with this STATE_DIR?`,
      );
    }
    try {
      const state = new StateDatabase(path, connect(path, readOnly), undefined);
      state.checkVersion();
      return state;
    } catch (error) {
      throw toStateError(error, path);
    }
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
      this.database.exec("BEGIN IMMEDIATE");
      const result = work();
      this.database.exec("COMMIT");
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

  /** All rows of a query. The caller names their type: it has written the query. @throws {StateError} */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    try {
      return this.prepare(sql).all(...values) as Row[];
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

  /** Size of the file and its write-ahead log. */
  sizeBytes(): number {
    return [this.path, `${this.path}-wal`].reduce((sum, path) => sum + sizeOf(path), 0);
  }

  /** Closes the file and gives the directory back. */
  close(): void {
    this.statements.clear();
    this.database.close();
    this.lock?.release();
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

  private checkVersion(): number {
    const version = Number(this.meta("schema_version"));
    if (version > MIGRATIONS.length) {
      throw new StateError(
        "newer",
        `the state file ${this.path} was written by a newer version of this program (schema ${version}, ` +
          `this one knows ${MIGRATIONS.length}). Start that version again, or a later one.`,
      );
    }
    return version;
  }

  private migrate(): void {
    const version = this.checkVersion();
    if (version === MIGRATIONS.length) return;
    this.transaction(() => {
      for (const migration of MIGRATIONS.slice(version)) this.database.exec(migration);
      this.run("UPDATE meta SET value = ? WHERE key = 'schema_version'", String(MIGRATIONS.length));
    });
  }

  private checkOwner(instanceId: string): void {
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
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  // A write-ahead log without its database is the rest of a state, not a new beginning.
  try {
    Deno.statSync(`${path}-wal`);
  } catch {
    return false;
  }
  throw damaged(path, "it is gone, while its -wal file is still there");
}

/** Makes the whole file aside and then gives it its name: a state file that exists is complete, an empty one is damage. */
function create(path: string, instanceId: string): void {
  const draft = `${path}.new`;
  for (const leftover of [draft, `${draft}-wal`, `${draft}-shm`, `${draft}-journal`]) {
    try {
      Deno.removeSync(leftover);
    } catch {
      // Nothing was left over.
    }
  }
  const database = new DatabaseSync(draft);
  try {
    database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL; PRAGMA page_size = 8192");
    database.exec("BEGIN");
    for (const migration of MIGRATIONS) database.exec(migration);
    const insert = database.prepare("INSERT INTO meta VALUES (?, ?)");
    insert.run("schema_version", String(MIGRATIONS.length));
    insert.run("state_id", crypto.randomUUID());
    insert.run("instance_id", instanceId);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
  } finally {
    database.close();
  }
  Deno.chmodSync(draft, 0o600);
  Deno.renameSync(draft, path);
}

function connect(path: string, readOnly: boolean): DatabaseSync {
  const size = Deno.statSync(path).size;
  if (size === 0) throw damaged(path, "it is empty");
  const database = new DatabaseSync(path, { readOnly, timeout: 10_000 });
  try {
    const { application_id: application } = database.prepare("PRAGMA application_id").get() as {
      application_id: number;
    };
    if (application !== APPLICATION_ID) throw damaged(path, "it is not a state file of this program");
    if (!readOnly) {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8000");
      if (size <= QUICK_CHECK_MAX_BYTES) {
        const { quick_check: verdict } = database.prepare("PRAGMA quick_check(1)").get() as {
          quick_check: string;
        };
        if (verdict !== "ok") throw damaged(path, verdict.replaceAll("\n", " "));
      }
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
