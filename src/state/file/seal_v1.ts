import { crc32 } from "node:zlib";
import type { SQLInputValue } from "node:sqlite";
import { BLOB_CHECKSUM_BYTES, SUM_RANGE } from "./sealed_table.ts";
import { type SealedDatabase, SealError } from "./seal_error.ts";

/** The columns that a row's checksum covered in schema 1. The id of a dead letter was left out. */
const ROWS: Readonly<
  Record<string, { readonly columns: readonly string[]; readonly blob: string | undefined }>
> = {
  open_page_keys: { columns: ["page", "window_start_ms", "window_end_ms", "keys"], blob: "keys" },
  open_page_values: { columns: ["page", "accumulators"], blob: "accumulators" },
  segment: {
    columns: [
      "first_id",
      "row_count",
      "window_start_ms",
      "window_end_ms",
      "first_hash",
      "last_hash",
      "sink_bits",
      "reissued",
      "closed_at_ms",
      "rows",
    ],
    blob: "rows",
  },
  recent_ids: { columns: ["bus", "last_sequence", "ids"], blob: "ids" },
  dead_letter: {
    columns: [
      "refused_at_ms",
      "reason",
      "detail",
      "bus",
      "bus_offset",
      "raw",
      "raw_bytes",
      "sink",
      "name",
      "agg_func",
      "value",
      "window_start_ms",
      "window_end_ms",
      "count",
      "revision",
      "purged",
    ],
    blob: undefined,
  },
};

/** The tables that were sealed as a whole, and their keys. */
const SMALL_TABLES: Readonly<Record<string, string>> = {
  meta: "key",
  bus: "name",
  sink: "name",
  account: "name",
  wish: "id",
  sqlite_sequence: "name",
};

/** Compares a state of schema 1 with its seal, before it is migrated. @throws {SealError} */
export function checkSealOfVersion1(database: SealedDatabase): void {
  const sums = new Map(
    database.all<{ name: string; sum: number }>("SELECT name, sum FROM seal").map((
      { name, sum },
    ) => [name, sum]),
  );
  const contents = Object.entries(SMALL_TABLES).map(([table, key]) =>
    database.all<Record<string, SQLInputValue>>(`SELECT * FROM ${table} ORDER BY ${key}`).map(Object.values)
  );
  if (crc32(JSON.stringify([sums.get("commits") ?? 0, contents])) !== sums.get("small tables")) {
    throw SealError.ofSmallTables();
  }
  for (const table of Object.keys(ROWS)) {
    if (sumOf(database, table) !== (sums.get(table) ?? 0)) throw SealError.ofRows(table);
  }
}

function sumOf(database: SealedDatabase, table: string): number {
  const { columns, blob } = ROWS[table]!;
  const selected = columns.map((column) =>
    column === blob ? `substr(${column}, 1, ${BLOB_CHECKSUM_BYTES}) AS ${column}` : column
  );
  let sum = 0;
  for (
    const { checksum, ...row } of database.iterate<Record<string, SQLInputValue>>(
      `SELECT ${selected}, checksum FROM ${table}`,
    )
  ) {
    const cells = columns.map((column) => {
      const value = row[column]!;
      return value instanceof Uint8Array ? [crc32(value)] : value;
    });
    const found = crc32(JSON.stringify(cells));
    if (found !== checksum) throw SealError.ofRow(table);
    sum = (sum + found) % SUM_RANGE;
  }
  return sum;
}
