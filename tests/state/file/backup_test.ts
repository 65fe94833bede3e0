import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { readAudit } from "../../../src/state/audit.ts";
import { backUpSink, backUpState } from "../../../src/state/file/backup.ts";
import { restoreState } from "../../../src/state/file/restore.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError, type StateErrorKind } from "../../../src/state/file/state_error.ts";
import { openFilesOn } from "../../support/file_locks.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
const isRoot = Deno.uid() === 0;

function refused(kind: StateErrorKind, message: RegExp) {
  return (error: unknown) =>
    error instanceof StateError && error.kind === kind && message.test(error.message);
}

/** A state directory with a mark in its books, and room for backups beside it. */
function rig() {
  const root = Deno.makeTempDirSync({ prefix: "vabus-backup-test-" });
  const directory = `${root}/state`;
  const state = StateDatabase.open({ directory, instanceId: "one" });
  state.transaction(() => state.run("INSERT INTO account VALUES ('mark', 7)"));
  return {
    root,
    directory,
    state,
    file: `${root}/backup`,
    [Symbol.dispose]() {
      state.close();
      Deno.removeSync(root, { recursive: true });
    },
  };
}

function mark(state: StateDatabase): number | undefined {
  return state.get<{ value: number }>("SELECT value FROM account WHERE name = 'mark'")?.value;
}

Deno.test("a backup of a state in use is whole, private, one file, and replaces an earlier one", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  r.state.transaction(() => r.state.run("UPDATE account SET value = 8 WHERE name = 'mark'"));
  const { instanceId, bytes } = await backUpState(r.directory, r.file);
  assert.equal(instanceId, "one");
  assert.equal(Deno.statSync(r.file).size, bytes);
  assert.equal(Deno.statSync(r.file).mode! & 0o777, 0o600);
  assert.deepEqual([...Deno.readDirSync(r.root)].map(({ name }) => name).sort(), ["backup", "state"]);
  restoreState(r.file, `${r.root}/new`, false, NOW_MS);
  const restored = StateDatabase.openForReading(`${r.root}/new`);
  assert.equal(mark(restored), 8);
  restored.close();
});

Deno.test("a backup changes nothing of a state whose handler was killed, is one file, and leaves no file open", async () => {
  using r = rig();
  const killed = `${r.root}/killed`;
  Deno.mkdirSync(killed);
  const files = ["state.sqlite", "state.sqlite-wal", "commits"];
  for (const name of files) Deno.copyFileSync(`${r.directory}/${name}`, `${killed}/${name}`);
  const contents = () => files.map((name) => Deno.readFileSync(`${killed}/${name}`));
  const before = contents();
  await backUpState(killed, r.file);
  assert.deepEqual(contents(), before);
  const copy = new DatabaseSync(r.file, { readOnly: true });
  assert.deepEqual({ ...copy.prepare("PRAGMA journal_mode").get() }, { journal_mode: "delete" });
  copy.close();
  Deno.mkdirSync(`${r.root}/new`);
  for (const name of ["state.sqlite.restoring", "state.sqlite.restoring-wal"]) {
    Deno.writeTextFileSync(`${r.root}/new/${name}`, "what a crash has left");
  }
  restoreState(r.file, `${r.root}/new`, false, NOW_MS);
  // The versions of the format for writers and readers: with a write-ahead log, from the first moment on.
  const header = Deno.readFileSync(`${r.root}/new/state.sqlite`).subarray(18, 20);
  assert.deepEqual([...header], [2, 2]);
  assert.deepEqual([...Deno.readDirSync(`${r.root}/new`)].map(({ name }) => name).sort(), [
    "lock",
    "state.sqlite",
  ]);
  if (Deno.build.os !== "linux") return;
  for (const path of [`${killed}/state.sqlite`, r.file, `${r.root}/new/state.sqlite`]) {
    assert.equal(openFilesOn(path), 0, path);
  }
});

Deno.test("a restored state is another one: its own id, and revisions above all that were given out", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  assert.deepEqual(restoreState(r.file, `${r.root}/new`, false, NOW_MS + 999), {
    instanceId: "one",
    putAside: undefined,
  });
  const restored = StateDatabase.open({ directory: `${r.root}/new`, instanceId: "one" });
  assert.notEqual(restored.stateId, r.state.stateId);
  const floor = restored.get<{ value: number }>("SELECT value FROM account WHERE name = 'revision_floor'");
  assert.equal(floor!.value, (Date.UTC(2026, 0, 1) - Date.UTC(2020, 0, 1)) / 1000);
  restored.close();
  assert.equal(Deno.statSync(`${r.root}/new/state.sqlite`).mode! & 0o777, 0o600);
});

