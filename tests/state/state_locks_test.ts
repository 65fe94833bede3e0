import assert from "node:assert/strict";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import { tryState } from "../../src/state/file/state_trial.ts";
import { locksOn } from "../support/file_locks.ts";

Deno.test("whoever opens the state beside a handler in its process leaves its locks alone", {
  ignore: Deno.build.os !== "linux",
}, () => {
  const root = Deno.makeTempDirSync({ prefix: "vabus-locks-test-" });
  const directory = `${root}/state`;
  const state = StateDatabase.open({ directory, instanceId: "one" });
  try {
    const own = locksOn(state.path);
    assert.notDeepEqual(own, [], "SQLite holds a lock for as long as the state is open");
    StateDatabase.openForReading(directory).close();
    assert.deepEqual(locksOn(state.path), own);
    StateDatabase.openForRequest(directory).close();
    assert.deepEqual(locksOn(state.path), own);
    tryState(directory, "one", []);
    assert.deepEqual(locksOn(state.path), own);
  } finally {
    state.close();
    Deno.removeSync(root, { recursive: true });
  }
});
