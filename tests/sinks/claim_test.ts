/**
 * Who writes to a table is replaced only by one who has seen it as it is: of two that claim it at once, one
 * is refused.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import postgres from "postgres";
import type { Claim } from "../../src/contract/sink.ts";
import type { ClaimStore } from "../../src/sinks/claim_keeper.ts";
import { createWriterTable, PostgresClaim } from "../../src/sinks/postgres/postgres_claim.ts";
import { CREATE_WRITER_TABLE, SqliteClaim } from "../../src/sinks/sqlite/sqlite_claim.ts";
import { sharedPostgres } from "../support/shared_servers.ts";

const FIRST: Claim = { stateId: "state", boot: 1, life: "first", nextId: 5 };
const NEXT: Claim = { stateId: "restored", boot: 2, life: "next", nextId: 7 };

async function testReplacing(claimOf: (instance: string) => ClaimStore): Promise<void> {
  const [ours, others] = [claimOf("ours"), claimOf("others")];
  const found = async (store: ClaimStore) => ({ ...await store.read() });
  assert.equal(await ours.read(), undefined);
  assert.ok(await ours.replace(undefined, FIRST));
  assert.ok(!await ours.replace(undefined, NEXT), "somebody else was quicker");
  // The same but for the instance.
  assert.ok(await others.replace(undefined, FIRST));
  for (const seen of [{ ...FIRST, life: "another" }, { ...FIRST, nextId: 6 }]) {
    assert.ok(!await ours.replace(seen, NEXT));
    assert.deepEqual(await found(ours), FIRST);
  }
  assert.ok(await ours.replace(FIRST, NEXT));
  assert.deepEqual([await found(ours), await found(others)], [NEXT, FIRST]);
}

Deno.test("SQLite: a claim is replaced as it was seen, or not at all", async () => {
  using database = new DatabaseSync(":memory:");
  database.exec(CREATE_WRITER_TABLE);
  await testReplacing((instance) => new SqliteClaim(database, instance));
});

Deno.test("PostgreSQL: a claim is replaced as it was seen, or not at all", async () => {
  const server = await sharedPostgres();
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  const table = `claimed_${crypto.randomUUID().slice(0, 8)}`;
  try {
    await sql.unsafe(createWriterTable(table));
    await testReplacing((instance) => new PostgresClaim(table, instance, (_, build) => build(sql)));
  } finally {
    await sql.end();
    await server.remove();
  }
});
