import type { SealedDatabase } from "./seal_error.ts";

interface IndexRow {
  table: string;
  /** Null: the table itself, by its row ids. */
  index: string | null;
  /** The statement that created a partial index. */
  statement: string | null;
}

/**
 * Every access path by which SQLite finds rows: the indexes, including the keys of tables WITHOUT ROWID, and
 * row ids.
 */
const INDEXES =
  `SELECT list.name AS "table", NULL AS "index", NULL AS statement FROM pragma_table_list AS list
  WHERE list.schema = 'main' AND list.type = 'table' AND list.wr = 0 AND list.name != 'sqlite_schema'
  UNION ALL
  SELECT list.name, ind.name, iif(ind.partial, (SELECT sql FROM sqlite_schema WHERE name = ind.name), NULL)
  FROM pragma_table_list AS list, pragma_index_list(list.name) AS ind
  WHERE list.schema = 'main' AND list.type = 'table'`;

/**
 * Looks every row up by every index, and counts the entries of each index. With a damaged index, or a damaged
 * key inside a table, queries would miss rows. SQLite's own check of all pages does not see surplus entries
 * of a partial index, and it reads the blobs, which this check does not.
 *
 * @returns What is wrong, for people; undefined: every row is found.
 */
export function findMisplacedRow(database: SealedDatabase): string | undefined {
  for (const { table, index, statement } of database.all<IndexRow>(INDEXES)) {
    const columns = index === null ? ["rowid"] : columnsOf(database, index);
    const access = index === null ? "NOT INDEXED" : `INDEXED BY ${index}`;
    const condition = /\sWHERE\s(.*)$/is.exec(statement ?? "")?.[1] ?? "TRUE";
    const isSame = columns.map((column) => `entry.${column} IS line.${column}`).join(" AND ");
    const [found] = database.all<{ isMissing: number; entries: number; lines: number }>(
      `SELECT EXISTS (SELECT 1 FROM ${table} AS line NOT INDEXED WHERE (${condition}) AND NOT EXISTS (
           SELECT 1 FROM ${table} AS entry ${access} WHERE (${condition}) AND ${isSame})) AS isMissing,
         (SELECT sum(1) FROM ${table} ${access} WHERE ${condition}) AS entries,
         (SELECT sum(1) FROM ${table} NOT INDEXED WHERE ${condition}) AS lines`,
    );
    if (found!.isMissing || found!.entries !== found!.lines) {
      return `rows of its table ${table} are not found by ${index ?? "their ids"}`;
    }
  }
  return undefined;
}

function columnsOf(database: SealedDatabase, index: string): string[] {
  return database.all<{ name: string | null }>("SELECT name FROM pragma_index_xinfo(?)", index)
    .map(({ name }) => name ?? "rowid");
}
