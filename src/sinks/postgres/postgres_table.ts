import type { Sql } from "./postgres_driver.ts";
import { quoted } from "./postgres_table_name.ts";

/**
 * The key begins with the window, so that the rows of a window are neighbours in the table and in its index
 * (docs/decisions/0070).
 */
const KEY = "window_start, name, labels, agg_func, window_end, instance";

/**
 * The statements that create the table of the rows and its index. The BRIN index finds the rows of one name,
 * since a batch is in the order of names: it stores the least and the greatest name of each four pages.
 * Vacuum keeps it up to date; without the setting it would come ever more rarely as the table grows.
 */
export function createTable(table: string): string {
  const index = `${table.split(".").at(-1)}_window_start`;
  return `\
create table if not exists ${quoted(table)} (
  name text not null,
  labels jsonb not null default '{}',
  agg_func text not null,
  window_start timestamptz not null,
  window_end timestamptz not null,
  instance text not null,
  value float8 not null,
  count bigint not null,
  revision int not null,
  written_at timestamptz not null default now(),
  primary key (${KEY})
) with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 1000000);
create index if not exists ${quoted(index)} on ${
    quoted(table)
  } using brin (window_start, name) with (pages_per_range = 4);`;
}

/**
 * The statements that add the column `labels` to the table of a former version; undefined: its key has
 * labels.
 */
export async function addLabels(sql: Sql, table: string): Promise<string | undefined> {
  const name = quoted(table);
  // A view can only be judged by its columns.
  const [found] = await sql<{ hasKey: boolean; primaryKey: string | null }[]>`
    select exists (
        select 1 from pg_class join pg_attribute on attrelid = pg_class.oid
        where pg_class.oid = to_regclass(${name}) and attname = 'labels' and (relkind = 'v' or exists (
          select 1 from pg_index
          where indrelid = pg_class.oid and indisunique and indisvalid and indpred is null
            and (select array_agg(attname::text order by attname) from pg_attribute
                 where attrelid = indrelid and attnum = any(indkey))
              = ${"{agg_func,instance,labels,name,window_end,window_start}"}::text[]))
      ) as "hasKey",
      (select conname::text from pg_constraint
       where conrelid = to_regclass(${name}) and contype = 'p') as "primaryKey"`;
  if (found!.hasKey) return undefined;
  const drop = found!.primaryKey === null ? "" : ` drop constraint ${quotedName(found!.primaryKey)},`;
  return `alter table ${name} add column if not exists labels jsonb not null default '{}',${drop} ` +
    `add primary key (${KEY});`;
}

function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
