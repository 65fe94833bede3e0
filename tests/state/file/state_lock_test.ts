import assert from "node:assert/strict";
import { StateError } from "../../../src/state/file/state_error.ts";
import { StateLock } from "../../../src/state/file/state_lock.ts";
import { openFilesOn } from "../../support/file_locks.ts";
import { inTemporaryDirectory } from "../inside.ts";

Deno.test("a directory is held by one, who is named, until it lets go", () => {
  inTemporaryDirectory((directory) => {
    assert.equal(StateLock.isHeld(directory), false, "nobody has ever held it");
    assert.equal(StateLock.isOurs(directory), false);
    const lock = StateLock.acquire(directory);
    assert.equal(StateLock.isHeld(directory), true);
    assert.deepEqual([StateLock.isOurs(directory), StateLock.isOurs("/another")], [true, false]);
    assert.equal(StateLock.holder(directory), `process ${Deno.pid}`);
    assert.throws(
      () => StateLock.acquire(directory),
      (error) =>
        error instanceof StateError && error.kind === "held" && error.message.includes(`pid ${Deno.pid}`) &&
        error.message.includes(directory),
    );
    if (Deno.build.os === "linux") assert.equal(openFilesOn(`${directory}/lock`), 1, "that of the holder");
    Deno.chmodSync(directory, 0o777);
    assert.equal(StateLock.holder(directory), undefined, "anybody could have written it");
    Deno.chmodSync(directory, 0o700);
    lock.release();
    assert.equal(StateLock.isHeld(directory), false);
    assert.equal(StateLock.isOurs(directory), false);
    StateLock.acquire(directory).release();
  });
});

Deno.test("what a process left behind that was killed neither holds nor confuses", () => {
  inTemporaryDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/lock`, "4194304000\nand more of it\n");
    assert.equal(StateLock.isHeld(directory), false);
    const lock = StateLock.acquire(directory);
    assert.equal(Deno.readTextFileSync(`${directory}/lock`), `${Deno.pid}\n`);
    lock.release();
  });
});

Deno.test("a link in the name of the lock is followed by nobody", () =>
  inTemporaryDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/target`, "precious");
    Deno.symlinkSync(`${directory}/target`, `${directory}/lock`);
    assert.throws(
      () => StateLock.acquire(directory),
      (error) =>
        error instanceof StateError && error.kind === "untrusted" && /symbolic link/.test(error.message),
    );
    assert.equal(StateLock.holder(directory), undefined);
    assert.equal(Deno.readTextFileSync(`${directory}/target`), "precious");
  }));
