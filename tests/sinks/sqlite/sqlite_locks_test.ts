import assert from "node:assert/strict";
import { toSqliteSinkError } from "../../../src/sinks/sqlite/sqlite_errors.ts";
import { SqliteSink } from "../../../src/sinks/sqlite/sqlite_sink.ts";
import { CONTEXT, QUIET } from "../../contract/sink_samples.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { locksOn } from "../../support/file_locks.ts";

Deno.test("whoever looks for an obstacle at the file of an open sink leaves its locks alone", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/aggregates.sqlite`;
  // Another name for the file, such as that of a second sink.
  const link = `${directory.path}/linked.sqlite`;
  const [sink, second] = [path, link].map((name) =>
    new SqliteSink({ id: "sqlite", path: name, instance: "plant-1" }, QUIET)
  ) as [SqliteSink, SqliteSink];
  await sink.open(CONTEXT);
  try {
    const own = locksOn(path);
    assert.notDeepEqual(own, [], "SQLite holds a lock for as long as the file is open");
    toSqliteSinkError(new Error("attempt to write a readonly database"), path);
    assert.deepEqual(locksOn(path), own, "after an error");
    await Deno.symlink(path, link);
    await second.probe();
    assert.deepEqual(locksOn(path), own, "after a probe by another name");
    await sink.close();
    toSqliteSinkError(new Error("attempt to write a readonly database"), path);
    assert.deepEqual(locksOn(path), [], "after it was closed");
  } finally {
    await sink.close();
    await second.close();
  }
});
