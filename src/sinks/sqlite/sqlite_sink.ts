import type { DatabaseSync } from "node:sqlite";
import {
  type Aggregate,
  type Aggregates,
  describeSeries,
  firstWithLabels,
} from "../../aggregation/aggregate.ts";
import { DatabaseIdentity } from "../../platform/file/file_identity.ts";
import { giveWayToRequests } from "../../platform/clock/steps.ts";
import { emptySink, missingRows, swallowedRows } from "../alarms.ts";
import { claim, claimLost } from "../claim_keeper.ts";
import {
  type Contradiction,
  type OutboxBatch,
  type Sink,
  type SinkAlarm,
  type SinkContext,
  SinkError,
} from "../../contract/sink.ts";
import { SqliteClaim } from "./sqlite_claim.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { toSqliteRowError, toSqliteSinkError } from "./sqlite_errors.ts";
import { SqliteReadBack } from "./sqlite_read_back.ts";
import { probeFile } from "./sqlite_probe.ts";
import { deletedOf, Retention, spaceFlaw } from "./sqlite_retention.ts";
import { closeTables, makeFile, openTables } from "./sqlite_file.ts";
import { inOrderOfKey, RowStatements, runsOf } from "./sqlite_rows.ts";
import { isTableMissing, LABELS_ADVICE, prepareInOneCommit, type TableShape } from "./sqlite_table.ts";

export interface SqliteSinkOptions {
  /** The operator's name for the sink. */
  readonly id: string;
  readonly path: string;
  readonly instance: string;
  /** Mode of the file; undefined: private for a new file, unchanged for an existing one. */
  readonly mode?: number | undefined;
  /** How long rows are kept; undefined: for ever. */
  readonly retentionMs?: number | undefined;
}

/**
 * Rows that are written before whatever else waits gets its turn: some 15 ms. Giving way takes three
 * milliseconds itself.
 */
const ROWS_A_TURN = 2048;

/**
 * The embedded sink: the table of the PostgreSQL sink in a file, with times as REAL Unix seconds.
 *
 * A batch is one transaction, on disk before `write` resolves (`synchronous=FULL`), and any number of
 * repetitions leaves the same table. The journal is a WAL, so other processes may read the file at any time
 * without blocking the writer.
 */
export class SqliteSink implements Sink {
  readonly id: string;
  readonly repeat = "upsert";
  readonly readBack = new SqliteReadBack((ask) => this.read(ask));
  private database: DatabaseSync | undefined;
  private shape: TableShape | undefined;
  private rows: RowStatements | undefined;
  private retention: Retention | undefined;
  private claim: SqliteClaim | undefined;
  private context: SinkContext | undefined;
  private identity: DatabaseIdentity | undefined;

  constructor(private readonly options: SqliteSinkOptions, private readonly logger: Logger) {
    this.id = options.id;
  }

  open(context: SinkContext): Promise<number> {
    return this.attempt(async () => {
      this.end();
      this.context = context;
      makeFile(this.options.path, this.options.mode);
      const database = this.database = openTables(this.options.path, false);
      this.identity = new DatabaseIdentity(this.options.path);
      giveBackSpace(database);
      database.prepare("pragma journal_mode = wal").get();
      database.prepare("pragma synchronous = full").run();
      const isNew = isTableMissing(database);
      this.shape = prepareInOneCommit(database);
      this.rows = new RowStatements(database, this.shape.hasLabels, this.options.instance);
      this.retain(database);
      this.claim = new SqliteClaim(database, this.options.instance);
      await claim(this.claim, context, this.address, this.logger);
      const alarm = this.missing(database, isNew, context);
      if (alarm !== undefined) context.alarm(alarm);
      this.assertInPlace();
      return context.cursor;
    });
  }

