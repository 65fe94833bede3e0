import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { infoOf } from "../../platform/file/absence.ts";
import { openDatabase } from "../../platform/file/database.ts";
import { DatabaseIdentity } from "../../platform/file/file_identity.ts";
import { createOwn } from "../../platform/file/regular_file.ts";
import { isStranger } from "../../platform/file/trust.ts";
import { thisUser } from "../../platform/file/user.ts";
import { writeObstacle } from "../../platform/file/write_obstacle.ts";
import { emptyPlace, missingRows, swallowedRows } from "../alarms.ts";
import { claim, claimLost } from "../claim_keeper.ts";
import {
  type Contradiction,
  type OutboxBatch,
  type ProvableSink,
  type SinkAlarm,
  type SinkContext,
  SinkError,
} from "../../contract/sink.ts";
import { CREATE_WRITER_TABLE, SqliteClaim } from "./sqlite_claim.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { notWritable, TABLE_ADVICE, toSqliteRowError, toSqliteSinkError } from "./sqlite_errors.ts";

export interface SqliteSinkOptions {
  /** What the operator calls it; default: as its kind. */
  readonly name?: string;
  readonly path: string;
  readonly instance: string;
  /** Of the file; undefined: that of a private one, and left as it is where there is a file. */
  readonly mode?: number | undefined;
}

const FILE_SUFFIXES = ["", "-wal", "-shm", "-journal"];

/** Waiting for another writer's lock holds up the whole program, so it is short; the router tries again. */
const BUSY_TIMEOUT_MS = 500;

const CREATE_TABLE = `
  create table if not exists aggregated_events (
    name text not null,
    agg_func text not null,
    window_start real not null,
    window_end real not null,
    instance text not null,
    value real not null,
    count integer not null,
    revision integer not null,
    written_at real not null default ((julianday('now') - 2440587.5) * 86400.0),
    primary key (name, agg_func, window_start, window_end, instance)
  ) without rowid`;

const CREATE_INDEX = `
  create index if not exists aggregated_events_window_start on aggregated_events (window_start)`;

const UPSERT = `
  insert into aggregated_events (name, agg_func, window_start, window_end, instance, value, count, revision)
  values (?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (name, agg_func, window_start, window_end, instance) do update
  set value = excluded.value,
      count = excluded.count,
      revision = excluded.revision,
      written_at = (julianday('now') - 2440587.5) * 86400.0
  where excluded.revision > aggregated_events.revision`;

/** Replaces what is there at the same revision, too. */
const OVERWRITE = UPSERT.replace("excluded.revision >", "excluded.revision >=");

const HELD = `
  select value, count, revision from aggregated_events
  where name = ? and agg_func = ? and window_start = ? and window_end = ? and instance = ? and revision >= ?`;

/**
 * The embedded sink: the table of the PostgreSQL sink in a file, times as REAL Unix seconds.
 *
 * A batch is one transaction, on disk before `write` resolves (`synchronous=FULL`), and any number of repetitions leaves
 * the same table. The journal is a WAL, so others may read the file at any time without holding up the writer.
 */
