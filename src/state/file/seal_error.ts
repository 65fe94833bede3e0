import type { SQLInputValue } from "node:sqlite";

/** What a seal needs of the state database. */
export interface SealedDatabase {
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[];
  iterate<Row>(sql: string): Iterable<Row>;
  run(sql: string, ...values: SQLInputValue[]): void;
}

/** The state does not fit its seal. The message completes "the state file is damaged". */
export class SealError extends Error {
  override readonly name = "SealError";

  static ofSmallTables(): SealError {
    return new SealError("the checksum over its small tables does not match");
  }

  static ofRow(table: string): SealError {
    return new SealError(`the checksum of a row of its table ${table} does not match`);
  }

  static ofRows(table: string): SealError {
    return new SealError(`rows of its table ${table} are missing, or are not its own`);
  }
}
