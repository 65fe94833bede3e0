import type { DatabaseSync } from "node:sqlite";
import type { DeletedRows } from "../../contract/read_back.ts";

const CREATE_TABLE = `
  create table if not exists aggregated_events_retention (
    instance text primary key,
    deleted_before real not null,
    deleted_events integer not null
  ) without rowid`;

/** Rows per transaction: some ten milliseconds, for which other writers wait. */
const STEP_ROWS = 5000;
/**
 * Rows deleted after a batch at most, beyond twice its own number. So a backlog is deleted little by little.
 */
const EXTRA_ROWS = 10_000;
/**
 * Empty pages are kept for the next batches, up to this fraction of the file (a tenth). More are given back.
 */
const SPARE_PART = 10;
const STEP_PAGES = 2000;

/** The deleted rows of an instance; undefined: none. */
export function deletedOf(database: DatabaseSync, instance: string): DeletedRows | undefined {
  const table = "select 1 from sqlite_schema where name = 'aggregated_events_retention'";
  if (database.prepare(table).get() === undefined) return undefined;
  const row = database.prepare(
    "select deleted_before * 1000 as beforeMs, deleted_events as events from " +
      "aggregated_events_retention where instance = ?",
  ).get(instance);
  return row as DeletedRows | undefined;
}

/**
 * Deletes the rows of an instance that are older than its newest ones by the retention, a few with each
 * batch. The number of events in them is stored in the same transaction, so that the sum can still be proven.
 * The age is derived from the rows alone: a wrong own clock deletes nothing.
 */
export class Retention {
  /** The rows deleted so far. */
  deleted: DeletedRows | undefined;
  private newestMs = -Infinity;

  constructor(
    private readonly database: DatabaseSync,
    private readonly instance: string,
    private readonly retentionMs: number,
  ) {
    database.prepare(CREATE_TABLE).run();
    this.deleted = deletedOf(database, instance);
  }

  /**
   * Call it after each batch, outside of a transaction. @param newestMs Start of the newest window in the
   * batch.
   */
  after(newestMs: number, rows: number): void {
    this.newestMs = Math.max(this.newestMs, newestMs);
    const beforeMs = this.newestMs - this.retentionMs;
    for (let left = 2 * rows + EXTRA_ROWS; left > 0; left -= STEP_ROWS) {
      if (!this.deleteSome(beforeMs)) break;
    }
    this.giveBack();
  }

  /** Returns whether there may be more. */
  private deleteSome(beforeMs: number): boolean {
    const { database, instance } = this;
    const before = beforeMs / 1000;
    const oldest = database.prepare(
      "select 1 from aggregated_events where window_start < ? and instance = ? limit 1",
    ).get(before, instance);
    if (oldest === undefined) return false;
    database.prepare("begin immediate").run();
    try {
      const last = database.prepare(
        `select window_start as start, name from aggregated_events where window_start < ? and instance = ?
         order by window_start, name limit 1 offset ${STEP_ROWS}`,
      ).get(before, instance);
      const range = last === undefined
        ? { condition: "window_start < ?", values: [before] }
        : { condition: "(window_start, name) <= (?, ?)", values: [last.start!, last.name!] };
      const { events } = database.prepare(
        `select coalesce(sum(count), 0) as events from aggregated_events where ${range.condition} ` +
          "and instance = ?",
      ).get(...range.values, instance) as { events: number };
      database.prepare(`delete from aggregated_events where ${range.condition} and instance = ?`)
        .run(...range.values, instance);
      database.prepare(
        `insert into aggregated_events_retention values (?, ?, ?) on conflict do update
         set deleted_before = max(deleted_before, excluded.deleted_before),
             deleted_events = deleted_events + excluded.deleted_events`,
      ).run(instance, before, events);
      database.prepare("commit").run();
      this.deleted = deletedOf(database, instance);
      return last !== undefined;
    } finally {
      if (database.isTransaction) database.prepare("rollback").run();
    }
  }

  /**
   * Has no effect in a file without `auto_vacuum`: empty pages are used again, and the file keeps its size.
   */
  private giveBack(): void {
    const { pages, empty } = this.database.prepare(
      "select page_count as pages, freelist_count as empty from pragma_page_count, pragma_freelist_count",
    ).get() as { pages: number; empty: number };
    const surplus = Math.min(STEP_PAGES, Math.floor(empty - pages / SPARE_PART));
    if (surplus > 0) this.database.prepare(`pragma incremental_vacuum(${surplus})`).all();
  }
}

/** Why space cannot be given back, for the operator; undefined: it can. */
export function spaceFlaw(database: DatabaseSync, path: string): string | undefined {
  if (database.prepare("pragma auto_vacuum").get()!.auto_vacuum !== 0) return undefined;
  return `${path} was made by a former version and stays as large as it is: what SQLITE_RETENTION ` +
    "deletes in it makes room for new rows. To have it shrink, stop the handler once and run: " +
    `sqlite3 ${path} 'pragma auto_vacuum = incremental; vacuum'`;
}
