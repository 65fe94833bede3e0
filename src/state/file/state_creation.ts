import { openDatabase } from "../../platform/file/database.ts";
import { createOwn } from "../../platform/file/regular_file.ts";
import { bareDatabase } from "./bare_database.ts";
import { removeDraft, useLog } from "./draft.ts";
import { sync } from "./durable_file.ts";
import { CREATE_PRESENT_SCHEMA } from "./present_schema.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { Seal } from "./seal.ts";

/**
 * Creates an empty state. The file is created under another name, gets to the disk, and is then renamed. So
 * an existing state file is complete, and an empty one is damaged. SQLite need not protect a draft: one that
 * was left behind is removed.
 */
export function createState(path: string, instanceId: string): void {
  const draft = `${path}.new`;
  removeDraft(draft);
  createOwn(draft);
  const database = openDatabase(draft);
  try {
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA auto_vacuum = INCREMENTAL");
    database.exec(`BEGIN; ${CREATE_PRESENT_SCHEMA} PRAGMA application_id = ${APPLICATION_ID}`);
    const rows = bareDatabase(database);
    rows.run("INSERT INTO meta VALUES ('schema_version', ?)", String(MIGRATIONS.length));
    rows.run("INSERT INTO meta VALUES ('state_id', ?)", crypto.randomUUID());
    rows.run("INSERT INTO meta VALUES ('instance_id', ?)", instanceId);
    new Seal(rows).finish();
    database.exec("COMMIT");
    useLog(database);
  } finally {
    database.close();
  }
  sync(draft);
  Deno.renameSync(draft, path);
}
