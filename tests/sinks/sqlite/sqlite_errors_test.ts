import assert from "node:assert/strict";
import { UnexplainedRefusal } from "../../../src/contract/sink.ts";
import { notWritable, toSqliteRowError, toSqliteSinkError } from "../../../src/sinks/sqlite/sqlite_errors.ts";

/** As the runtime throws it. */
function thrown(message: string, errcode?: number): Error {
  return Object.assign(new Error(message), errcode === undefined ? undefined : { errcode });
}

Deno.test("a message of SQLite says what is to be done", () => {
  const cases: readonly (readonly [message: string, kind: string, said: RegExp])[] = [
    [
      "database disk image is malformed",
      "misconfigured",
      /malformed\. Restore the file, or name another one/,
    ],
    ["file is not a database", "misconfigured", /Restore the file, or name another one with SQLITE_PATH\.$/],
    [
      "NOT NULL constraint failed: aggregated_events.x",
      "misconfigured",
      /is not the handler's; name another file/,
    ],
    ["NOT NULL constraint failed: others.x", "rejected", /others\.x\.$/],
    ["no such column: x", "misconfigured", /is not the handler's/],
    ["table aggregated_events has no column named x", "misconfigured", /is not the handler's/],
    ["FOREIGN KEY constraint failed", "postponed", /failed\.$/],
    ["CHECK constraint failed: x", "rejected", /failed: x\.$/],
    ["datatype mismatch", "rejected", /mismatch\.$/],
    ["string or blob too big", "rejected", /too big\.$/],
    ["database is locked", "unavailable", /^SQLite file f\.db: database is locked\.$/],
    ["what nobody knows", "unavailable", /nobody knows\.$/],
  ];
  for (const [message, kind, said] of cases) {
    const error = toSqliteSinkError(thrown(message), "f.db");
    assert.equal(error.kind, kind, message);
    assert.match(error.message, said);
  }
  assert.equal(toSqliteSinkError("text", "f.db").message, "SQLite file f.db: text.");
});

Deno.test("a directory that cannot be written is told where the message may mean it", () => {
  const path = `${import.meta.filename}/f.db`;
  const error = toSqliteSinkError(thrown("unable to open database file"), path);
  assert.equal(error.kind, "misconfigured");
  assert.match(error.message, /cannot be written: .*Mend that, or name another file with SQLITE_PATH\.$/);
  assert.match(toSqliteSinkError(thrown("database is locked"), path).message, /database is locked\.$/);
});

Deno.test("an obstacle that may pass is waited for", () => {
  const kinds = ["no space left", "quota exceeded", "too many files", "a directory is there"].map((
    obstacle,
  ) => notWritable("f.db", obstacle).kind);
  assert.deepEqual(kinds, ["unavailable", "unavailable", "unavailable", "misconfigured"]);
});

Deno.test("while a row is written, only what is known to be of the file is never about the row", () => {
  const isUnexplained = (error: Error) => {
    const told = toSqliteRowError(error, "f.db");
    return told instanceof UnexplainedRefusal
      ? told.otherwise
      : told.kind === "unavailable"
      ? "file"
      : told.kind;
  };
  for (const code of [5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 23, 26, 0x105, 0xa0a]) {
    assert.equal(isUnexplained(thrown("what nobody knows", code)), "file", `${code}`);
  }
  for (const code of [1, 2, 3, 4, 12, 16, 21, 25, 0x101]) {
    assert.equal(isUnexplained(thrown("what nobody knows", code)), "unavailable", `${code}`);
  }
  assert.equal(isUnexplained(thrown("database is locked")), "file");
  assert.equal(isUnexplained(thrown("what nobody knows")), "unavailable");
  assert.equal(isUnexplained(thrown("CHECK constraint failed: x", 275)), "rejected");
  // A trigger's message may be anything.
  assert.equal(isUnexplained(thrown("CHECK constraint failed: x", 1811)), "unavailable");
  assert.equal(isUnexplained(thrown("database is locked", 1811)), "unavailable");
  const refusal = toSqliteRowError(thrown("not today", 1811), "f.db");
  assert.equal(refusal.message, "SQLite file f.db: not today.");
  assert.equal((refusal as UnexplainedRefusal).sameness, "not today");
});
