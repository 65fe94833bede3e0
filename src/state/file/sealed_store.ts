import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { eachRow } from "../../platform/file/database.ts";
import { Seal } from "./seal.ts";
import { toStateError } from "./state_error.ts";

/** Free pages (4 KiB each) that the file may always keep: 16 MiB. */
const FREE_PAGES_MAX = 4096;
/** Pages that one transaction gives back: 4 MiB, some milliseconds. */
const GIVEN_BACK_PAGES = 1024;

/**
 * Queries and transactions of an open state file. Each transaction that changes something is sealed as it is
 * committed.
 */
export abstract class SealedStore {
  /** Adds and deletes rows of the tables that it seals. */
  readonly seal = new Seal(this);
  private readonly statements = new Map<string, StatementSync>();
  private isInSnapshot = false;

  protected constructor(readonly path: string, protected readonly database: DatabaseSync) {}

  /** Checks that the file still has its name, so that a commit is not lost. @throws {StateError} */
  abstract assertInPlace(): void;

  /** Called after each commit that has changed something. */
  protected abstract committed(): void;

  /**
   * Runs `work` in one transaction: all of it is durable when this returns, and nothing is when this throws.
   * @throws {StateError}
   */
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
      // Checked as late as possible: commits to a file without a name are lost.
      this.assertInPlace();
      this.database.exec("COMMIT");
      if (isChanged) this.committed();
      return result;
    } catch (error) {
      try {
        this.database.exec("ROLLBACK");
      } catch {
        // After some errors, such as a full disk, SQLite has already rolled back.
      }
      throw toStateError(error, this.path);
    }
  }

  /**
   * Runs `work` on one consistent view of the state, whatever the handler writes meanwhile.
   *
   * @throws {StateError}
   */
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

  /** Keeps to one consistent view of the state until it is closed. Only for reading. */
  protected keepSnapshot(): void {
    this.database.exec("BEGIN");
    this.isInSnapshot = true;
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.prepare(sql).run(...values);
  }

  exec(sql: string): void {
    this.database.exec(sql);
  }

  /** All rows of a query. The caller, who has written the query, gives their type. @throws {StateError} */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    try {
      return this.prepare(sql).all(...values) as Row[];
    } catch (error) {
      throw toStateError(error, this.path);
    }
  }

  /** The rows of a query one by one, where they may be too many for memory. @throws {StateError} */
  *iterate<Row>(sql: string): Generator<Row> {
    try {
      yield* eachRow<Row>(this.database, sql);
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

  protected forgetStatements(): void {
    this.statements.clear();
  }

  /**
   * Shrinks a mostly empty file, as after a night's outbox or a purge, by a piece with each transaction. Some
   * free pages stay: they would otherwise be cut off and allocated again each minute.
   */
  private giveSpaceBack(): void {
    const { free, pages } = this.get<{ free: number; pages: number }>(
      "SELECT freelist_count AS free, page_count AS pages FROM pragma_freelist_count, pragma_page_count",
    )!;
    if (free < FREE_PAGES_MAX || free < pages / 2) return;
    // Each step of the statement gives back one page.
    this.all(`PRAGMA incremental_vacuum(${GIVEN_BACK_PAGES})`);
  }

  private changes(): number {
    return this.get<{ changes: number }>("SELECT total_changes() AS changes")!.changes;
  }

  private prepare(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) {
      statement = this.database.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}
