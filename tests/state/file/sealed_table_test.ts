/** Whatever the schema is, every change of a cell or a key is noticed. */
import assert from "node:assert/strict";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { noteOutages } from "../../../src/state/outages.ts";
import { acceptSink } from "../../../src/state/alarms.ts";
import { ColumnError, ColumnReader } from "../../../src/state/checkpoint/columns.ts";
import { leaveRequest, readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { askForRedelivery } from "../../../src/state/outbox/redelivery.ts";
import { SealedTable } from "../../../src/state/file/sealed_table.ts";
import { Seal } from "../../../src/state/file/seal.ts";
import { SinkRegistry } from "../../../src/state/outbox/sink_registry.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { MemorySource, openRig } from "../../ingest/rig.ts";
import { inTemporaryDirectory } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

/**
 * Rows in every table: closed and open windows, ids, refused events and aggregates, a request, a start, an
 * alarm, a sink that went, rows sent again, an order.
 */
async function makeState(directory: string): Promise<void> {
  const bus = new MemorySource();
  const event = (name: string, second: number, value = 1) =>
    JSON.stringify({ id: `${name} ${second}`, name, value, timestamp: NOW_MS / 1000 - 100 + second });
  bus.publish(event("a", 1), event("ü \0 �", 2), `"garbage"`, event("c", 90, 1e308), event("c", 91, 1e308));
  using rig = openRig(directory, [bus], NOW_MS, { DEDUP_MAX_IDS: "10", STORAGE_TYPE: "sqlite,stdout" });
  await rig.readers[0]!.drain(new AbortController().signal);
  const { ingest, outbox, state } = rig.core;
  ingest.checkpointNow(true);
  const batch = outbox.read("sqlite", 0, 1)!;
  const { nextId } = batch;
  const aggregates = rowsOf(batch);
  outbox.reject("sqlite", { ...aggregates[0]!, value: Infinity }, {
    reason: "rejected",
    detail: "its own words: � ü",
  }, nextId);
  bus.publish(event("d", 101), `"refused again"`);
  await rig.readers[0]!.drain(new AbortController().signal);
  ingest.checkpointNow();
  const { progress } = ingest.partitions[0]!;
  const another = { kind: "restarted", lineage: "another log", next: "0", offset: 0, lost: 0 } as const;
  ingest.settle(0, progress, another, new EventBatch(), 0);
  ingest.checkpointNow();
  leaveRequest(state, "purge", [1], {
    who: "alice",
    atMs: NOW_MS,
    action: "dead-letters purge",
    detail: "ü",
  });
  outbox.claimant("sqlite");
  acceptSink(state, "stdout", 1);
  outbox.alarm("sqlite", { kind: "rows_missing", detail: "some", count: 1 });
  const failing = new Map([["sink stdout", { detail: "it is away", sinceMs: NOW_MS }]]);
  noteOutages(state, failing, new Set(), NOW_MS);
  askForRedelivery(state, "stdout", 0, NOW_MS);
  SinkRegistry.open(state, outbox.endId(), [{ id: "sqlite", kind: "sqlite" }], ["stdout"], NOW_MS);
}

interface Cell {
  readonly table: string;
  readonly column: string;
  readonly key: string;
}

/** The cells of some rows of every table, each row's own id among them. */
function cellsOf(database: DatabaseSync): Cell[] {
  const tables = database.prepare(
    "SELECT name, wr FROM pragma_table_list WHERE type = 'table' AND schema = 'main'",
  )
    .all() as { name: string; wr: number }[];
  return tables.filter(({ name }) => name !== "sqlite_schema").flatMap(({ name: table, wr }) => {
    const columns = database.prepare("SELECT name, pk FROM pragma_table_info(?)").all(table) as {
      name: string;
      pk: number;
    }[];
    const keys = wr === 0 ? ["rowid"] : columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
    const rows = database.prepare(
      `SELECT ${keys.map((key) => `quote(${key}) AS "${key}"`)} FROM ${table} LIMIT 3`,
    )
      .all() as Record<string, string>[];
    assert.ok(rows.length > 0, `the sample has no row in ${table}`);
    return rows.flatMap((row) => {
      const key = keys.map((column) => `${column} = ${row[column]}`).join(" AND ");
      return [...new Set([...keys, ...columns.map(({ name }) => name)])].map((column) => ({
        table,
        column,
        key,
      }));
    });
  });
}

/** Other values for a cell, each as near to it as can be. */
function othersOf(value: SQLInputValue): SQLInputValue[] {
  if (value === null) return [0, ""];
  if (typeof value === "number") {
    const others = Number.isFinite(value)
      ? [value + 1, 2 * value + 7, value + 2 ** 40, String(value) + "x"]
      : [0];
    return [...others, -value || -1, null];
  }
  if (typeof value === "string") {
    const shorter = value === "" ? [] : [value.slice(1)];
    return [`${value} `, ...shorter, new TextEncoder().encode(value), null];
  }
  const flipped = (value as Uint8Array).slice();
  flipped[0]! ^= 1;
  return [flipped, flipped.slice(0, -1), null];
}

function isRefused(directory: string): boolean {
  try {
    StateDatabase.openForReading(directory).close();
    return false;
  } catch (error) {
    // A version that is another number may look like one of a later program.
    if (error instanceof StateError && (error.kind === "damaged" || error.kind === "newer")) return true;
    throw error;
  }
}

Deno.test("each cell of each table, changed behind the seal's back, and each row that is gone, is noticed", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-seal-" });
  try {
    await makeState(directory);
    const path = `${directory}/state.sqlite`;
    const whole = await Deno.readFile(path);
    const database = new DatabaseSync(path, { readOnly: true });
    const cells = cellsOf(database);
    const changes = cells.flatMap(({ table, column, key }) => {
      const { value } = database.prepare(`SELECT ${column} AS value FROM ${table} WHERE ${key}`).get() as {
        value: SQLInputValue;
      };
      return othersOf(value).map((other) => ({
        sql: `UPDATE ${table} SET ${column} = ? WHERE ${key}`,
        values: [other],
      }));
    });
    const deletions = new Set(cells.map(({ table, key }) => `DELETE FROM ${table} WHERE ${key}`));
    for (const sql of deletions) changes.push({ sql, values: [] });
    database.close();
    let changed = 0;
    for (const { sql, values } of changes) {
      Deno.writeFileSync(path, whole);
      const damager = new DatabaseSync(path);
      try {
        damager.exec("PRAGMA synchronous = OFF");
        damager.prepare(sql).run(...values);
        changed++;
      } catch (error) {
        // What SQLite itself rules out: NULL where there can be none, a row id that is no number, another
        // row's key.
        assert.match((error as Error).message, /constraint failed|datatype mismatch/);
        continue;
      } finally {
        damager.close();
      }
      assert.ok(isRefused(directory), `${sql} ${Deno.inspect(values)}`);
    }
    assert.ok(changed > cells.length);
    Deno.writeFileSync(path, whole);
    assert.ok(!isRefused(directory));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what a blob's own checksum stands for is compared with it by whoever reads the blob", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-seal-" });
  try {
    await makeState(directory);
    const database = new DatabaseSync(`${directory}/state.sqlite`, { readOnly: true });
    for (
      const [table, column] of [
        ["open_page_keys", "keys"],
        ["open_page_values", "accumulators"],
        ["segment", "rows"],
        ["recent_ids", "ids"],
      ]
    ) {
      const { blob } = database.prepare(`SELECT ${column} AS blob FROM ${table}`).get() as {
        blob: Uint8Array;
      };
      for (let at = 0; at < blob.length; at++) {
        const flipped = blob.slice();
        flipped[at]! ^= 1;
        assert.throws(() => new ColumnReader(flipped), ColumnError, `${table}.${column}, byte ${at}`);
      }
    }
    database.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a row that is written is read back by the seal as it was: texts and numbers of every kind", () => {
  inTemporaryDirectory((directory) => {
    const state = StateDatabase.open({ directory, instanceId: "one" });
    const texts = ["", "ü", "\ud800 alone", "\0", "a\0b", "�", "1", "x".repeat(5000)];
    const numbers = [0, -0, 1.5, -1e308, 5e-324, Infinity, -Infinity, 2 ** 53 - 1, null];
    state.transaction(() =>
      texts.forEach((text, i) =>
        numbers.forEach((value, j) =>
          state.seal.put("dead_letter", {
            id: 1 + i * numbers.length + j,
            refused_at_ms: 1,
            reason: text,
            detail: text,
            raw: new TextEncoder().encode(text),
            value,
            purged: 0,
          })
        )
      )
    );
    new Seal(state).check();
    assert.equal(readDeadLetters(state, { limit: 1000 }).length, texts.length * numbers.length);
    assert.throws(() => state.seal.put("dead_letter", { detial: "" }), /no column detial/);
    state.close();
  });
});

Deno.test("text that only decoding makes the same is another text", () => {
  inTemporaryDirectory((directory) => {
    const state = StateDatabase.open({ directory, instanceId: "one" });
    state.transaction(() =>
      state.seal.put("dead_letter", { id: 1, refused_at_ms: 1, reason: "late", detail: "\ufffd", purged: 0 })
    );
    state.close();
    const database = new DatabaseSync(`${directory}/state.sqlite`);
    database.exec("UPDATE dead_letter SET detail = CAST(x'F0BFBD' AS TEXT)");
    assert.deepEqual({ ...database.prepare("SELECT detail FROM dead_letter").get() }, { detail: "\ufffd" });
    database.close();
    assert.ok(isRefused(directory));
  });
});

/** The tables that these statements make in a database in memory, which `work` gets too. */
function withTables(
  sql: string,
  work: (tables: readonly SealedTable[], database: DatabaseSync) => void,
): void {
  const database = new DatabaseSync(":memory:");
  try {
    database.exec(sql);
    const all = <T>(query: string) => database.prepare(query).all() as T[];
    work(SealedTable.readAll({ all } as unknown as Parameters<typeof SealedTable.readAll>[0]), database);
  } finally {
    database.close();
  }
}

type Row = Record<string, SQLInputValue>;

Deno.test("rows are read in the order of their whole key, and each is sealed by its own key", () =>
  withTables(
    "CREATE TABLE t (n INTEGER, v REAL, checksum INTEGER, name TEXT, PRIMARY KEY (name, n)) WITHOUT ROWID",
    ([table], database) => {
      const { name, columns, hasChecksums, putStatement, query, sealStatement } = table!;
      assert.deepEqual([name, columns, hasChecksums], ["t", ["n", "v", "name"], true]);
      const keys = [["", 3], ["10", 2], ["9", 1], ["9", 10], ["ü", 0]] as const;
      const written = keys.toReversed().map(([name, n]) => {
        const { values, checksum } = table!.valuesOf({ name, n, v: n / 2 });
        database.prepare(putStatement).run(...values);
        return checksum;
      }).toReversed();
      const read = () => database.prepare(query).all() as Row[];
      assert.deepEqual(read().map((row) => table!.keyOf(row)), keys.map((key) => [...key]));
      assert.deepEqual(read().map((row) => table!.checksumOf(row)), written);
      assert.deepEqual(read().map(({ checksum }) => checksum), written);
      assert.equal(new Set(written).size, keys.length);
      for (let i = 0; i < keys.length; i++) {
        database.prepare(sealStatement).run(i, ...table!.keyOf(read()[i]!));
        assert.deepEqual(read().map(({ checksum }) => checksum), written.with(i, i));
        database.prepare(sealStatement).run(written[i]!, ...keys[i]!);
      }
      assert.deepEqual(read().map(({ checksum }) => checksum), written);
    },
  ));

Deno.test("of a blob with a checksum of its own these eight bytes are sealed, of another one all bytes", () =>
  withTables("CREATE TABLE t (id INTEGER PRIMARY KEY, checksum INTEGER, keys BLOB, raw BLOB)", ([table]) => {
    const seal = (column: string, changed: number) =>
      table!.valuesOf({ id: 1, [column]: new Uint8Array(20).map((_, i) => i === changed ? 1 : 0) }).checksum;
    for (const [column, sealed] of [["keys", 8], ["raw", 20]] as const) {
      for (let at = 0; at < 20; at++) {
        assert.equal(seal(column, at) !== seal(column, -1), at < sealed, `byte ${at} of ${column}`);
      }
    }
  }));

Deno.test("tables come by their names, without that of the seals, and one without a key by the ids of its rows", () =>
  withTables(
    "CREATE TABLE z (a, b TEXT); CREATE TABLE seal (name TEXT PRIMARY KEY, sum INTEGER) WITHOUT ROWID; " +
      "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT 1",
    (tables, database) => {
      assert.deepEqual(tables.map(({ name, hasChecksums }) => [name, hasChecksums]), [["a", false], [
        "z",
        false,
      ]]);
      const [, z] = tables;
      database.exec("INSERT INTO z (rowid, a, b) VALUES (9, -0.0, 'x'), (7, 9e999, x'01'), (8, NULL, NULL)");
      const rows = database.prepare(z!.query).all() as Row[];
      assert.deepEqual(rows.map((row) => z!.keyOf(row)), [[7], [8], [9]]);
      assert.deepEqual(rows.map((row) => z!.cellsOf(row)[1]), ["Infinity", null, "-0"]);
      assert.deepEqual(rows.map((row) => z!.cellsOf(row)[2]), [[2768625435], null, "78"]);
    },
  ));

Deno.test("a table whose rows have ids that no seal would cover is refused", () => {
  const tablesWith = (sql: string) => withTables(sql, ({ length }) => assert.equal(length, 1, sql));
  const hidden = "CREATE TABLE t (name TEXT PRIMARY KEY, checksum INTEGER)";
  assert.throws(() => tablesWith(hidden), /table t needs WITHOUT ROWID or an INTEGER PRIMARY KEY/);
  for (
    const shown of [
      `${hidden} WITHOUT ROWID`,
      "CREATE TABLE t (id INTEGER PRIMARY KEY, checksum INTEGER)",
      "CREATE TABLE t (name TEXT PRIMARY KEY)",
    ]
  ) tablesWith(shown);
});
