/** The ways in which a state is opened and closed: what each may do, and what it leaves. */
import assert from "node:assert/strict";
import { CommitMark } from "../../../src/state/file/commit_mark.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError, type StateErrorKind } from "../../../src/state/file/state_error.ts";
import { StateLock } from "../../../src/state/file/state_lock.ts";
import { openFilesOn } from "../../support/file_locks.ts";
import { inTemporaryDirectory } from "../inside.ts";

const isRoot = Deno.uid() === 0;
const DENIED = new Deno.errors.PermissionDenied("Permission denied (os error 13)");

const isError = (kind: StateErrorKind, message: RegExp) => (error: unknown) =>
  error instanceof StateError && error.kind === kind && message.test(error.message);

function open(directory: string, instanceId = "one"): StateDatabase {
  return StateDatabase.open({ directory, instanceId });
}

function setMark(state: StateDatabase): void {
  state.transaction(() => state.run("INSERT OR REPLACE INTO account VALUES ('mark', 1)"));
}

/** A state that was closed. */
function withClosed(work: (directory: string, path: string) => void): void {
  inTemporaryDirectory((directory) => {
    const state = open(directory);
    setMark(state);
    const { path } = state;
    state.close();
    work(directory, path);
  });
}

Deno.test("who opens a state for reading cannot write, who opens it for a request writes as safely as a handler", () =>
  inTemporaryDirectory((directory) => {
    const state = open(directory);
    for (const reader of [StateDatabase.openForReading(directory), StateDatabase.view(directory)]) {
      assert.throws(() => reader.run("DELETE FROM account"), /readonly/);
      reader.close();
    }
    const requesting = StateDatabase.openForRequest(directory);
    const inForce = ["journal_mode", "synchronous", "cache_size"].map((name) =>
      Object.values(requesting.get<object>(`PRAGMA ${name}`)!)[0]
    );
    assert.deepEqual(inForce, ["wal", 2, -8000]);
    setMark(requesting);
    requesting.close();
    assert.equal(state.all("SELECT 1 FROM account").length, 1);
    const size = (suffix: string) => Deno.statSync(state.path + suffix).size;
    assert.ok(size("-wal") > 0);
    assert.equal(state.sizeBytes(), size("") + size("-wal"));
    state.close();
  }));

Deno.test("a state that is closed cleanly promises no commits, and leaves no file open", () =>
  withClosed((directory, path) => {
    const state = open(directory);
    const { stateId } = state;
    assert.equal(CommitMark.promised(directory, stateId), 2);
    state.close();
    assert.equal(CommitMark.promised(directory, stateId), 0);
    assert.equal(StateLock.isHeld(directory), false);
    if (Deno.build.os !== "linux") return;
    for (const name of [CommitMark.pathIn(directory), `${directory}/lock`, `${path}-wal`]) {
      assert.equal(openFilesOn(name), 0, name);
    }
  }));

Deno.test("where somebody still reads, or the file is another one, the commits that were made stay promised", () =>
  inTemporaryDirectory((directory) => {
    let state = open(directory);
    const { path, stateId } = state;
    setMark(state);
    const reader = StateDatabase.view(directory);
    assert.equal(reader.stateId, stateId);
    state.close();
    assert.equal(CommitMark.promised(directory, stateId), 2, "the last of them is in the log");
    reader.close();
    state = open(directory);
    setMark(state);
    Deno.renameSync(path, `${path}.away`);
    state.close();
    assert.equal(CommitMark.promised(directory, stateId), 3);
    Deno.renameSync(`${path}.away`, path);
    open(directory).close();
    assert.equal(CommitMark.promised(directory, stateId), 0);
  }));

Deno.test("an opening that is refused leaves no file open and nobody locked out", () =>
  withClosed((directory, path) => {
    assert.throws(() => open(directory, "two"), isError("foreign", /INSTANCE_ID "one"/));
    assert.equal(StateLock.isHeld(directory), false);
    if (Deno.build.os === "linux") assert.equal(openFilesOn(path), 0);
    open(directory).close();
  }));

Deno.test("the instance of a state is known where it can be read, and nothing is said where it cannot", () =>
  withClosed((directory, path) => {
    assert.equal(StateDatabase.instanceIn(directory), "one");
    if (Deno.build.os === "linux") assert.equal(openFilesOn(path), 0);
    assert.equal(StateDatabase.instanceIn(`${directory}/none`), undefined);
    Deno.chmodSync(directory, 0o777);
    assert.equal(StateDatabase.instanceIn(directory), undefined);
    assert.throws(() => StateDatabase.openForReading(directory), isError("untrusted", /everybody may write/));
    Deno.chmodSync(directory, 0o700);
    Deno.writeTextFileSync(path, "no state");
    assert.equal(StateDatabase.instanceIn(directory), undefined);
  }));

Deno.test({
  name: `root reads the state of a service in its own directory${isRoot ? "" : " (left out: needs root)"}`,
  ignore: !isRoot,
  fn: () =>
    withClosed((directory) => {
      Deno.chownSync(directory, 65532, 65531);
      assert.equal(StateDatabase.instanceIn(directory), "one");
      StateDatabase.openForReading(directory).close();
    }),
});

Deno.test("a state that may not be opened or made says whose it is", () =>
  withClosed((directory, path) => {
    const denied = isError("unwritable", /^no permission to use the state in/);
    const { mkdirSync, openSync } = Deno;
    const throwing = () => {
      throw DENIED;
    };
    try {
      Deno.openSync = throwing;
      assert.throws(() => StateDatabase.openForReading(directory), denied);
      Deno.openSync = openSync;
      Deno.mkdirSync = throwing;
      assert.throws(() => open(`${directory}/below`), denied);
    } finally {
      Object.assign(Deno, { mkdirSync, openSync });
    }
    Deno.writeTextFileSync(`${path}.restored`, "");
    assert.throws(
      () => StateDatabase.openForReading(directory),
      isError("missing", /a restore into .* was interrupted\. Start the handler/),
    );
  }));
