import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SqliteSink } from "../../../src/sinks/sqlite/sqlite_sink.ts";
import type { TableBackend } from "../../contract/holding_contract.ts";
import { QUIET } from "../../contract/sink_samples.ts";
import { readRows } from "../sqlite_rows.ts";

/** Runs statements with a connection of its own. */
export function execute(path: string, ...statements: string[]): void {
  const database = new DatabaseSync(path);
  try {
    for (const statement of statements) database.exec(statement);
  } finally {
    database.close();
  }
}

/** A file in a new directory, made by the first sink that is opened. */
export async function createSqliteBackend(): Promise<TableBackend> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-sqlite-sink-" });
  const path = join(directory, "deep", "aggregates.sqlite");
  return {
    createSink: (instance) => new SqliteSink({ id: "sqlite", path, instance }, QUIET),
    read: (instance) => Promise.resolve(readRows(path, instance)),
    execute: (statement) => Promise.resolve(execute(path, statement.replace("$table", "aggregated_events"))),
    swallowing: `
      create trigger swallow before insert on $table when new.name = 'swallowed'
      begin select raise(ignore); end`,
    remove: () => Deno.remove(directory, { recursive: true }),
  };
}
