import assert from "node:assert/strict";
import { StateError } from "../../../src/state/file/state_error.ts";
import { StateLock } from "../../../src/state/file/state_lock.ts";
import { inTemporaryDirectory } from "../inside.ts";

Deno.test("a directory is held by one, who is named, until it lets go", () => {
  inTemporaryDirectory((directory) => {
    assert.equal(StateLock.isHeld(directory), false, "nobody has ever held it");
    const lock = StateLock.acquire(directory);
    assert.equal(StateLock.isHeld(directory), true);
    assert.throws(
      () => StateLock.acquire(directory),
      (error) =>
        error instanceof StateError && error.kind === "held" && error.message.includes(`pid ${Deno.pid}`) &&
        error.message.includes(directory),
    );
    lock.release();
    assert.equal(StateLock.isHeld(directory), false);
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
