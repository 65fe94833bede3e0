import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { eachRow } from "../../platform/file/database.ts";

const CACHE_KIB = 65_536;

interface RecordRow {
  name: string;
  /** Canonical labels; "": none. */
  labels: string;
  agg_func: string;
  start_ms: number;
  end_ms: number;
  revision: number;
  value: number;
  count: number;
  times: number;
  is_contradicted: number;
}

/**
 * The records of a topic, sorted by row. A temporary table of SQLite holds them, with {@link CACHE_KIB} of
 * memory and the rest in a file that is deleted with the process: a topic may be larger than memory.
 */
export class TopicRows {
  private readonly database: DatabaseSync;
  private readonly insert: StatementSync;
  private readonly ofWindow: StatementSync;

  constructor() {
    this.database = new DatabaseSync(":memory:");
    this.database.exec(`
      PRAGMA temp_store = FILE; PRAGMA temp.journal_mode = OFF; PRAGMA temp.cache_size = -${CACHE_KIB};
      CREATE TEMP TABLE record (start_ms REAL, end_ms REAL, name TEXT, labels TEXT, agg_func TEXT, revision INTEGER,
        value REAL NOT NULL, count INTEGER NOT NULL, times INTEGER NOT NULL, is_contradicted INTEGER NOT NULL,
        PRIMARY KEY (start_ms, end_ms, name, labels, agg_func, revision)) WITHOUT ROWID;
      BEGIN`);
    this.insert = this.database.prepare(
      `INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 0) ON CONFLICT DO UPDATE SET times = times + 1,
         is_contradicted = is_contradicted OR value != excluded.value OR count != excluded.count,
         value = excluded.value, count = excluded.count`,
    );
    this.ofWindow = this.database.prepare(
      "SELECT *, max(revision) AS revision FROM record WHERE start_ms = ? AND end_ms = ? GROUP BY " +
        "name, labels, agg_func",
    );
  }

  /** Adds the next record. @throws when there is no room left for the file. */
  add({ windowStartMs, windowEndMs, name, labels = "", aggFunc, revision, value, count }: Aggregate): void {
    this.insert.run(windowStartMs, windowEndMs, name, labels, aggFunc, revision, value, count);
  }

  /** Events in the newest revisions of the rows whose window starts at `sinceMs` or later; see `ReadBack`. */
  sumOfCounts(sinceMs: number, lengthMs: number | null = null): number {
    const sum = this.database.prepare(
      `SELECT total(count) AS total FROM (SELECT count, max(revision) FROM record
         WHERE start_ms >= ?1 AND (?2 IS NULL OR end_ms - start_ms = ?2)
         GROUP BY start_ms, end_ms, name, labels, agg_func)`,
    );
    return sum.get(sinceMs, lengthMs)!.total as number;
  }

  /** The newest revision of each row of a window. */
  rowsOfWindow(startMs: number, endMs: number): Aggregate[] {
    return (this.ofWindow.all(startMs, endMs) as unknown as RecordRow[]).map(toAggregate);
  }

  /** Revisions that came more than once; `isContradicted`: with different contents. */
  *repeated(
    sinceMs: number,
  ): Generator<{ aggregate: Aggregate; times: number; isContradicted: boolean }> {
    const sql = "SELECT * FROM record WHERE times > 1 AND start_ms >= ?";
    for (const row of eachRow<RecordRow>(this.database, sql, sinceMs)) {
      yield { aggregate: toAggregate(row), times: row.times, isContradicted: row.is_contradicted === 1 };
    }
  }

  close(): void {
    this.database.close();
  }
}

function toAggregate(row: RecordRow): Aggregate {
  return {
    name: row.name,
    ...(row.labels === "" ? undefined : { labels: row.labels }),
    aggFunc: row.agg_func,
    value: row.value,
    windowStartMs: row.start_ms,
    windowEndMs: row.end_ms,
    count: row.count,
    revision: row.revision,
  };
}
