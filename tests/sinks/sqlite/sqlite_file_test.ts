/** The file of the rows: what is made, and whose files are not touched. */
import assert from "node:assert/strict";
import { lchownSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { SinkError } from "../../../src/contract/sink.ts";
import { assertFile, exists, makeFile, openTables } from "../../../src/sinks/sqlite/sqlite_file.ts";
import { probeFile } from "../../../src/sinks/sqlite/sqlite_probe.ts";
import { prepareInOneCommit } from "../../../src/sinks/sqlite/sqlite_table.ts";
import { temporaryDirectory } from "../../support/executable.ts";

const probe = (path: string) => probeFile({ id: "sqlite", path, instance: "one" });
const make = (path: string) => makeFile(path, undefined);
const modeOf = (path: string) => Deno.statSync(path).mode! & 0o777;

function errorOf(work: () => unknown): SinkError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof SinkError, `${error}`);
    return error;
  }
  assert.fail("it is not refused");
}

Deno.test("a file is made with its directory, and one that is there gets the mode that is set", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/a/b/rows.sqlite`;
  assert.equal(exists(path), false);
  makeFile(path, 0o640);
  assert.deepEqual([exists(path), modeOf(path)], [true, 0o640]);
  Deno.writeTextFileSync(`${path}-wal`, "");
  Deno.chmodSync(`${path}-wal`, 0o600);
  makeFile(path, undefined);
  assert.deepEqual([modeOf(path), modeOf(`${path}-wal`)], [0o640, 0o600], "without one, they stay");
  makeFile(path, 0o644);
  assert.deepEqual([modeOf(path), modeOf(`${path}-wal`)], [0o644, 0o644]);
  makeFile(`${directory.path}/own.sqlite`, undefined);
  assert.equal(modeOf(`${directory.path}/own.sqlite`), 0o600);
});

Deno.test("a name below a file is that of no file, and one that cannot be looked at is an error", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/rows.sqlite`;
  makeFile(path, undefined);
  assert.equal(exists(`${path}/below`), false);
  assert.throws(() => exists(`${directory.path}/${"x".repeat(300)}`));
});

Deno.test("what is no regular file is not opened, neither by its name nor by those beside it", async () => {
  await using directory = await temporaryDirectory();
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    const path = `${directory.path}/rows${suffix}.sqlite`;
    const special = `${path}${suffix}`;
    Deno.symlinkSync("/dev/null", special);
    for (const open of [assertFile, (path: string) => openTables(path, true), probe, make]) {
      const { kind, message } = errorOf(() => open(path));
      assert.deepEqual([kind, message], [
        "misconfigured",
        `${special} is no regular file. Name another one with SQLITE_PATH.`,
      ]);
    }
  }
});

Deno.test("a link of this user is followed, one of another user is not", async () => {
  await using directory = await temporaryDirectory();
  const [path, target] = [`${directory.path}/rows.sqlite`, `${directory.path}/target.sqlite`];
  makeFile(target, undefined);
  Deno.symlinkSync(target, path);
  assertFile(path);
  if (Deno.uid() !== 0) return;
  for (const suffix of ["", "-journal"]) {
    const link = `${directory.path}/foreign.sqlite${suffix}`;
    Deno.symlinkSync(target, link);
    lchownSync(link, 12_345, 12_345);
    const { kind, message } = errorOf(() => assertFile(`${directory.path}/foreign.sqlite`));
    assert.deepEqual([kind, message], [
      "misconfigured",
      `${link} is a link that another user has made. Name another file with SQLITE_PATH.`,
    ]);
    Deno.removeSync(link);
  }
});

Deno.test("a probe tries to write and keeps nothing; while another program writes it says so", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/rows.sqlite`;
  assert.equal(probe(path), `${path} will be created`);
  makeFile(path, undefined);
  for (let time = 0; time < 2; time++) {
    assert.equal(probe(path), `${path}, table aggregated_events will be created`);
  }
  const writer = new DatabaseSync(path);
  try {
    assert.deepEqual(writer.prepare("select name from sqlite_schema").all(), []);
    writer.exec("begin immediate");
    assert.equal(
      probe(path),
      `${path}; another program writes to it at this moment, so writing was not tried`,
    );
    writer.exec("rollback");
  } finally {
    writer.close();
  }
  assert.equal(probe(path), `${path}, table aggregated_events will be created`);
});

Deno.test("a file gets all of its tables or none", () => {
  using database = new DatabaseSync(":memory:");
  const tables = () =>
    database.prepare("select name from sqlite_schema where type = 'table' and name like 'aggregated%'").all()
      .map(({ name }) => name);
  database.exec("create table other (a); create index aggregated_events_writer on other (a)");
  assert.throws(() => prepareInOneCommit(database), /already an index/);
  assert.deepEqual([tables(), database.isTransaction], [[], false]);
  database.exec("drop index aggregated_events_writer");
  for (const start of ["first", "later"]) {
    assert.deepEqual(prepareInOneCommit(database), { hasLabels: true, isWindowFirst: true }, start);
    assert.deepEqual([tables(), database.isTransaction], [[
      "aggregated_events",
      "aggregated_events_writer",
    ], false]);
  }
});
