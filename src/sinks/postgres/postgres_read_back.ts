import type { Aggregate } from "../../aggregation/aggregate.ts";
import { labelsIn } from "../../event/labels.ts";
import { SinkError } from "../../contract/sink.ts";
import type { FoundRows, ReadBack, SoughtRows } from "../../contract/read_back.ts";
import type { Sql } from "./postgres_driver.ts";
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
    return rows.map((row) => toAggregate(row, windowStartMs, windowEndMs));
  }

  async rowsOfSeries(instance: string, sought: SoughtRows, signal: AbortSignal): Promise<FoundRows> {
    const { session, table } = this;
    const { fromMs, untilMs, limit } = sought;
    const missing = await session.query("the key", signal, (sql) => addLabels(sql, table));
    const starts = await session.query("the windows", signal, (sql) => startsIn(sql, table, sought));
    const endMs = starts.length < STARTS_MAX ? untilMs : Math.round(starts.at(-1)!.startMs) + 1;
    if (starts.length === 0) return { aggregates: [], reachedMs: endMs };
    const most = limit + ROWS_BEYOND;
    const found = await session.query("the rows of a series", signal, (sql) =>
      seriesRows(sql, table, {
        ...sought,
        instance,
        hasLabels: missing === undefined,
        starts: starts.map(({ startMs }) => startMs),
        most,
      }));
    const aggregates = found.map(({ window_start, window_end, ...row }) =>
      toAggregate(row, Math.round(window_start), Math.round(window_end))
    );
    if (aggregates.length < most) return { aggregates, reachedMs: endMs };
    // The last window may not be complete.
    const reachedMs = aggregates.at(-1)!.windowStartMs;
    if (reachedMs > Math.max(fromMs, aggregates[0]!.windowStartMs)) {
      return { aggregates: aggregates.filter(({ windowStartMs }) => windowStartMs < reachedMs), reachedMs };
    }
    throw new SinkError("unavailable", `PostgreSQL: one window has more than ${ROWS_BEYOND} such rows.`);
  }
}

/** Starts of windows that one search takes at most. */
const STARTS_MAX = 5000;
/** Rows of the sought series that start at one time, at most. */
const ROWS_BEYOND = 50_000;

interface SeriesRow extends Row {
  window_start: number;
  window_end: number;
}

/** The starts of windows, whoever has written them: one step in the index for each. */
function startsIn(sql: Sql, table: string, { fromMs, untilMs }: SoughtRows) {
  const until = sql`to_timestamp(${untilMs / 1000}::float8)`;
  return sql<{ startMs: number }[]>`
    with recursive starts(at, number) as (
      (select min(window_start), 1 from ${sql(table)}
       where window_start >= to_timestamp(${fromMs / 1000}::float8) and window_start < ${until})
      union all
      select (select min(window_start) from ${sql(table)}
              where window_start > starts.at and window_start < ${until}), number + 1
      from starts where at is not null and number < ${STARTS_MAX}
    )
    select extract(epoch from at)::float8 * 1000 as "startMs" from starts where at is not null order by at`;
}

function seriesRows(
  sql: Sql,
  table: string,
  { name, labels, aggFunc, lengthMs, instance, hasLabels, starts, most }: SoughtRows & {
    readonly instance: string;
    readonly hasLabels: boolean;
    readonly starts: readonly number[];
    readonly most: number;
  },
) {
  const wanted = JSON.stringify(labels);
  const ofFunction = aggFunc === undefined ? sql`` : sql`and agg_func = ${aggFunc}`;
  const ofLength = lengthMs === undefined
    ? sql``
    : sql`and round(extract(epoch from window_end - window_start) * 1000) = ${lengthMs}::float8`;
  return sql<SeriesRow[]>`
    select name, ${hasLabels ? sql`labels::text` : sql`'{}'`} as labels, agg_func, value::float8,
      count::float8, revision, extract(epoch from window_start)::float8 * 1000 as window_start,
      extract(epoch from window_end)::float8 * 1000 as window_end
    from ${sql(table)}
    where window_start = any (array(
        select to_timestamp(start / 1000) from unnest(${`{${starts.join(",")}}`}::float8[]) as start))
      and name = ${name} and instance = ${instance} ${ofFunction} ${ofLength}
      and ${hasLabels ? sql`labels @> ${wanted}::text::jsonb` : sql`${wanted === "{}"}`}
    order by window_start limit ${most}`;
}

function toAggregate(
  { name, labels, agg_func: aggFunc, value, count, revision }: Row,
  windowStartMs: number,
  windowEndMs: number,
): Aggregate {
  return { name, ...labelsIn(labels), aggFunc, value, windowStartMs, windowEndMs, count, revision };
}
