import type { DatabaseSync } from "node:sqlite";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { labelsIn, NO_LABELS } from "../../event/labels.ts";
import type { DeletedRows, ReadBack } from "../../contract/sink.ts";
import { deletedOf } from "./sqlite_retention.ts";
import { shapeOf } from "./sqlite_table.ts";

/** Reads the rows of the file back. */
export class SqliteReadBack implements ReadBack {
  readonly cost = "cheap";

  /** @param query Asks the file, which is opened for reading where it is not open. @throws {SinkError} */
  constructor(private readonly query: <T>(ask: (database: DatabaseSync) => T) => Promise<T>) {}

  sumOfCounts(instance: string, sinceMs: number): Promise<number> {
    return this.query((database) => {
      const row = database.prepare(
        "select coalesce(sum(count), 0) as total from aggregated_events where instance = ? and window_start >= ?",
      ).get(instance, sinceMs / 1000);
      return row!.total as number;
    });
  }

  deleted(instance: string): Promise<DeletedRows | undefined> {
    return this.query((database) => deletedOf(database, instance));
  }

  rowsOfWindow(instance: string, windowStartMs: number, windowEndMs: number): Promise<Aggregate[]> {
    return this.query((database) => {
      const labels = shapeOf(database).hasLabels ? "labels" : `'${NO_LABELS}' as labels`;
      const rows = database.prepare(
        `select name, ${labels}, agg_func, value, count, revision from aggregated_events
         where window_start = ? and window_end = ? and instance = ?`,
      ).all(windowStartMs / 1000, windowEndMs / 1000, instance);
      return rows.map((row) => ({
        name: row.name as string,
        ...labelsIn(row.labels as string),
        aggFunc: row.agg_func as string,
        value: row.value as number,
        windowStartMs,
        windowEndMs,
        count: row.count as number,
        revision: row.revision as number,
      }));
    });
  }
}
