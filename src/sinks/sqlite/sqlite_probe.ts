import type { DatabaseSync } from "node:sqlite";
import { probeAnswer } from "../../contract/probe_answer.ts";
import { writeObstacle } from "../../platform/file/write_obstacle.ts";
import { notWritable } from "./sqlite_errors.ts";
import { assertFile, exists, openTables } from "./sqlite_file.ts";
import { spaceFlaw } from "./sqlite_retention.ts";
import type { SqliteSinkOptions } from "./sqlite_sink.ts";
import { RowStatements } from "./sqlite_rows.ts";
import { isTableMissing, LABELS_ADVICE, prepareTables, type TableShape } from "./sqlite_table.ts";

/**
 * Tries what opening the sink does with the tables, in a transaction that is rolled back. Returns in a few
 * words what it found. @throws {SinkError}
 */
export function probeFile(options: SqliteSinkOptions): string {
  const { path } = options;
  assertFile(path);
  const obstacle = writeObstacle(path);
  if (obstacle !== undefined) throw notWritable(path, obstacle);
  if (!exists(path)) return `${path} will be created`;
  const database = openTables(path, false);
  try {
    return rehearse(database, options);
  } finally {
    database.close();
  }
}

function rehearse(database: DatabaseSync, { instance, path, retentionMs }: SqliteSinkOptions): string {
  const isNew = isTableMissing(database);
  try {
    database.prepare("begin immediate").run();
  } catch (error) {
    if (!/locked|busy/i.test(String(error))) throw error;
    return `${path}; another program writes to it at this moment, so writing was not tried`;
  }
  let shape: TableShape;
  try {
    shape = prepareTables(database);
    new RowStatements(database, shape.hasLabels, instance);
  } finally {
    if (database.isTransaction) database.prepare("rollback").run();
  }
  const flaw = retentionMs === undefined ? undefined : spaceFlaw(database, path);
  return probeAnswer(`${path}, table aggregated_events${isNew ? " will be created" : ""}`, [
    ...(shape.hasLabels ? [] : [`it takes no series with labels. ${LABELS_ADVICE}`]),
    ...(isNew || flaw === undefined ? [] : [flaw]),
  ]);
}
