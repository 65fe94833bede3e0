import type { Aggregate } from "../../aggregation/aggregate.ts";
import { labelsIn } from "../../event/labels.ts";
import type { ReadBack } from "../../contract/sink.ts";
import type { PostgresSession } from "./postgres_session.ts";
import { addLabels } from "./postgres_table.ts";

interface Row {
  name: string;
  labels: string;
  agg_func: string;
  value: number;
  count: number;
  revision: number;
}

/** Bytes of the rows of one window at most: some millions of series with names of the usual length. */
const WINDOW_MAX_BYTES = 1024 * 1024 * 1024;

/** Reads the rows of the table back. */
export class PostgresReadBack implements ReadBack {
  readonly cost = "cheap";

  constructor(private readonly session: PostgresSession, private readonly table: string) {}

  async sumOfCounts(
    instance: string,
    sinceMs: number,
    signal: AbortSignal,
    lengthMs?: number,
  ): Promise<number> {
    const [row] = await this.session.query("the sum of counts", signal, (sql) => {
      const ofLength = lengthMs === undefined
        ? sql``
        : sql`and round(extract(epoch from window_end - window_start) * 1000) = ${lengthMs}::float8`;
      return sql<{ total: number }[]>`
        select coalesce(sum(count), 0)::float8 as total from ${sql(this.table)}
        where instance = ${instance} and window_start >= to_timestamp(${sinceMs / 1000}::float8) ${ofLength}`;
    });
    return row!.total;
  }

  async rowsOfWindow(
    instance: string,
    windowStartMs: number,
    windowEndMs: number,
    signal: AbortSignal,
  ): Promise<Aggregate[]> {
    const { session, table } = this;
    const missing = await session.query("the key", signal, (sql) => addLabels(sql, table));
    const rows = await session.query("the rows of a window", signal, (sql) => {
      const labels = missing === undefined ? sql`labels::text` : sql`'{}'`;
      return sql<Row[]>`
        select name, ${labels} as labels, agg_func, value::float8, count::float8, revision from ${sql(table)}
        where window_start = to_timestamp(${windowStartMs / 1000}::float8)
          and window_end = to_timestamp(${windowEndMs / 1000}::float8) and instance = ${instance}`;
    }, WINDOW_MAX_BYTES);
    return rows.map(({ name, labels, agg_func: aggFunc, value, count, revision }) => ({
      name,
      ...labelsIn(labels),
      aggFunc,
      value,
      windowStartMs,
      windowEndMs,
      count,
      revision,
    }));
  }
}