  write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    return this.attempt(async () => {
      const { claim, context, database, rows: statements, shape } = this;
      if (!database || !claim || !context || !shape || !statements) throw unavailable("the file is not open");
      if (signal.aborted) throw unavailable("interrupted before the batch was written");
      if (!shape.hasLabels) this.assertWithoutLabels(batch.aggregates);
      const contradictions: Contradiction[] = [];
      const swallowed: Aggregate[] = [];
      let isClaimed = false;
      let newestMs = -Infinity;
      const isLong = batch.aggregates.length > ROWS_A_TURN;
      // Reading the batch out of the outbox took as long as sorting it will.
      if (isLong) await this.giveWay(database, signal);
      database.prepare("begin immediate").run();
      try {
        const writtenTo = claim.nextId;
        isClaimed = claim.moveTo(context.claimant.life, batch.nextId);
        const rows = isClaimed ? inOrderOfKey(batch.aggregates, this.wanted(batch, writtenTo)) : [];
        let sinceTurn = isLong ? ROWS_A_TURN : 0;
        for (const run of runsOf(rows)) {
          if (sinceTurn >= ROWS_A_TURN) {
            await this.giveWay(database, signal);
            sinceTurn = 0;
          }
          sinceTurn += run.length;
          newestMs = Math.max(newestMs, run[0]!.windowStartMs);
          for (const { row, held } of statements.put(run, batch.overwrites)) {
            if (held === undefined) swallowed.push(row);
            else contradictions.push({ written: row, held });
          }
        }
        database.prepare("commit").run();
        this.assertInPlace();
      } catch (error) {
        // After some errors, such as a full disk, SQLite has already rolled back.
        if (database.isOpen && database.isTransaction) database.prepare("rollback").run();
        throw error instanceof SinkError ? error : toSqliteRowError(error, this.options.path);
      }
      if (!isClaimed) throw await claimLost(claim, context, this.address);
      // The commit took as long as reading the next batch will.
      if (isLong) await giveWayToRequests();
      this.retention?.after(newestMs, batch.aggregates.length);
      if (contradictions.length > 0) context.contradicted(contradictions);
      const alarm = swallowedRows(swallowed);
      if (alarm !== undefined) context.alarm(alarm);
    });
  }

  /**
   * Lets everything else that waits have its turn, in the middle of the transaction. No other connection sees
   * its rows before the commit.
   *
   * @throws {SinkError} Nobody waits for the batch any more.
   */
  private async giveWay(database: DatabaseSync, signal: AbortSignal): Promise<void> {
    await giveWayToRequests();
    if (signal.aborted || this.database !== database) {
      throw unavailable("interrupted while the batch was written");
    }
  }

  probe(): Promise<string> {
    return this.attempt(() => probeFile(this.options));
  }

  close(): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  private end(): void {
    this.rows = undefined;
    this.shape = undefined;
    this.retention = undefined;
    this.claim = undefined;
    if (this.database) closeTables(this.database, this.identity);
    this.database = undefined;
    this.identity = undefined;
  }

  /**
   * Checks the file after the commit, which succeeds even in a file whose name was removed; its rows would be
   * lost. Before the first one it takes note of the log. @throws {SinkError}
   */
  private assertInPlace(): void {
    const found = this.identity?.fate;
    if (found === undefined) return;
    throw unavailable(`${found.path} was ${found.fate} while it was written; it is opened again`);
  }

  private retain(database: DatabaseSync): void {
    const { instance, path, retentionMs } = this.options;
    if (retentionMs === undefined) return;
    this.retention = new Retention(database, instance, retentionMs);
    const flaw = spaceFlaw(database, path);
    if (flaw !== undefined) this.logger.warn(flaw);
  }

  /**
   * Rows that were deleted for their age are not written again: their events would be counted twice at the
   * next deletion.
   */
  private wanted({ ids, overwrites }: OutboxBatch, writtenTo: number) {
    const deleted = this.retention?.deleted;
    return (index: number, windowStartMs: number) =>
      deleted === undefined || windowStartMs >= deleted.beforeMs ||
      (!overwrites && ids[index]! >= writtenTo);
  }

  /**
   * Refuses rows with labels where the key has none: series that differ only in labels would be one row.
   *
   * @throws {SinkError}
   */
  private assertWithoutLabels(aggregates: Aggregates): void {
    const labelled = firstWithLabels(aggregates);
    if (labelled === undefined) return;
    throw new SinkError(
      "misconfigured",
      `${this.address} takes no series with labels, such as ${describeSeries(labelled)}. ${LABELS_ADVICE}`,
    );
  }

  private missing(database: DatabaseSync, isNew: boolean, { confirmed }: SinkContext): SinkAlarm | undefined {
    if (!confirmed.any) return undefined;
    const { path } = this.options;
    if (isNew) return emptySink(confirmed, `the table in ${path} was not there and had to be created again`);
    if (database.prepare("select 1 from aggregated_events limit 1").get() === undefined) {
      return emptySink(confirmed, `the table in ${path} is empty`);
    }
    const deleted = deletedOf(database, this.options.instance);
    const missing = confirmed.newest.filter((row) =>
      row.windowStartMs >= (deleted?.beforeMs ?? -Infinity) && this.rows!.held(row) === undefined
    );
    return missingRows(confirmed, missing);
  }

  private get address(): string {
    return `SQLite file ${this.options.path}`;
  }

  private read<T>(query: (database: DatabaseSync) => T): Promise<T> {
    return this.attempt(() => query(this.database ??= openTables(this.options.path, true)));
  }

  private async attempt<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof SinkError ? error : toSqliteSinkError(error, this.options.path);
    }
  }
}

/** `auto_vacuum` must be set before the file has any content. */
function giveBackSpace(database: DatabaseSync): void {
  if (database.prepare("select 1 from sqlite_schema limit 1").get() !== undefined) return;
  database.prepare("pragma auto_vacuum = incremental").run();
}

function unavailable(reason: string): SinkError {
  return new SinkError("unavailable", `SQLite: ${reason}.`);
}
