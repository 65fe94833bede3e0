import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { eachRow } from "../../platform/file/database.ts";
import type { SealedDatabase } from "./seal_error.ts";

/** Access to the rows of a state file while it is created or checked, before it is opened as a state. */
export function bareDatabase(database: DatabaseSync): SealedDatabase & { exec(sql: string): void } {
  return {
    all: <Row>(sql: string, ...values: SQLInputValue[]) => database.prepare(sql).all(...values) as Row[],
    iterate: <Row>(sql: string) => eachRow<Row>(database, sql),
    run: (sql: string, ...values: SQLInputValue[]) => void database.prepare(sql).run(...values),
    exec: (sql: string) => database.exec(sql),
  };
}
