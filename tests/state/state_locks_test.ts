import assert from "node:assert/strict";
import { StateDatabase } from "../../src/state/file/state_database.ts";

/** The locks of this process on a file, as the kernel lists them. */
function locksOn(path: string): string[] {
  const { ino } = Deno.statSync(path);
  return Deno.readTextFileSync("/proc/locks").split("\n")
    .map((line) => line.split(/\s+/))
    .filter((fields) => fields[1] === "POSIX" && fields[4] === `${Deno.pid}`)
    .filter((fields) => fields[5]?.endsWith(`:${ino}`))
    .map((fields) => `${fields[3]} ${fields[6]} ${fields[7]}`);
}

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
  } finally {
    state.close();
    Deno.removeSync(root, { recursive: true });
  }
});
