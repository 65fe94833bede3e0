import assert from "node:assert/strict";
import { isWaitedOut, StateError, type StateErrorKind } from "../../../src/state/file/state_error.ts";

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
