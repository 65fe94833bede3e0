import { DatabaseSync } from "node:sqlite";
import { labelsIn } from "../../src/event/labels.ts";
import { shapeOf } from "../../src/sinks/sqlite/sqlite_table.ts";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";

/**
 * The rows of `instance` in the SQLite sink's file, as another program would read them; none if there is no
 * table.
 */
export function readRows(path: string, instance: string): Aggregate[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const { hasLabels } = shapeOf(database);
    return database.prepare(
      `select name, ${
        hasLabels ? "labels" : "'{}' as labels"
      }, agg_func as aggFunc, value, round(window_start * 1000) as windowStartMs,
         round(window_end * 1000) as windowEndMs, count, revision
       from aggregated_events where instance = ?`,
    ).all(instance).map(({ labels, ...row }) =>
      ({ ...row, ...labelsIn(labels as string) }) as unknown as Aggregate
    );
  } finally {
    database.close();
  }
}
