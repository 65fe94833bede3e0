import { DatabaseSync } from "node:sqlite";
import { LOG_ID_MAX_CHARACTERS } from "../../contract/source.ts";
import { CommitMark } from "./commit_mark.ts";
import { sizeOf } from "./durable_file.ts";
import { findMisplacedRow } from "./index_check.ts";
import { PRESENT_SCHEMA } from "./present_schema.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import type { Seal } from "./seal.ts";
import type { SealedDatabase } from "./seal_error.ts";
import { checkSealOfVersion1 } from "./seal_v1.ts";
import type { SealedStore } from "./sealed_store.ts";
import { damaged, StateError, toStateError } from "./state_error.ts";

/** Why a file is not a usable state. The message completes "the state file is damaged". */
export class StateFault extends Error {
  override readonly name = "StateFault";

  /**
   * @param newerSchema The schema version, where a later version of the program may have written the file.
   */
  constructor(message: string, readonly newerSchema?: number) {
    super(message);
  }
}

const SCHEMA_LINES = `SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') AS line
  FROM sqlite_schema ORDER BY type, name`;
/** An instance id must be a name, since it is shown. */
const INSTANCE_ID = /^[^\p{C}]{1,200}$/u;

/** Files up to this size are checked page by page at each opening, which takes a fraction of a second. */
const PAGE_CHECK_MAX_BYTES = 64 * 1024 * 1024;

/** Checks that the state in a directory is what was last committed. @throws {StateError} */
export function assertWhole(store: SealedStore, directory: string): void {
  const { path, seal } = store;
  try {
    checkSchema(store);
    // The mark is read before the state. A handler writes the two in the opposite order.
    const promised = CommitMark.promised(directory, metaOf(store, "state_id"));
    store.snapshot(() => {
      const version = checkSchema(store);
      checkPages(store);
      checkContent(store, seal, version);
      if (seal.commits < promised) throw commitsMissing(path, directory, promised - seal.commits);
    });
  } catch (error) {
    if (error instanceof StateFault && error.newerSchema !== undefined) throw newer(path, error);
    const known = toStateError(error, path);
    if (known instanceof StateError || !(error instanceof Error)) throw known;
    // A damaged schema or cell may cause any error of SQLite.
    throw damaged(path, error.message);
  }
}

/** A value of the table `meta`. @throws {StateError} */
export function metaOf(store: SealedStore, key: string): string {
  const row = store.get<{ value: string }>("SELECT value FROM meta WHERE key = ?", key);
  if (!row) throw damaged(store.path, `no ${key}`);
  return row.value;
}

function checkPages(store: SealedStore): void {
  if (sizeOf(store.path) > PAGE_CHECK_MAX_BYTES) return;
  const verdict = store.get<{ integrity_check: string }>("PRAGMA integrity_check(1)")!.integrity_check;
  if (verdict !== "ok") throw damaged(store.path, verdict.replaceAll("\n", " "));
}

function commitsMissing(path: string, directory: string, count: number): StateError {
  return damaged(
    path,
    `the last ${count} of its commits are missing: its -wal file is damaged or gone`,
    // The advice is to restore in both cases: revisions that were used since must not be used again.
    "Restore an earlier backup (restore --from FILE --replace). Or, to go on from what is left, " +
      `remove ${CommitMark.pathIn(directory)}, then backup --to FILE and restore ` +
      "--from FILE --replace. Either way the bus gives again what came since, but what it has trimmed " +
      "meanwhile is lost, and Kafka gets some aggregates twice.",
  );
}

function newer(path: string, { message }: StateFault): StateError {
  return new StateError(
    "newer",
    `the state file ${path} was written by a newer version of this program (${message}). Start that ` +
      "version again, or a later one.",
  );
}

/**
 * Checks the schema before any table is queried. The name of a table could belong to a view, or have a
 * trigger, that runs somebody else's code.
 *
 * @returns the version of the schema.
 * @throws {StateFault}
 */
export function checkSchema(database: SealedDatabase): number {
  const [header] = database.all<{ application_id: number }>("PRAGMA application_id");
  if (header?.application_id !== APPLICATION_ID) {
    throw new StateFault("it is not a state file of this program");
  }
  const lines = database.all<{ line: string }>(SCHEMA_LINES).map(({ line }) => line);
  const known = versionOf(lines);
  // A later version has other tables, but only tables, and `meta` stays the same.
  const isReadable = known > 0 || lines.every(isHarmless) && lines.includes(META);
  if (!isReadable) throw unknownSchema();
  const [row] = database.all<{ value: string }>("SELECT value FROM meta WHERE key = 'schema_version'");
  const version = Number(row?.value);
  if (version > MIGRATIONS.length) {
    throw new StateFault(`schema ${version}, this one knows ${MIGRATIONS.length}`, version);
  }
  if (known === 0 || version !== known) throw unknownSchema();
  return version;
}

/**
 * Checks that a file of a known schema is what was last committed, without checking its pages.
 *
 * @throws {StateFault} or {SealError}
 */
export function checkContent(database: SealedDatabase, seal: Seal, version: number): void {
  const misplaced = findMisplacedRow(database);
  if (misplaced !== undefined) throw new StateFault(misplaced);
  if (version === 1) {
    checkSealOfVersion1(database);
    seal.begin();
  } else seal.check();
  const [instance] = database.all<{ value: string }>("SELECT value FROM meta WHERE key = 'instance_id'");
  if (!INSTANCE_ID.test(instance?.value ?? "")) throw new StateFault("its instance_id is invalid");
  const [long] = logIdColumns(version).flatMap(([table, column]) =>
    database.all(`SELECT 1 FROM ${table} WHERE length(${column}) > ? LIMIT 1`, LOG_ID_MAX_CHARACTERS)
  );
  if (long !== undefined) throw new StateFault("the id of a bus's log is longer than any");
}

/** The columns of a schema with ids of event logs. */
function logIdColumns(version: number): (readonly [table: string, column: string])[] {
  if (version < 3) return [["bus", "log"]];
  if (version < 5) return [["bus", "log"], ["history", "log"]];
  return [["source_partition", "lineage"], ["lineage_left", "lineage"], ["history", "lineage"]];
}

function unknownSchema(): StateFault {
  return new StateFault("its tables are not those of this program");
}

/** Whether an entry of the schema is a table or an index of one. */
function isHarmless(line: string): boolean {
  return /^(?:table|index) /.test(line) && !/\bVIRTUAL\b/i.test(line);
}

/** The version that has these tables and indexes; 0: there is none. */
function versionOf(lines: readonly string[]): number {
  const found = lines.join("\n");
  if (found === PRESENT_SCHEMA.join("\n")) return MIGRATIONS.length;
  for (let version = MIGRATIONS.length - 1; version > 0; version--) {
    if (schemaOf(version).join("\n") === found) return version;
  }
  return 0;
}

/** The tables and indexes of a version, as its migrations make them. */
export function schemaOf(version: number): readonly string[] {
  const model = new DatabaseSync(":memory:");
  for (const migration of MIGRATIONS.slice(0, version)) model.exec(migration);
  const lines = model.prepare(SCHEMA_LINES).all() as { line: string }[];
  model.close();
  return lines.map(({ line }) => line);
}

const META = PRESENT_SCHEMA.find((line) => line.startsWith("table meta "))!;
