import assert from "node:assert/strict";
import {
  damaged,
  isWaitedOut,
  StateError,
  type StateErrorKind,
  stateNotWritable,
  toStateError,
} from "../../../src/state/file/state_error.ts";

Deno.test("what passes by itself, or once an operator has done something, is waited for, and nothing else", () => {
  const kinds: Record<StateErrorKind, boolean> = {
    held: false,
    damaged: false,
    foreign: false,
    newer: false,
    missing: false,
    exists: false,
    unwritable: true,
    untrusted: false,
    gone: true,
  };
  for (const [kind, expected] of Object.entries(kinds) as [StateErrorKind, boolean][]) {
    assert.equal(isWaitedOut(new StateError(kind, "it is so")), expected, kind);
  }
  assert.equal(isWaitedOut(new Error("unwritable")), false);
  assert.equal(`${new StateError("gone", "it is gone")}`, "StateError: it is gone");
});

Deno.test("an error of SQLite or of the disk is one of the state, and a defect stays what it is", () => {
  const cases: readonly (readonly [message: string, kind: StateErrorKind | undefined])[] = [
    ["database disk image is malformed", "damaged"],
    ["file is not a database", "damaged"],
    ["corrupt", "damaged"],
    ["database or disk is full", "unwritable"],
    ["disk I/O error", "unwritable"],
    ["attempt to write a readonly database", "unwritable"],
    ["unable to open database file", "unwritable"],
    ["database is locked", "unwritable"],
    ["failed (os error 28)", "unwritable"],
    ["failed (os error 30)", "unwritable"],
    ["failed (os error 13)", "unwritable"],
    ["Input/output error (os error 5)", "unwritable"],
    ["Disk quota exceeded (os error 122): rename 'a' -> 'b'", "unwritable"],
    ["failed (os error 2)", undefined],
    ["x is not a function", undefined],
  ];
  for (const [message, kind] of cases) {
    const error = new Error(message);
    const told = toStateError(error, "/s/state.db");
    if (kind === undefined) assert.equal(told, error);
    else {
      assert.ok(told instanceof StateError);
      assert.equal(told.kind, kind, message);
      assert.match(told.message, /\/s\/state\.db/);
    }
  }
  const known = new StateError("held", "no");
  for (const other of [known, "text", undefined]) assert.equal(toStateError(other, "/s"), other);
  const own = toStateError(new Error("corrupt"), "/s", (detail) => new StateError("exists", detail));
  assert.ok(own instanceof StateError);
  assert.deepEqual([own.kind, own.message], ["exists", "corrupt"]);
});

Deno.test("a state that is damaged or cannot be used says where and what to do", () => {
  assert.equal(
    damaged("/s/state.db", "torn").message,
    "the state file /s/state.db is damaged (torn). It is left as it is. Restore it from a backup, or " +
      "move it away to begin again from the oldest events the bus still has.",
  );
  assert.match(damaged("/s", "torn", "Way out.").message, /as it is\. Way out\.$/);
  const { kind, message } = stateNotWritable("/s", "it is a file");
  assert.equal(kind, "unwritable");
  assert.match(message, /^the state directory \/s cannot be used: it is a file\. Mend that/);
});
