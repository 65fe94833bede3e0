import type { Aggregate, Aggregates } from "../../aggregation/aggregate.ts";
import { NO_LABELS } from "../../event/labels.ts";
import { AggregateColumns } from "../aggregate_columns.ts";
import { orderOf } from "../order_of.ts";
import type { Sql } from "./postgres_driver.ts";
import { writerTableOf } from "./postgres_table_name.ts";
import type { Contradiction } from "../../contract/sink.ts";

/** Values of `synchronous_commit` that confirm rows which a crash or a fail-over can still lose. */
export const WEAK_COMMITS = ["off", "local", "remote_write"];
const ESCAPED = /["\\]/;
const ALL_ESCAPED = /["\\]/g;
/** Contradictions of one batch that are reported at most. */
const CONTRADICTIONS_MAX = 100;

export interface Upsert {
  /** Whether rows of the same revision are replaced. */
  readonly overwrites?: boolean | undefined;
  readonly table: string;
  /** Whether the table has labels in its key. Without them, the rows have no labels. */
  readonly hasLabels: boolean;
  readonly instance: string;
  /** Unique and sorted, see {@link uniqueSorted}. */
  readonly rows: AggregateColumns;
  /** Whether the commit must be durable, whatever the server's default is. */
  readonly isDurable: boolean;
  /**
   * The claim and the outbox id after the batch. Without this claim nothing is written. Undefined: claims are
   * not used.
   */
  readonly claim?: { readonly life: string; readonly nextId: number } | undefined;
}

/** Rows to look for. */
type Sought = Pick<Upsert, "table" | "hasLabels" | "instance" | "rows">;

/** The result of a write. */
export interface Upserted {
  /** The number of rows that were written. */
  readonly written: number;
  /** Whether the claim still belongs to the writer. */
  readonly isClaimed: boolean;
  /** The outbox id that the claim had before the write; null: claims are not used. */
  readonly claimedTo: number | null;
}

/** Writes rows by a single statement, so that there is never an open transaction to clean up. */
export function upsert(
  sql: Sql,
  { table, hasLabels, instance, rows, isDurable, claim, overwrites }: Upsert,
) {
  const labels = hasLabels ? sql`, labels` : sql``;
  const key = sql`name, agg_func, window_start, window_end, instance${labels}`;
  // The setting is part of the statement: a pooler in between may give each transaction another session.
  const durably = !isDurable ? sql`true` : sql`
    (select set_config('synchronous_commit',
      case when setting in ${sql(WEAK_COMMITS)} then 'on' else setting end, true) is not null
     from current_setting('synchronous_commit') as setting)`;
  // The claim's row stays locked to the end. A handler that takes over waits for it and then finds the
  // written rows.
  // The query in `returning` sees the row as it was before the update.
  const writerTable = sql(writerTableOf(table));
  const claimed = claim === undefined ? sql`select null::float8 as before` : sql`
    update ${writerTable} set next_id = greatest(next_id, ${claim.nextId})
    where instance = ${instance} and life = ${claim.life}
    returning (select former.next_id::float8 from ${writerTable} as former
      where former.instance = ${instance}) as before`;
  return sql<Upserted[]>`
    with claimed as (${claimed}),
    put as (
      insert into ${sql(table)} as stored
        (${key}, value, count, revision)
      select name, agg_func, to_timestamp(window_start_ms / 1000), to_timestamp(window_end_ms / 1000),
        ${instance}::text${hasLabels ? sql`, labels::jsonb` : sql``}, value, count::bigint, revision::int
      from ${incoming(sql, rows)}
      where ${durably} and exists (select 1 from claimed)
      on conflict (${key}) do update
      set value = excluded.value, count = excluded.count, revision = excluded.revision, written_at = now()
      where excluded.revision > stored.revision
        or (${overwrites === true} and excluded.revision = stored.revision)
      returning 1
    )
    select (select count(*) from put)::int as written, exists (select 1 from claimed) as "isClaimed",
      (select before from claimed) as "claimedTo"`;
}

interface HeldRow {
  index: number;
  value: number;
  count: number;
  revision: number;
}

/** The rows that the table has at the same revision or a higher one, with other numbers. */
export async function contradictions(
  sql: Sql,
  { table, hasLabels, instance, rows }: Sought,
): Promise<Contradiction[]> {
  const held = await sql<HeldRow[]>`
    select index::int, stored.value::float8, stored.count::float8, stored.revision
    from ${incoming(sql, rows)}
    join ${sql(table)} as stored on ${isSameRow(sql, instance, hasLabels)}
    where stored.revision >= incoming.revision
      and (stored.value <> incoming.value or stored.count <> incoming.count)
    limit ${CONTRADICTIONS_MAX}`;
  return held.map(({ index, value, count, revision }) => {
    const written = rows.at(index - 1)!;
    return { written, held: { ...written, value, count, revision } };
  });
}

/** The rows that the table lacks at their revision or a higher one. */
export async function missing(
  sql: Sql,
  { table, hasLabels, instance, rows }: Sought,
): Promise<Aggregate[]> {
  const found = await sql<{ index: number }[]>`
    select index::int from ${incoming(sql, rows)}
    where not exists (select 1 from ${sql(table)} as stored
      where ${isSameRow(sql, instance, hasLabels)} and stored.revision >= incoming.revision)
    order by index`;
  return found.map(({ index }) => rows.at(index - 1)!);
}

function isSameRow(sql: Sql, instance: string, hasLabels: boolean) {
  const hasSameLabels = hasLabels ? sql`stored.labels = incoming.labels::jsonb` : sql`true`;
  return sql`stored.name = incoming.name and ${hasSameLabels} and stored.agg_func = incoming.agg_func
    and stored.window_start = to_timestamp(incoming.window_start_ms / 1000)
    and stored.window_end = to_timestamp(incoming.window_end_ms / 1000) and stored.instance = ${instance}`;
}

function incoming(sql: Sql, rows: AggregateColumns) {
  return sql`unnest(
    ${textArray(rows.names)}::text[],
    ${textArray(rows.aggFuncs)}::text[],
    ${numberArray(rows.windowStartMs)}::float8[],
    ${numberArray(rows.windowEndMs)}::float8[],
    ${numberArray(rows.values)}::float8[],
    ${numberArray(rows.counts)}::float8[],
    ${numberArray(rows.revisions)}::float8[],
    ${textArray(rows.labels.map((labels) => labels ?? NO_LABELS))}::text[]
  ) with ordinality as incoming
    (name, agg_func, window_start_ms, window_end_ms, value, count, revision, labels, index)`;
}

/**
 * A statement may touch each row once, so the highest of several revisions stays. With one order for all, no
 * two statements can deadlock, and in the order of the key neighbouring rows follow each other.
 */
export function uniqueSorted(aggregates: Aggregates): AggregateColumns {
  const order = orderOf(aggregates);
  const columns = AggregateColumns.of(aggregates, order);
  const newest = order.filter((_, i) => !columns.isSameAsBefore(i + 1));
  return newest.length === order.length ? columns : AggregateColumns.of(aggregates, newest);
}

/** An array of PostgreSQL. Nearly no text has anything to escape, which is seen for all of them at once. */
function textArray(texts: readonly string[]): string {
  const escaped = ESCAPED.test(texts.join(""))
    ? texts.map((text) => text.replace(ALL_ESCAPED, "\\$&"))
    : texts;
  return escaped.length === 0 ? "{}" : `{"${escaped.join('","')}"}`;
}

function numberArray(numbers: Float64Array): string {
  return `{${numbers.join(",")}}`;
}
