import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { DatabaseIdentity, FileIdentity } from "../../../src/platform/file/file_identity.ts";

async function inDirectory(test: (directory: string) => void): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-identity-" });
  try {
    test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a file is told from another one by the same name, and from none", () =>
  inDirectory((directory) => {
    const path = `${directory}/deep/file`;
    Deno.mkdirSync(`${directory}/deep`);
    Deno.writeTextFileSync(path, "one");
    const identity = new FileIdentity(path);
    Deno.writeTextFileSync(path, "one, longer");
    assert.equal(identity.fate, undefined);
    Deno.renameSync(`${directory}/deep`, `${directory}/elsewhere`);
    assert.equal(identity.fate, "removed");
    Deno.writeTextFileSync(`${directory}/deep`, "a file where the directory was");
    assert.equal(identity.fate, "removed");
    Deno.removeSync(`${directory}/deep`);
    Deno.mkdirSync(`${directory}/deep`);
    Deno.writeTextFileSync(path, "one");
    assert.equal(identity.fate, "replaced");
    Deno.removeSync(`${directory}/deep`, { recursive: true });
    Deno.renameSync(`${directory}/elsewhere`, `${directory}/deep`);
    assert.equal(identity.fate, undefined);
  }));

Deno.test("a database is also its write-ahead log, from the first look at it on", () =>
  inDirectory((directory) => {
    const path = `${directory}/a.sqlite`;
    const database = new DatabaseSync(path);
    try {
      const identity = new DatabaseIdentity(path);
      assert.equal(identity.fate, undefined);
      database.exec("pragma journal_mode = wal; create table t (x)");
      assert.equal(identity.fate, undefined);
      Deno.removeSync(`${path}-wal`);
      assert.deepEqual(identity.fate, { path: `${path}-wal`, fate: "removed" });
      Deno.renameSync(path, `${directory}/b.sqlite`);
      assert.deepEqual(identity.fate, { path, fate: "removed" });
    } finally {
      database.close();
    }
  }));

Deno.test("a link that leads elsewhere is another database, while the former one and its log are in place", () =>
  inDirectory((directory) => {
    const path = `${directory}/link.sqlite`;
    const real = `${Deno.realPathSync(directory)}/a.sqlite`;
    Deno.writeTextFileSync(real, "");
    Deno.symlinkSync(real, path);
    const database = new DatabaseSync(path);
    try {
      database.exec("pragma journal_mode = wal; create table t (x)");
      const identity = new DatabaseIdentity(path);
      assert.equal(identity.fate, undefined);
      Deno.writeTextFileSync(`${directory}/b.sqlite`, "");
      Deno.removeSync(path);
      Deno.symlinkSync(`${directory}/b.sqlite`, path);
      assert.deepEqual(identity.fate, { path, fate: "replaced" });
      assert.equal(identity.isMoved, false);
      Deno.removeSync(real);
      assert.equal(identity.isMoved, true);
      assert.deepEqual(identity.beside, [`${real}-wal`, `${real}-shm`]);
      Deno.removeSync(`${real}-wal`);
      assert.deepEqual(identity.beside, []);
    } finally {
      database.close();
    }
  }));
