import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { labelsIn, NO_LABELS } from "../../event/labels.ts";
import type { DeletedRows, ReadBack } from "../../contract/sink.ts";
import { deletedOf } from "./sqlite_retention.ts";
import { shapeOf } from "./sqlite_table.ts";

/** Reads the rows of the file back. */
export class SqliteReadBack implements ReadBack {
  readonly cost = "cheap";

  /** @param query Runs a query on the file, which is opened for reading if needed. @throws {SinkError} */
  constructor(private readonly query: <T>(ask: (database: DatabaseSync) => T) => Promise<T>) {}

  sumOfCounts(
    instance: string,
    sinceMs: number,
    _signal?: AbortSignal,
    lengthMs: number | null = null,
  ): Promise<number> {
    return this.query((database) => {
      const row = database.prepare(
        "select coalesce(sum(count), 0) as total from aggregated_events where instance = ?1 and " +
          "window_start >= ?2 and (?3 is null or round((window_end - window_start) * 1000) = ?3)",
      ).get(instance, sinceMs / 1000, lengthMs);
      return row!.total as number;
    });
  }

  deleted(instance: string): Promise<DeletedRows | undefined> {
    return this.query((database) => deletedOf(database, instance));
  }

  rowsOfWindow(instance: string, windowStartMs: number, windowEndMs: number): Promise<Aggregate[]> {
    return this.rows(
      "where window_start = ? and window_end = ? and instance = ?",
      windowStartMs / 1000,
      windowEndMs / 1000,
      instance,
    );
  }

  newest(instance: string, limit: number): Promise<Aggregate[]> {
    return this.rows("where instance = ? order by window_start desc, name limit ?", instance, limit);
  }

  private rows(which: string, ...parameters: SQLInputValue[]): Promise<Aggregate[]> {
    return this.query((database) => {
      const labels = shapeOf(database).hasLabels ? "labels" : `'${NO_LABELS}' as labels`;
      const rows = database.prepare(
        `select name, ${labels}, agg_func, window_start, window_end, value, count, revision from ` +
          `aggregated_events ${which}`,
      ).all(...parameters);
      return rows.map((row) => ({
        name: row.name as string,
        ...labelsIn(row.labels as string),
        aggFunc: row.agg_func as string,
        value: row.value as number,
        windowStartMs: timeOf(row.window_start),
        windowEndMs: timeOf(row.window_end),
        count: row.count as number,
        revision: row.revision as number,
      }));
    });
  }
}

/** Unix ms. Windows begin and end at whole milliseconds. */
function timeOf(seconds: unknown): number {
  return Math.round(seconds as number * 1000);
}