Deno.test("a clock that would make revisions which sinks take for old ones restores nothing", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  for (const nowMs of [0, Date.UTC(2019, 11, 31), Date.UTC(2087, 0, 1), Date.UTC(2100, 0, 1)]) {
    assert.throws(
      () => restoreState(r.file, `${r.root}/new`, false, nowMs),
      refused("unwritable", /Set the clock/),
    );
  }
  restoreState(r.file, `${r.root}/new`, false, NOW_MS);
  await backUpState(`${r.root}/new`, r.file);
  assert.throws(
    () => restoreState(r.file, `${r.root}/third`, false, NOW_MS - 1000),
    refused("unwritable", /from 2026-01-01T00:00:00.000Z to 2086-/),
  );
  restoreState(r.file, `${r.root}/third`, false, NOW_MS);
});

Deno.test("a backup can be restored up to the second that leaves the last revisions for corrections", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  const latestMs = Date.UTC(2020, 0, 1) + (2 ** 31 - 1 - 2 ** 25) * 1000;
  assert.throws(
    () => restoreState(r.file, `${r.root}/new`, false, latestMs + 1000),
    refused("unwritable", new RegExp(`from 2020-01-01T00:00:00.000Z to ${new Date(latestMs).toISOString()}`)),
  );
  restoreState(r.file, `${r.root}/new`, false, latestMs);
});

Deno.test("the restored state tells who restored it, when, and from which backup", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  restoreState(r.file, `${r.root}/new`, false, NOW_MS, "root");
  restoreState(r.file, `${r.root}/nobody`, false, NOW_MS);
  const orders = ["new", "nobody"].map((name) => {
    const restored = StateDatabase.openForReading(`${r.root}/${name}`);
    const lines = readAudit(restored, 9);
    restored.close();
    return lines.map(({ who, atMs, action, detail, result }) => [who, atMs, action, detail, result]);
  });
  const detail = `--from ${r.file}`;
  assert.deepEqual(orders, [[["root", NOW_MS, "restore", detail, "the state of the backup goes on"]], []]);
});

Deno.test("a backup with pages of any size is restored", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  for (const size of [512, 65_536]) {
    const backup = new DatabaseSync(r.file);
    backup.exec(`PRAGMA page_size = ${size}; VACUUM`);
    backup.close();
    restoreState(r.file, `${r.root}/of ${size}`, false, NOW_MS);
    const restored = StateDatabase.openForReading(`${r.root}/of ${size}`);
    assert.equal(restored.get<{ page_size: number }>("PRAGMA page_size")!.page_size, size);
    assert.equal(mark(restored), 7);
    restored.close();
  }
});

Deno.test({
  name: `root does not restore into the directory of another user${isRoot ? "" : " (left out: needs root)"}`,
  ignore: !isRoot,
  fn: async () => {
    using r = rig();
    await backUpState(r.directory, r.file);
    const directory = `${r.root}/new`;
    Deno.mkdirSync(directory);
    Deno.chownSync(directory, 65532, 65531);
    for (const target of [directory, `${directory}/below`]) {
      assert.throws(
        () => restoreState(r.file, target, false, NOW_MS),
        refused("untrusted", /new belongs to the user with uid 65532/),
      );
    }
    assert.deepEqual([...Deno.readDirSync(directory)], []);
  },
});

Deno.test("a restore overwrites nothing, and waits for no handler", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  assert.throws(() => restoreState(r.file, r.directory, true, NOW_MS), refused("held", /pid \d+/));
  const other = `${r.root}/other`;
  StateDatabase.open({ directory: other, instanceId: "two" }).close();
  assert.throws(() => restoreState(r.file, other, false, NOW_MS), refused("exists", /--replace/));
  const { putAside } = restoreState(r.file, other, true, NOW_MS);
  assert.ok(Deno.statSync(putAside!).isFile);
  StateDatabase.open({ directory: other, instanceId: "one" }).close();
});

Deno.test("what is no whole backup is refused, and nothing is left behind", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  const whole = Deno.readFileSync(r.file);
  const target = `${r.root}/new`;
  const attempt = (content: Uint8Array, kind: StateErrorKind, message: RegExp) => {
    Deno.writeFileSync(r.file, content);
    assert.throws(() => restoreState(r.file, target, false, NOW_MS), refused(kind, message));
    assert.deepEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["lock"]);
  };
  attempt(whole.subarray(0, whole.length / 2), "damaged", /no whole backup/);
  attempt(new Uint8Array([...whole, 0]), "damaged", /no whole backup/);
  attempt(new Uint8Array(0), "damaged", /no whole backup/);
  attempt(new TextEncoder().encode("hello"), "damaged", /no whole backup/);
  Deno.writeFileSync(r.file, whole);
  const newer = new DatabaseSync(r.file);
  newer.exec("UPDATE meta SET value = '999' WHERE key = 'schema_version'");
  newer.close();
  attempt(Deno.readFileSync(r.file), "newer", /newer version/);
  assert.throws(() => restoreState(`${r.root}/none`, target, false, NOW_MS), refused("missing", /no backup/));
});

