/** The seal of schema 1, whose states are still migrated. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { bareDatabase } from "../../../src/state/file/bare_database.ts";
import { MIGRATIONS } from "../../../src/state/file/schema.ts";
import { checkSealOfVersion1 } from "../../../src/state/file/seal_v1.ts";
import { schemaFixtures } from "../../support/schema_fixtures.ts";

/** Checks the fixture of schema 1 after a change that its seal knows nothing of. */
function checkAfter(sql: string): void {
  const { state } = schemaFixtures().find(({ version }) => version === 1)!;
  const database = new DatabaseSync(":memory:");
  try {
    const image = Deno.readFileSync(state);
    // A database in memory has no write-ahead log.
    image.fill(1, 18, 20);
    database.deserialize(image);
    database.exec(sql);
    checkSealOfVersion1(bareDatabase(database));
  } finally {
    database.close();
  }
}

Deno.test("a state of schema 1 that has not changed fits its seal", () => checkAfter(""));

for (
  const [sql, message] of [
    ["UPDATE account SET value = value + 1 WHERE name = 'received'", /over its small tables/],
    ["UPDATE seal SET sum = sum + 1 WHERE name = 'segment'", /rows of its table segment/],
    ["UPDATE seal SET sum = sum + 1 WHERE name = 'commits'", /over its small tables/],
    ["DELETE FROM seal", /over its small tables/],
    ["UPDATE segment SET sink_bits = sink_bits + 1", /a row of its table segment/],
    ["UPDATE segment SET checksum = checksum + 1", /a row of its table segment/],
    ["UPDATE segment SET rows = x'0011223344556677'", /a row of its table segment/],
    ["UPDATE dead_letter SET detail = 'other'", /a row of its table dead_letter/],
    ["DELETE FROM dead_letter", /rows of its table dead_letter are missing/],
    ["DELETE FROM segment", /rows of its table segment are missing/],
  ] as const
) {
  Deno.test(`a change of a state of schema 1 is noticed: ${sql}`, () => {
    assert.throws(() => checkAfter(sql), { name: "SealError", message });
  });
}

Deno.test("a state of schema 1 that is quite new has nothing to sum up", () => {
  const database = new DatabaseSync(":memory:");
  try {
    database.exec(MIGRATIONS[0]!);
    database.exec("INSERT INTO meta VALUES ('instance_id', 'one'), ('schema_version', '1')");
    const small = [[["instance_id", "one"], ["schema_version", "1"]], [], [], [], [], []];
    const sum = crc32(JSON.stringify([0, small]));
    database.exec(`INSERT INTO seal VALUES ('small tables', ${sum})`);
    checkSealOfVersion1(bareDatabase(database));
  } finally {
    database.close();
  }
});
