import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { eachRow } from "../../../src/platform/file/database.ts";

/** The numbers that a query gives until its end, or until it fails; the error comes last. */
function numbersOf(rows: string, sql: string, ...values: number[]): (number | string)[] {
  const database = new DatabaseSync(":memory:");
  const read: (number | string)[] = [];
  try {
    database.exec(`CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT); ${rows}`);
    for (const { n } of eachRow<{ n: number }>(database, sql, ...values)) read.push(n);
  } catch (error) {
    read.push((error as Error).message);
  } finally {
    database.close();
  }
  return read;
}

Deno.test("nothing else reads rows by the iterator that takes an error for the end", () => {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const readers = globSync("src/**/*.ts", { cwd: root })
    .filter((path) => /\.iterate\(/.test(readFileSync(join(root, path), "utf8")));
  assert.deepEqual(readers, ["src/platform/file/database.ts"]);
});

Deno.test("rows are read one by one to their end, in the order of the query", () => {
  assert.deepEqual(numbersOf("", "SELECT n FROM t"), []);
  const rows = "INSERT INTO t (n) VALUES (3), (1), (2)";
  assert.deepEqual(numbersOf(rows, "SELECT n FROM t"), [1, 2, 3]);
  assert.deepEqual(numbersOf(rows, "SELECT n FROM t WHERE n < ? ORDER BY n DESC", 3), [2, 1]);
});

Deno.test("an error between two rows is an error, and not the end of them", () => {
  const rows = (bad: number) =>
    `INSERT INTO t SELECT value, iif(value = ${bad}, '{', '{}') FROM json_each('[1, 2, 3]')`;
  const sql = "SELECT n, json(text) FROM t ORDER BY n";
  assert.deepEqual([1, 2, 3, 4].map((bad) => numbersOf(rows(bad), sql)), [
    ["malformed JSON"],
    [1, "malformed JSON"],
    [1, 2, "malformed JSON"],
    [1, 2, 3],
  ]);
});

Deno.test("an error that has passed by the time it is looked for is one all the same", () => {
  const statement = (rows: object[], behind: object | undefined) => ({
    iterate: () => rows,
    get: () => behind,
  });
  const statements = [statement([{ n: 1 }], undefined), statement([], { n: 2 })];
  const database = { prepare: () => statements.shift() } as unknown as DatabaseSync;
  assert.throws(() => [...eachRow(database, "SELECT n FROM t")], /disk I\/O error: no row was read after 1/);
});
