import { crc32 } from "node:zlib";
import type { SQLInputValue } from "node:sqlite";

/** What a seal needs of the state database. */
export interface SealedDatabase {
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[];
  iterate<Row>(sql: string): Iterable<Row>;
  run(sql: string, ...values: SQLInputValue[]): void;
}

/**
 * Tables that may have many rows: each row carries a checksum of its other columns in `checksum`. A `columns` blob has one of
 * its own in its first bytes, which stands for it here.
 */
const ROWS = {
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
} as const satisfies Record<
  string,
  { readonly columns: readonly string[]; readonly blob: string | undefined }
>;

export type SealedTable = keyof typeof ROWS;

/** A row by its columns; what is left out is null. */
export type SealedRow<T extends SealedTable> = {
  readonly [C in (typeof ROWS)[T]["columns"][number]]?: SQLInputValue | undefined;
};

const TABLES = Object.keys(ROWS) as SealedTable[];
/** Tables of a few rows, sealed as a whole. `sqlite_sequence` gives dead letters and wishes their ids. */
const SMALL_TABLES: Readonly<Record<string, string>> = {
  meta: "key",
  bus: "name",
  sink: "name",
  account: "name",
  wish: "id",
  sqlite_sequence: "name",
};
const BLOB_CHECKSUM_BYTES = 8;
/** Sums wrap here, far below what a double counts exactly. */
const SUM_RANGE = 2 ** 48;

/** What does not fit its seal. The message completes "the state file is damaged". */
export class SealError extends Error {
  override readonly name = "SealError";
}

/**
 * Tells whether the state is what was written. SQLite checks the structure of its file, but a flipped byte in a cell is just
 * another number to it. So each transaction also writes, for every table, the sum of its rows' checksums, which shows rows that
 * are changed as well as rows that are gone, and costs no more than the rows that the transaction touches.
 */
export class Seal {
  private sums = new Map<string, number>();

  constructor(private readonly database: SealedDatabase) {}

  /** Transactions that the state has had. */
  get commits(): number {
    return this.sums.get("commits") ?? 0;
  }

  /** Starts a transaction from what is sealed: another process may have written since the last one. */
  begin(): void {
    const rows = this.database.all<{ name: string; sum: number }>("SELECT name, sum FROM seal");
    this.sums = new Map(rows.map(({ name, sum }) => [name, sum]));
  }

  /** Seals what the transaction has written. */
  finish(): void {
    this.sums.set("commits", this.commits + 1);
    this.sums.set("small tables", this.smallChecksum());
    for (const [name, sum] of this.sums) {
      this.database.run("INSERT OR REPLACE INTO seal VALUES (?, ?)", name, sum);
    }
  }

  /** Adds a row within a transaction, or replaces the one with the same key whose checksum is given. Returns its checksum. */
  put<T extends SealedTable>(table: T, row: SealedRow<T>, replaced?: number): number {
    const { columns } = ROWS[table];
    const values = columns.map((column) =>
      (row as Record<string, SQLInputValue | undefined>)[column] ?? null
    );
    const checksum = rowChecksum(table, values);
    this.database.run(putStatement(table), ...values, checksum);
    this.add(table, checksum - (replaced ?? 0));
    return checksum;
  }

  /** Deletes the rows that the condition holds for, within a transaction. */
  remove(table: SealedTable, condition: string, ...values: SQLInputValue[]): void {
    const removed = this.database.all<{ checksum: number }>(
      `DELETE FROM ${table} WHERE ${condition} RETURNING checksum`,
      ...values,
    );
    for (const { checksum } of removed) this.add(table, -checksum);
  }

  /** Compares the whole state with its seal. @throws {SealError} */
  check(): void {
    this.begin();
    if (this.smallChecksum() !== this.sums.get("small tables")) {
      throw new SealError("the checksum over its small tables does not match");
    }
    for (const table of TABLES) {
      if (this.sumOf(table) !== (this.sums.get(table) ?? 0)) {
        throw new SealError(`rows of its table ${table} are missing, or are not its own`);
      }
    }
  }

  private add(table: SealedTable, checksum: number): void {
    const sum = (this.sums.get(table) ?? 0) + checksum;
    this.sums.set(table, ((sum % SUM_RANGE) + SUM_RANGE) % SUM_RANGE);
  }

  private sumOf(table: SealedTable): number {
    const { columns, blob } = ROWS[table];
    // Before the blob, so that SQLite need not follow it through its pages to what comes after.
    const selected = columns.map((column) =>
      column === blob ? `substr(${column}, 1, ${BLOB_CHECKSUM_BYTES}) AS ${column}` : column
    );
    let sum = 0;
    // One by one: dead letters may be many, and large.
    for (
      const row of this.database.iterate<Record<string, SQLInputValue>>(
        `SELECT checksum, ${selected} FROM ${table}`,
      )
    ) {
      const checksum = rowChecksum(table, columns.map((column) => row[column]!));
      if (checksum !== row.checksum) {
        throw new SealError(`the checksum of a row of its table ${table} does not match`);
      }
      sum = (sum + checksum) % SUM_RANGE;
    }
    return sum;
  }

  private smallChecksum(): number {
    const { commits } = this;
    const contents = Object.entries(SMALL_TABLES).map(([table, key]) =>
      this.database.all<Record<string, SQLInputValue>>(`SELECT * FROM ${table} ORDER BY ${key}`).map(
        Object.values,
      )
    );
    return crc32(JSON.stringify([commits, contents]));
  }
}

function rowChecksum(table: SealedTable, values: readonly SQLInputValue[]): number {
  const blobAt = ROWS[table].blob === undefined ? -1 : ROWS[table].columns.length - 1;
  return crc32(JSON.stringify(values.map((value, i) => {
    if (!(value instanceof Uint8Array)) return value;
    return [crc32(i === blobAt ? value.subarray(0, BLOB_CHECKSUM_BYTES) : value)];
  })));
}

const putStatements = new Map<SealedTable, string>();

function putStatement(table: SealedTable): string {
  let statement = putStatements.get(table);
  if (statement === undefined) {
    const { columns } = ROWS[table];
    statement = `INSERT OR REPLACE INTO ${table} (${columns.join(", ")}, checksum) ` +
      `VALUES (${columns.map(() => "?").join(", ")}, ?)`;
    putStatements.set(table, statement);
  }
  return statement;
}