export class SqliteSink implements ProvableSink {
  readonly name: string;
  readonly canOverwrite = true;
  #database: DatabaseSync | undefined;
  #statements: {
    readonly upsert: StatementSync;
    readonly overwrite: StatementSync;
    readonly held: StatementSync;
  } | undefined;
  #claim: SqliteClaim | undefined;
  #context: SinkContext | undefined;
  #identity: DatabaseIdentity | undefined;

  constructor(private readonly options: SqliteSinkOptions, private readonly logger: Logger) {
    this.name = options.name ?? "sqlite";
  }

  open(context: SinkContext): Promise<number> {
    return this.#attempt(async () => {
      this.#close();
      this.#context = context;
      makeFile(this.options.path, this.options.mode);
      const database = this.#database = openTables(this.options.path, false);
      this.#identity = new DatabaseIdentity(this.options.path);
      database.prepare("pragma journal_mode = wal").get();
      database.prepare("pragma synchronous = full").run();
      const isNew = isTableMissing(database);
      prepareTables(database);
      this.#statements = {
        upsert: database.prepare(UPSERT),
        overwrite: database.prepare(OVERWRITE),
        held: database.prepare(HELD),
      };
      this.#claim = new SqliteClaim(database, this.options.instance);
      await claim(this.#claim, context, this.#place, this.logger);
      const alarm = this.#missing(database, isNew, context);
      if (alarm !== undefined) context.alarm(alarm);
      return context.cursor;
    });
  }

  write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    return this.#attempt(async () => {
      const [database, claim, context] = [this.#database, this.#claim, this.#context];
      if (database === undefined || claim === undefined || context === undefined) {
        throw unavailable("the file is not open");
      }
      if (signal.aborted) throw unavailable("interrupted before the batch was written");
      const contradictions: Contradiction[] = [];
      const swallowed: Aggregate[] = [];
      let isClaimed = false;
      database.prepare("begin immediate").run();
      try {
        isClaimed = claim.moveTo(context.claimant.life, batch.nextId);
        if (isClaimed) {
          for (const aggregate of inOrderOfKey(batch.aggregates)) {
            const found = this.#writeRow(aggregate, batch.overwrites);
            if (found === "nothing") swallowed.push(aggregate);
            else if (found !== undefined) contradictions.push({ written: aggregate, held: found });
          }
        }
        database.prepare("commit").run();
        this.#assertInPlace();
      } catch (error) {
        // SQLite has rolled back by itself after some errors, such as a full disk.
        if (database.isTransaction) database.prepare("rollback").run();
        throw error instanceof SinkError ? error : toSqliteRowError(error, this.options.path);
      }
      if (!isClaimed) throw await claimLost(claim, context, this.#place);
      if (contradictions.length > 0) context.contradicted(contradictions);
      const alarm = swallowedRows(swallowed);
      if (alarm !== undefined) context.alarm(alarm);
    });
  }

  /** Does what `open` does in a transaction that is undone. */
  probe(): Promise<string> {
    return this.#attempt(() => {
      const { path } = this.options;
      assertFile(path);
      const obstacle = writeObstacle(path);
      if (obstacle !== undefined) throw notWritable(path, obstacle);
      if (!exists(path)) return `${path} will be created`;
      const database = openTables(path, false);
      try {
        return this.#rehearse(database);
      } finally {
        database.close();
      }
    });
  }

  #rehearse(database: DatabaseSync): string {
    const { path } = this.options;
    const isNew = isTableMissing(database);
    try {
      database.prepare("begin immediate").run();
    } catch (error) {
      if (!/locked|busy/i.test(String(error))) throw error;
      return `${path}; somebody writes to it at this moment, so that was not tried`;
    }
    try {
      prepareTables(database);
      database.prepare(UPSERT);
    } finally {
      if (database.isTransaction) database.prepare("rollback").run();
    }
    return `${path}, table aggregated_events${isNew ? " will be created" : ""}`;
  }

  sumOfCounts(instance: string, sinceMs: number): Promise<number> {
    return this.#read((database) => {
      const row = database.prepare(
        "select coalesce(sum(count), 0) as total from aggregated_events where instance = ? and window_start >= ?",
      ).get(instance, sinceMs / 1000);
      return row!.total as number;
    });
  }

  rowsOfWindow(instance: string, windowStartMs: number, windowEndMs: number): Promise<Aggregate[]> {
    return this.#read((database) => {
      const rows = database.prepare(
        `select name, agg_func, value, count, revision from aggregated_events
         where window_start = ? and window_end = ? and instance = ?`,
      ).all(windowStartMs / 1000, windowEndMs / 1000, instance);
      return rows.map((row) => ({
        name: row.name as string,
        aggFunc: row.agg_func as string,
        value: row.value as number,
        windowStartMs,
        windowEndMs,
        count: row.count as number,
        revision: row.revision as number,
      }));
    });
  }

  close(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  #close(): void {
    this.#statements = undefined;
    this.#claim = undefined;
    try {
      this.#database?.close();
    } catch {
      // What was committed is on disk; a handle that cannot be closed is of no use to anybody.
    }
    this.#database = undefined;
  }

  /** After the commit: it succeeds in a file whose name was removed, too, and the rows are nowhere. @throws {SinkError} */
  #assertInPlace(): void {
    const found = this.#identity?.fate;
    if (found === undefined) return;
    throw unavailable(`${found.path} was ${found.fate} while it was written; it is opened anew`);
  }

  /** Returns what is there instead, which may be nothing; undefined: the row is there. */
  #writeRow(written: Aggregate, overwrites = false): Aggregate | "nothing" | undefined {
    const { value, count, revision } = written;
    const key = this.#keyOf(written);
    const { upsert, overwrite, held } = this.#statements!;
    if ((overwrites ? overwrite : upsert).run(...key, value, count, revision).changes !== 0) return undefined;
    const found = held.get(...key, revision) as Pick<Aggregate, "value" | "count" | "revision"> | undefined;
    if (found === undefined) return "nothing";
    if (found.value === value && found.count === count) return undefined;
    return { ...written, ...found };
  }

  #missing(database: DatabaseSync, isNew: boolean, { confirmed }: SinkContext): SinkAlarm | undefined {
    if (!confirmed.any) return undefined;
    const { path } = this.options;
    if (isNew) return emptyPlace(confirmed, `the table in ${path} was not there and had to be made anew`);
    if (database.prepare("select 1 from aggregated_events limit 1").get() === undefined) {
      return emptyPlace(confirmed, `the table in ${path} is empty`);
    }
    const { held } = this.#statements!;
    const missing = confirmed.newest.filter((row) =>
      held.get(...this.#keyOf(row), row.revision) === undefined
    );
    return missingRows(confirmed, missing);
  }

  #keyOf({ name, aggFunc, windowStartMs, windowEndMs }: Aggregate) {
    return [name, aggFunc, windowStartMs / 1000, windowEndMs / 1000, this.options.instance];
  }

  get #place(): string {
    return `SQLite file ${this.options.path}`;
  }

  #read<T>(query: (database: DatabaseSync) => T): Promise<T> {
    return this.#attempt(() => query(this.#database ??= openTables(this.options.path, true)));
  }

  async #attempt<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof SinkError ? error : toSqliteSinkError(error, this.options.path);
    }
  }
}

