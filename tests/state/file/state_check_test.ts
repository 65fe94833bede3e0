/** How a file of each schema is judged, on databases in memory. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { LOG_ID_MAX_CHARACTERS } from "../../../src/contract/source.ts";
import { bareDatabase } from "../../../src/state/file/bare_database.ts";
import { APPLICATION_ID, MIGRATIONS } from "../../../src/state/file/schema.ts";
import { Seal } from "../../../src/state/file/seal.ts";
import { checkContent, checkSchema, StateFault } from "../../../src/state/file/state_check.ts";

type Bare = ReturnType<typeof bareDatabase>;

/** A state as a program of that schema makes it. */
function withSchema(version: number, work: (database: Bare, seal: Seal) => void): void {
  const database = new DatabaseSync(":memory:");
  try {
    for (const migration of MIGRATIONS.slice(0, version)) database.exec(migration);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    const bare = bareDatabase(database);
    for (const [key, value] of [["schema_version", `${version}`], ["instance_id", "one"]]) {
      bare.run("INSERT INTO meta VALUES (?, ?)", key!, value!);
    }
    work(bare, new Seal(bare));
  } finally {
    database.close();
  }
}

const isFault = (message: RegExp, newerSchema?: number) => (error: unknown) =>
  error instanceof StateFault && message.test(error.message) && error.newerSchema === newerSchema;
const UNKNOWN = isFault(/^its tables are not those of this program$/);
const LATEST = MIGRATIONS.length;

Deno.test("the schema of each version is known by its tables, which its number must fit", () => {
  for (let version = 1; version <= LATEST; version++) {
    withSchema(version, (database) => {
      assert.equal(checkSchema(database), version);
      const number = (value: string) =>
        database.run("UPDATE meta SET value = ? WHERE key = 'schema_version'", value);
      for (const other of [version - 1, version + 1].filter((other) => other <= LATEST)) {
        number(`${other}`);
        assert.throws(() => checkSchema(database), UNKNOWN, `${version} as ${other}`);
      }
      number("x");
      assert.throws(() => checkSchema(database), UNKNOWN);
      number(`${LATEST + 1}`);
      assert.throws(
        () => checkSchema(database),
        isFault(new RegExp(`^schema ${LATEST + 1}, this one knows ${LATEST}$`), LATEST + 1),
      );
      database.exec("PRAGMA application_id = 7");
      assert.throws(() => checkSchema(database), isFault(/^it is not a state file of this program$/));
    });
  }
});

Deno.test("a later version may have other tables and indexes, and none of what runs by itself", () => {
  const judged = (sql: string) => {
    let fault: unknown;
    withSchema(LATEST, (database) => {
      database.exec(`UPDATE meta SET value = '${LATEST + 3}' WHERE key = 'schema_version'; ${sql}`);
      try {
        checkSchema(database);
      } catch (error) {
        fault = error;
      }
    });
    return (fault as StateFault).newerSchema;
  };
  assert.equal(
    judged("CREATE TABLE more (a); CREATE INDEX of_more ON more (a); DROP TABLE wish"),
    LATEST + 3,
  );
  for (
    const hostile of [
      "CREATE VIEW v AS SELECT 1",
      "CREATE TRIGGER t AFTER UPDATE ON account BEGIN SELECT 1; END",
      "CREATE VIRTUAL TABLE f USING fts5 (x)",
      "ALTER TABLE meta ADD COLUMN more; CREATE TABLE another (a)",
    ]
  ) assert.equal(judged(hostile), undefined, hostile);
});

Deno.test("the id of a log is no longer than any, in whichever column its schema keeps it", () => {
  const longest = "x".repeat(LOG_ID_MAX_CHARACTERS);
  const columns: Record<string, (database: Bare, seal: Seal, id: string) => void> = {
    bus: ({ run }, _, id) => run("INSERT INTO bus VALUES ('b', ?, 1, 1, 0)", id),
    "history.log": (_, seal, log) =>
      void seal.put("history", { log, page: 0, first_offset: 0, hashes: new Uint8Array(9) }),
    "history.lineage": (_, seal, lineage) =>
      void seal.put("history", { lineage, page: 0, first_offset: 0, hashes: new Uint8Array(9) }),
    source_partition: ({ run }, _, id) =>
      run("INSERT INTO source_partition VALUES ('b', '', 0, ?, '1', 1)", id),
    lineage_left: ({ run }, _, id) => run("INSERT INTO lineage_left VALUES (?, '1', 1, 1)", id),
  };
  const columnsOf = (version: number) =>
    version < 3
      ? ["bus"]
      : version < 5
      ? ["bus", "history.log"]
      : ["history.lineage", "source_partition", "lineage_left"];
  for (let version = 2; version <= LATEST; version++) {
    for (const column of columnsOf(version)) {
      const check = (id: string) =>
        withSchema(version, (database, seal) => {
          seal.begin();
          columns[column]!(database, seal, id);
          seal.finish();
          checkContent(database, new Seal(database), version);
        });
      check(longest);
      assert.throws(
        () => check(`${longest}x`),
        isFault(/^the id of a bus's log is longer than any$/),
        column,
      );
    }
  }
});

Deno.test("an instance has a name that can be shown, of 200 characters at most", () => {
  const check = (name: string | undefined) =>
    withSchema(LATEST, (database, seal) => {
      database.run("DELETE FROM meta WHERE key = 'instance_id'");
      if (name !== undefined) database.run("INSERT INTO meta VALUES ('instance_id', ?)", name);
      seal.finish();
      checkContent(database, new Seal(database), LATEST);
    });
  for (const name of ["a", "Werk Süd/4", "𝄞".repeat(200)]) check(name);
  for (const name of [undefined, "", "a\n", "\u001b[2J", "x".repeat(201)]) {
    assert.throws(() => check(name), isFault(/^its instance_id is invalid$/), name);
  }
});
