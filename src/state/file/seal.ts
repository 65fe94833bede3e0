import { crc32 } from "node:zlib";
import type { SQLInputValue } from "node:sqlite";
import { type SealedRow, SealedTable, SUM_RANGE } from "./sealed_table.ts";
import { type SealedDatabase, SealError } from "./seal_error.ts";

const SMALL_TABLES = "small tables";
const COMMITS = "commits";

/**
 * Tells whether the state is what was written. SQLite checks the structure of its file, but a flipped byte in
 * a cell is just another number to it. So each transaction also writes, for every table, the sum of its rows'
 * checksums. The sums show changed rows and missing rows, and cost only the rows that the transaction
 * touches. Tables without a column `checksum` have few rows. They share one checksum, which covers the sums
 * as well.
 */
export class Seal {
  private sums = new Map<string, number>();
  private known: ReadonlyMap<string, SealedTable> | undefined;

  constructor(private readonly database: SealedDatabase) {}

  /** Number of transactions of the state. */
  get commits(): number {
    return this.sums.get(COMMITS) ?? 0;
  }

  /** Starts a transaction with the stored seals: another process may have written since the last one. */
  begin(): void {
    const rows = this.database.all<{ name: string; sum: number }>("SELECT name, sum FROM seal");
    this.sums = new Map(rows.map(({ name, sum }) => [name, sum]));
  }

  /** Seals what the transaction has written. */
  finish(): void {
    this.sums.set(COMMITS, this.commits + 1);
    this.sums.set(SMALL_TABLES, this.smallChecksum());
    for (const [name, sum] of this.sums) {
      this.database.run("INSERT OR REPLACE INTO seal VALUES (?, ?)", name, sum);
    }
  }

  /**
   * Adds a row within a transaction, or replaces the row with the same key whose checksum is given. Returns
   * its checksum.
   */
  put(table: string, row: SealedRow, replaced?: number): number {
    const sealed = this.tables.get(table)!;
    const { values, checksum } = sealed.valuesOf(row);
    this.database.run(sealed.putStatement, ...values);
    this.add(table, checksum - (replaced ?? 0));
    return checksum;
  }

  /** Deletes the rows that the condition holds for, within a transaction. */
  remove(table: string, condition: string, ...values: SQLInputValue[]): void {
    const removed = this.database.all<{ checksum: number }>(
      `DELETE FROM ${table} WHERE ${condition} RETURNING checksum`,
      ...values,
    );
    for (const { checksum } of removed) this.add(table, -checksum);
  }

  /**
   * Deletes rows by the numbers that are their keys, within a transaction. It is faster than {@link remove},
   * since the caller knows their checksums.
   */
  removeKnown(table: string, key: string, checksums: ReadonlyMap<number, number>): void {
    if (checksums.size === 0) return;
    const keys = JSON.stringify([...checksums.keys()]);
    this.database.run(`DELETE FROM ${table} WHERE ${key} IN (SELECT value FROM json_each(?))`, keys);
    for (const checksum of checksums.values()) this.add(table, -checksum);
  }

  /** Compares the whole state with its seal. @throws {SealError} */
  check(): void {
    this.begin();
    if (this.smallChecksum() !== this.sums.get(SMALL_TABLES)) throw SealError.ofSmallTables();
    for (const table of this.tables.values()) {
      if (!table.hasChecksums) continue;
      let sum = 0;
      // Rows are read one by one: dead letters may be many and large.
      for (const row of this.database.iterate<Record<string, SQLInputValue>>(table.query)) {
        const checksum = table.checksumOf(row);
        if (checksum !== row.checksum) throw SealError.ofRow(table.name);
        sum = (sum + checksum) % SUM_RANGE;
      }
      if (sum !== (this.sums.get(table.name) ?? 0)) throw SealError.ofRows(table.name);
    }
  }

  /**
   * Seals all rows again within a transaction that has changed the schema. The caller has checked the state
   * before.
   */
  sealAnew(): void {
    this.known = undefined;
    this.sums = new Map([[COMMITS, this.commits]]);
    this.database.run("DELETE FROM seal");
    for (const table of this.tables.values()) if (table.hasChecksums) this.sealRowsOf(table);
  }

  private sealRowsOf(table: SealedTable): void {
    const outdated: SQLInputValue[][] = [];
    for (const row of this.database.iterate<Record<string, SQLInputValue>>(table.query)) {
      const checksum = table.checksumOf(row);
      this.add(table.name, checksum);
      if (checksum !== row.checksum) outdated.push([checksum, ...table.keyOf(row)]);
    }
    for (const values of outdated) this.database.run(table.sealStatement, ...values);
  }

  private get tables(): ReadonlyMap<string, SealedTable> {
    return this.known ??= new Map(SealedTable.readAll(this.database).map((table) => [table.name, table]));
  }

  private add(table: string, checksum: number): void {
    const sum = (this.sums.get(table) ?? 0) + checksum;
    this.sums.set(table, ((sum % SUM_RANGE) + SUM_RANGE) % SUM_RANGE);
  }

  private smallChecksum(): number {
    const sums = [...this.sums].filter(([name]) => name !== SMALL_TABLES).sort(([a], [b]) => a < b ? -1 : 1);
    const contents = [...this.tables.values()].filter(({ hasChecksums }) => !hasChecksums).map((table) => [
      table.name,
      this.database.all<Record<string, SQLInputValue>>(table.query).map((row) => table.cellsOf(row)),
    ]);
    return crc32(JSON.stringify([sums, contents]));
  }
}

/** Number of transactions of an open state, whoever has made them. @throws {StateError} */
export function commitsOf(database: Pick<SealedDatabase, "all">): number {
  const [row] = database.all<{ sum: number }>("SELECT sum FROM seal WHERE name = ?", COMMITS);
  return row?.sum ?? 0;
}