/** Neighbours in the table follow each other, so that a page of it is read and written once a batch. */
function inOrderOfKey(aggregates: readonly Aggregate[]): readonly Aggregate[] {
  return aggregates.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Opens the file, and makes sure that behind the names of the tables there are tables. @throws {SinkError} */
function openTables(path: string, readOnly: boolean): DatabaseSync {
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
      `SQLite file ${path}: ${other.name} is no table of its own. ${TABLE_ADVICE}`,
    );
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A link is followed where this user or root has made it; whoever else has put one there would choose what is written to. */
function assertFile(path: string): void {
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

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

function isTableMissing(database: DatabaseSync): boolean {
  return database.prepare("select 1 from sqlite_schema where name = 'aggregated_events'").get() === undefined;
}

/** Makes what is missing. */
function prepareTables(database: DatabaseSync): void {
  for (const statement of [CREATE_TABLE, CREATE_INDEX, CREATE_WRITER_TABLE]) {
    database.prepare(statement).run();
  }
}

/** What SQLite makes beside the file gets the mode of the file. */
function makeFile(path: string, mode: number | undefined): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  assertFile(path);
  if (!exists(path)) return createOwn(path, mode);
  if (mode === undefined) return;
  for (const name of FILE_SUFFIXES.map((suffix) => path + suffix).filter(exists)) {
    if ((Deno.statSync(name).mode! & 0o777) !== mode) Deno.chmodSync(name, mode);
  }
}

function unavailable(reason: string): SinkError {
  return new SinkError("unavailable", `SQLite: ${reason}.`);
}