Deno.test("of a backup that may not be read its own name is told, and any other failure is left as it is", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  const target = `${r.root}/new`;
  const { openSync } = Deno;
  const failing = (error: Error) => {
    Deno.openSync = (path, options) => {
      if (path === r.file) throw error;
      return openSync(path, options);
    };
    try {
      restoreState(r.file, target, false, NOW_MS);
    } finally {
      Deno.openSync = openSync;
    }
  };
  assert.throws(
    () => failing(new Deno.errors.PermissionDenied("Permission denied (os error 13): open")),
    refused("unwritable", new RegExp(`^the backup ${r.file} cannot be read: Permission denied\\. Mend its`)),
  );
  const defect = new Error("a defect");
  assert.throws(() => failing(defect), (error) => error === defect);
  assert.deepEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["lock"]);
});

Deno.test("a backup that claims to be endless takes neither time nor room", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  Deno.truncateSync(r.file, 2 ** 40);
  const target = `${r.root}/new`;
  assert.throws(() => restoreState(r.file, target, false, NOW_MS), refused("damaged", /no whole backup/));
  assert.deepEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["lock"]);
});

Deno.test("a backup neither overwrites another kind of file nor leaves a part of itself where it cannot be", async () => {
  using r = rig();
  Deno.writeTextFileSync(r.file, "letters from home");
  await assert.rejects(backUpState(r.directory, r.file), refused("exists", /no backup/));
  assert.equal(Deno.readTextFileSync(r.file), "letters from home");
  await assert.rejects(
    backUpState(r.directory, `${r.root}/none/backup`),
    refused("unwritable", /cannot be written: .*Name another place/),
  );
  await assert.rejects(backUpState(`${r.root}/none`, `${r.root}/b`), refused("missing", /no state/));
  assert.deepEqual([...Deno.readDirSync(r.root)].map(({ name }) => name).sort(), ["backup", "state"]);
});

Deno.test("the embedded sink is copied as the state is", async () => {
  using r = rig();
  const path = `${r.root}/sink`;
  const sink = new DatabaseSync(path);
  sink.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (5)");
  await backUpSink(path, "SQLITE_PATH", r.file);
  sink.close();
  const copy = new DatabaseSync(r.file, { readOnly: true });
  assert.deepEqual({ ...copy.prepare("SELECT a FROM t").get() }, { a: 5 });
  copy.close();
  await assert.rejects(
    backUpSink(`${r.root}/none`, "SQLITE_PATH", r.file),
    refused("missing", /SQLITE_PATH/),
  );
});

Deno.test("of a damaged sink its own file is named, with what to do, and an earlier copy stays", async () => {
  using r = rig();
  const path = `${r.root}/sink`;
  const sink = new DatabaseSync(path);
  sink.exec(
    "CREATE TABLE t (a); WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) " +
      "INSERT INTO t SELECT i FROM n",
  );
  sink.close();
  const whole = Deno.readFileSync(path);
  await backUpSink(path, "SQLITE_PATH", r.file);
  const earlier = Deno.readFileSync(r.file);
  const damages: [what: string, content: Uint8Array][] = [
    ["no database any more", whole.map((byte, i) => i < 100 ? ~byte : byte)],
    ["a page of it is another one", whole.map((byte, i) => i >= 4096 * 2 && i < 4096 * 3 ? 7 : byte)],
    ["cut off", whole.subarray(0, 4096 * 3)],
  ];
  for (const [what, content] of damages) {
    Deno.writeFileSync(path, content);
    await assert.rejects(backUpSink(path, "SQLITE_PATH", r.file), (error: unknown) => {
      assert.ok(error instanceof StateError, `${what}: ${error}`);
      assert.equal(error.kind, "damaged");
      assert.ok(
        error.message.startsWith(`the embedded sink's file ${path} (SQLITE_PATH) is damaged (`),
        error.message,
      );
      assert.match(error.message, /put an earlier copy in its place/);
      assert.doesNotMatch(error.message, /\.part|state file/);
      return true;
    });
    assert.deepEqual(Deno.readFileSync(r.file), earlier, what);
  }
  assert.deepEqual([...Deno.readDirSync(r.root)].map(({ name }) => name).sort(), ["backup", "sink", "state"]);
});

Deno.test("a backup with a damaged page is refused as one, not as the state", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  const bytes = Deno.readFileSync(r.file);
  Deno.writeFileSync(r.file, bytes.map((byte, i) => i >= 4096 * 2 && i < 4096 * 3 ? 7 : byte));
  assert.throws(
    () => restoreState(r.file, `${r.root}/new`, false, NOW_MS),
    refused("damaged", /backup is no whole backup of this program\. Nothing was restored/),
  );
});

Deno.test("a backup whose list of free pages is damaged is refused, though no table lacks a row", async () => {
  using r = rig();
  await backUpState(r.directory, r.file);
  const FREE_PAGES_AT = 36;
  const bytes = Deno.readFileSync(r.file);
  new DataView(bytes.buffer).setUint32(FREE_PAGES_AT, 1);
  Deno.writeFileSync(r.file, bytes);
  assert.throws(
    () => restoreState(r.file, `${r.root}/new`, false, NOW_MS),
    refused("damaged", /no whole backup/),
  );
});
