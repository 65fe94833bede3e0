/**
 * State files that somebody has made on purpose: with what SQLite would run on the way, and with seals that
 * fit.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { backUpState } from "../../../src/state/file/backup.ts";
import { restoreState } from "../../../src/state/file/restore.ts";
import { APPLICATION_ID, MIGRATIONS } from "../../../src/state/file/schema.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError } from "../../../src/state/file/state_error.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
const ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n";

/** Runs `work` on a state that was changed behind the program's back. */
async function onTampered(
  sql: string,
  work: (directory: string, path: string) => Promise<void> | void,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "vabus-hostile-" });
  try {
    const directory = `${root}/state`;
    StateDatabase.open({ directory, instanceId: "one" }).close();
    const options = { readOnly: false, defensive: false };
    const database = new DatabaseSync(`${directory}/state.sqlite`, options);
    database.exec(sql);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
    await Deno.remove(`${directory}/commits`);
    await work(directory, `${directory}/state.sqlite`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function isDamaged(error: unknown): boolean {
  return error instanceof StateError && error.kind === "damaged";
}

/** Sets what the file says its tables are. */
const rewritten = (change: string) => `PRAGMA writable_schema = ON; ${change}; PRAGMA writable_schema = OFF`;

const TAMPERINGS: readonly (readonly [what: string, sql: string])[] = [
  [
    "a trigger",
    "CREATE TRIGGER t AFTER UPDATE ON account BEGIN UPDATE meta SET value = 'x' WHERE key = " +
    "'instance_id'; END",
  ],
  ["a view", "CREATE VIEW v AS SELECT 1"],
  [
    "an endless view in the place of meta",
    "ALTER TABLE meta RENAME TO was; CREATE VIEW meta AS SELECT 'schema_version' AS key, " +
    `(${ENDLESS}) AS value`,
  ],
  ["an endless view in the place of alarms", `DROP TABLE alarm; CREATE VIEW alarm AS ${ENDLESS}`],
  ["a virtual table", "CREATE VIRTUAL TABLE f USING fts5 (x)"],
  ["another table", "CREATE TABLE extra (x)"],
  ["another index", "CREATE INDEX extra ON segment (closed_at_ms)"],
  ["a column that is computed", `ALTER TABLE account ADD COLUMN x AS (value + 1)`],
  ["a table less", "DROP TABLE wish"],
  [
    "a default with a function",
    rewritten(
      "UPDATE sqlite_schema SET sql = replace(sql, 'purged INTEGER NOT NULL DEFAULT 0', 'purged " +
        "INTEGER NOT NULL DEFAULT (randomblob(1000000000))')",
    ),
  ],
  ["an older version's number", "UPDATE meta SET value = '1' WHERE key = 'schema_version'"],
  ["no version", "DELETE FROM meta WHERE key = 'schema_version'"],
  ["another program's file", `PRAGMA application_id = ${APPLICATION_ID + 1}`],
];

for (const [what, sql] of TAMPERINGS) {
  Deno.test(`${what} refuses the file, whoever opens it`, () =>
    onTampered(sql, async (directory, path) => {
      const before = Deno.readFileSync(path);
      assert.throws(() => StateDatabase.openForReading(directory), isDamaged);
      assert.throws(() => StateDatabase.openForRequest(directory), isDamaged);
      assert.throws(() => StateDatabase.open({ directory, instanceId: "one" }), isDamaged);
      await assert.rejects(backUpState(directory, `${directory}/../backup`), isDamaged);
      assert.throws(() => restoreState(path, `${directory}/../new`, false, NOW_MS), isDamaged);
      assert.deepEqual([...Deno.readDirSync(`${directory}/../new`)].map(({ name }) => name), ["lock"]);
      assert.deepEqual(Deno.readFileSync(path), before);
    }));
}

Deno.test("a later version is named as one, unless it has more than tables", async () => {
  const later = `UPDATE meta SET value = '${
    MIGRATIONS.length + 1
  }' WHERE key = 'schema_version'; CREATE TABLE of_later (x)`;
  const isNewer = (error: unknown) => error instanceof StateError && error.kind === "newer";
  await onTampered(later, (directory, path) => {
    assert.throws(() => StateDatabase.openForReading(directory), isNewer);
    assert.throws(() => restoreState(path, `${directory}/../new`, false, NOW_MS), isNewer);
  });
  await onTampered(`${later}; CREATE VIEW v AS SELECT 1`, (directory) => {
    assert.throws(() => StateDatabase.openForReading(directory), isDamaged);
  });
});

for (
  const [what, sql] of [
    [
      "an instance that no handler can be",
      "UPDATE meta SET value = char(27) || '[2J' WHERE key = 'instance_id'",
    ],
    [
      "a log id that is longer than any",
      "INSERT INTO source_partition VALUES ('http://bus', '', 0, printf('%600s', 'x'), 1, 1)",
    ],
  ] as const
) {
  Deno.test(`${what} refuses the file, though its seal fits`, async () => {
    const root = await Deno.makeTempDir({ prefix: "vabus-hostile-" });
    try {
      const directory = `${root}/state`;
      const state = StateDatabase.open({ directory, instanceId: "one" });
      state.transaction(() => state.run(sql));
      state.close();
      assert.throws(() => StateDatabase.openForReading(directory), isDamaged);
      assert.throws(() => restoreState(`${directory}/state.sqlite`, `${root}/new`, false, NOW_MS), isDamaged);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}

Deno.test("a page or a run of ids that no program can have written is not restored, though its seal fits", () => {
  for (const table of ["open_page_keys", "recent_ids"]) {
    const root = Deno.makeTempDirSync({ prefix: "vabus-hostile-" });
    try {
      const directory = `${root}/state`;
      const state = StateDatabase.open({ directory, instanceId: "one" });
      state.transaction(() => {
        const row = table === "recent_ids"
          ? { source: "http://bus", last_sequence: 1, ids: new Uint8Array(40) }
          : { page: 0, window_start_ms: 0, window_end_ms: 1000, keys: new Uint8Array(40) };
        state.seal.put(table, row);
      });
      state.close();
      StateDatabase.openForReading(directory).close();
      assert.throws(() => restoreState(`${directory}/state.sqlite`, `${root}/new`, false, NOW_MS), isDamaged);
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  }
});
