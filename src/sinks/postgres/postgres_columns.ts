import type { Sql } from "./postgres_driver.ts";
import { quoted } from "./postgres_table_name.ts";

/** Types that keep the values of a column unchanged. Windows begin and end at whole milliseconds. */
const KEEPING: Readonly<Record<string, { readonly type: string; readonly accepts: RegExp }>> = {
  value: { type: "double precision", accepts: /^double precision$/ },
  window_start: { type: "timestamptz", accepts: /^timestamp(\([3-6]\))? with time zone$/ },
  window_end: { type: "timestamptz", accepts: /^timestamp(\([3-6]\))? with time zone$/ },
};

/**
 * What is wrong with columns that would change the written values, as a part of a sentence; undefined:
 * nothing.
 */
export async function columnFlaw(sql: Sql, table: string): Promise<string | undefined> {
  const columns = await sql<{ name: string; type: string }[]>`
    select attname as name, case typtype when 'd' then format_type(typbasetype, typtypmod)
      else format_type(atttypid, atttypmod) end as type
    from pg_attribute join pg_type on pg_type.oid = atttypid
    where attrelid = to_regclass(${quoted(table)}) and attname in ${sql(Object.keys(KEEPING))}
    order by attnum`;
  const wrong = columns.filter(({ name, type }) => !KEEPING[name]!.accepts.test(type));
  if (wrong.length === 0) return undefined;
  const changes = wrong.map(({ name }) => `alter ${name} type ${KEEPING[name]!.type}`);
  return `the table ${table} does not keep what is written to it: ${
    wrong.map(({ name, type }) => `${name} is ${type}`).join(", ")
  }, so numbers are rounded or windows fall together without an error, and verify fails. ` +
    `Run: alter table ${quoted(table)} ${changes.join(", ")}; then \`redeliver\``;
}
