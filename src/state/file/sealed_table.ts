import { Buffer } from "node:buffer";
import type { SQLInputValue } from "node:sqlite";
import { crc32 } from "node:zlib";
import type { SealedDatabase } from "./seal_error.ts";

/** A row by its columns; what is left out is null. */
export type SealedRow = Readonly<Record<string, SQLInputValue | undefined>>;

/** Sums of checksums wrap at this number, far below the integers that a double can count exactly. */
export const SUM_RANGE = 2 ** 48;
/** Bytes of the checksum at the beginning of a blob of `ColumnWriter`. */
export const BLOB_CHECKSUM_BYTES = 8;
/**
 * The columns with such blobs. A seal covers only the checksum of the blob; readers of the blob compare the
 * two.
 */
const CHECKED_BLOBS: ReadonlySet<string> = new Set(["keys", "accumulators", "rows", "ids"]);
/** Holds the seals themselves. */
const SEAL_TABLE = "seal";
const CHECKSUM = "checksum";

interface ColumnRow {
  table: string;
  column: string;
  type: string;
  key: number;
  withoutRowid: number;
}

interface KeyColumn {
  readonly column: string;
  readonly isText: boolean;
}

/**
 * A table of the state as its seal sees it: all of its columns, and the row id where no column has it. It is
 * read from the schema, so that no table and no column can be forgotten.
 */
export class SealedTable {
  private constructor(
    readonly name: string,
    /** Without the checksum. */
    readonly columns: readonly string[],
    private readonly key: readonly KeyColumn[],
    /** Whether each row carries a checksum. Otherwise the table has few rows, and is sealed as a whole. */
    readonly hasChecksums: boolean,
    private readonly selected: string,
  ) {}

  /** All tables except the one of the seals, in the order of their names. */
  static readAll(database: SealedDatabase): SealedTable[] {
    const columns = database.all<ColumnRow>(
      `SELECT list.name AS "table", info.name AS "column", info.type, info.pk AS "key", list.wr AS withoutRowid
       FROM pragma_table_list AS list, pragma_table_info(list.name) AS info
       WHERE list.schema = 'main' AND list.type = 'table' AND list.name NOT IN ('sqlite_schema', '${SEAL_TABLE}')
       ORDER BY list.name, info.cid`,
    );
    return [...Map.groupBy(columns, ({ table }) => table)].map(([name, of]) => SealedTable.of(name, of));
  }

  private static of(name: string, all: readonly ColumnRow[]): SealedTable {
    const columns = all.filter(({ column }) => column !== CHECKSUM);
    const hasChecksums = columns.length < all.length;
    const keys = columns.filter(({ key }) => key > 0).sort((a, b) => a.key - b.key);
    const isRowidHidden = all[0]!.withoutRowid === 0 && !(keys.length === 1 && keys[0]!.type === "INTEGER");
    if (isRowidHidden && hasChecksums) {
      throw new Error(
        `table ${name} needs WITHOUT ROWID or an INTEGER PRIMARY KEY, or its rows' ids are not sealed`,
      );
    }
    const selected = columns.map(({ column, type }) => `${cellOf(column, type)} AS "${column}"`);
    return new SealedTable(
      name,
      columns.map(({ column }) => column),
      isRowidHidden
        ? [{ column: "rowid", isText: false }]
        : keys.map(({ column, type }) => ({ column, isText: type === "TEXT" })),
      hasChecksums,
      // The column of the checksum comes before the blob, so that SQLite need not read the pages of the blob.
      [...(hasChecksums ? [CHECKSUM] : []), ...(isRowidHidden ? ["rowid"] : []), ...selected].join(", "),
    );
  }

  /** Selects all rows in the order of their keys, with cells in the form of {@link checksumOf}. */
  get query(): string {
    return `SELECT ${this.selected} FROM ${this.name} ORDER BY ${
      this.key.map(({ column }) => `${this.name}.${column}`).join(", ")
    }`;
  }

  /** Sets the checksum of a row. Its parameters are the checksum and the values of {@link keyOf}. */
  get sealStatement(): string {
    return `UPDATE ${this.name} SET ${CHECKSUM} = ? WHERE ${
      this.key.map(({ column }) => `${column} = ?`).join(" AND ")
    }`;
  }

  /** The key of a row of {@link query}. */
  keyOf(row: Readonly<Record<string, SQLInputValue>>): SQLInputValue[] {
    return this.key.map(({ column, isText }) => {
      const cell = row[column]!;
      return isText ? Buffer.from(cell as string, "hex").toString() : cell;
    });
  }

  /** The checksum of a row of {@link query}. */
  checksumOf(row: Readonly<Record<string, SQLInputValue>>): number {
    return crc32(JSON.stringify(this.columns.map((column) => encodeCell(row[column]!))));
  }

  /** All cells of a row of {@link query}. */
  cellsOf(row: Readonly<Record<string, SQLInputValue>>): unknown[] {
    return Object.values(row).map(encodeCell);
  }

  /** The values to bind to {@link putStatement} for a row that is written, the checksum last. */
  valuesOf(row: SealedRow): { readonly values: readonly SQLInputValue[]; readonly checksum: number } {
    for (const column of Object.keys(row)) {
      if (!this.columns.includes(column)) throw new Error(`table ${this.name} has no column ${column}`);
    }
    const values = this.columns.map((column) => row[column] ?? null);
    const checksum = crc32(
      JSON.stringify(values.map((value, i) => encodeCell(asRead(this.columns[i]!, value)))),
    );
    return { values: [...values, checksum], checksum };
  }

  get putStatement(): string {
    return `INSERT OR REPLACE INTO ${this.name} (${this.columns.join(", ")}, ${CHECKSUM}) ` +
      `VALUES (${this.columns.map(() => "?").join(", ")}, ?)`;
  }
}

/** Text is read as hexadecimal digits, since decoding would make the same text of different invalid bytes. */
function cellOf(column: string, type: string): string {
  if (CHECKED_BLOBS.has(column)) return `substr("${column}", 1, ${BLOB_CHECKSUM_BYTES})`;
  return type === "INTEGER" || type === "REAL"
    ? `"${column}"`
    : `CASE typeof("${column}") WHEN 'text' THEN hex("${column}") ELSE "${column}" END`;
}

/** The cell that {@link cellOf} will read for a written value. */
function asRead(column: string, value: SQLInputValue): SQLInputValue {
  if (typeof value === "string") return Buffer.from(value).toString("hex").toUpperCase();
  // SQLite does not store the sign of a zero.
  if (value === 0) return 0;
  return value instanceof Uint8Array && CHECKED_BLOBS.has(column)
    ? value.subarray(0, BLOB_CHECKSUM_BYTES)
    : value;
}

function encodeCell(value: SQLInputValue): unknown {
  if (value instanceof Uint8Array) return [crc32(value)];
  // JSON would write null for an infinity and 0 for a negative zero.
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return Object.is(value, -0) ? "-0" : value;
}
