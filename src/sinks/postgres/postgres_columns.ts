import type { Sql } from "./postgres_driver.ts";
import { quoted } from "./postgres_table_name.ts";

/** Types that keep the values of a column unchanged. Windows begin and end at whole milliseconds. */
const KEEPING: Readonly<Record<string, { readonly type: string; readonly accepts: RegExp }>> = {
  name: { type: "text", accepts: /^(text|character varying(\(\d+\))?)$/ },
  value: { type: "double precision", accepts: /^double precision$/ },
  window_start: { type: "timestamptz", accepts: /^timestamp(\([3-6]\))? with time zone$/ },
  window_end: { type: "timestamptz", accepts: /^timestamp(\([3-6]\))? with time zone$/ },
};

interface Column {
  readonly name: string;
  readonly type: string;
  /** The collation that takes some texts for equal that differ, such as those in upper and lower case. */
  readonly looseCollation: string | null;
  readonly isUnlogged: boolean;
}

/**
 * What is wrong with a table that would lose rows, or change what is written, without an error: each a part
 * of a sentence.
 */
export async function tableFlaws(sql: Sql, table: string): Promise<string[]> {
  const columns = await sql<Column[]>`
    select attname as name, case typtype when 'd' then format_type(typbasetype, typtypmod)
        else format_type(atttypid, atttypmod) end as type,
      (select collname::text from pg_collation where pg_collation.oid = attcollation
        and not collisdeterministic) as "looseCollation",
      relpersistence = 'u' as "isUnlogged"
    from pg_attribute join pg_type on pg_type.oid = atttypid join pg_class on pg_class.oid = attrelid
    where attrelid = to_regclass(${quoted(table)}) and attname in ${sql(Object.keys(KEEPING))}
    order by attnum`;
  return [columnFlaw(columns, table), unloggedFlaw(columns, table)].filter((flaw) => flaw !== undefined);
}

function columnFlaw(columns: readonly Column[], table: string): string | undefined {
  const wrong = columns.filter(({ name, type, looseCollation }) =>
    !KEEPING[name]!.accepts.test(type) || looseCollation !== null
  );
  if (wrong.length === 0) return undefined;
  // A type without a collation has the default one, which tells all texts apart.
  const changes = wrong.map(({ name }) => `alter ${name} type ${KEEPING[name]!.type}`);
  const described = ({ name, type, looseCollation }: Column) =>
    `${name} is ${type}${looseCollation === null ? "" : ` in the collation ${looseCollation}`}`;
  return `the table ${table} does not keep what is written to it: ${
    wrong.map(described).join(", ")
  }, so numbers are rounded, or series or windows fall together without an error, and verify fails. ` +
    `Run: alter table ${quoted(table)} ${changes.join(", ")}; then \`redeliver\``;
}

function unloggedFlaw(columns: readonly Column[], table: string): string | undefined {
  if (!columns.some(({ isUnlogged }) => isUnlogged)) return undefined;
  return `the table ${table} is unlogged: a crash of the server empties it, and \`redeliver\` has to bring ` +
    `the rows again. Run: alter table ${quoted(table)} set logged;`;
}
