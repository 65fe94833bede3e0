import assert from "node:assert/strict";
import { CommitMark } from "../../src/store/commit_mark.ts";
import { leaveWish } from "../../src/store/dead_letters.ts";
import { STATE_FILE_NAME, StateDatabase } from "../../src/store/state_database.ts";
import { inTemporaryDirectory } from "./inside.ts";

const wish = (state: StateDatabase) => leaveWish(state, "purge", [1]);

Deno.test("a mark promises what was written last, until it is closed", () => {
  inTemporaryDirectory((directory) => {
    const promised = (stateId = "a-state") => CommitMark.promised(directory, stateId);
    assert.equal(promised(), 0);
    const mark = CommitMark.open(directory, "a-state");
    for (const commits of [1, 2 ** 53 - 1, 7]) {
      mark.write({ commits, isClosed: false });
      assert.equal(promised(), commits);
      assert.equal(promised("another"), 0);
    }
    mark.write({ commits: 8, isClosed: true });
    assert.equal(promised(), 0);
    mark.write({ commits: 9, isClosed: false });
    mark.close();
    assert.equal(promised(), 9);
    const path = CommitMark.pathIn(directory);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    const text = Deno.readTextFileSync(path);
    for (let at = 0; at < text.length; at++) {
      Deno.writeTextFileSync(path, text.slice(0, at) + "x" + text.slice(at + 1));
      assert.equal(promised(), 0, `byte ${at}`);
      Deno.writeTextFileSync(path, text.slice(0, at));
      assert.equal(promised(), 0, `cut off at ${at}`);
    }
  });
});

Deno.test("a state promises each transaction that has changed something, and nothing once it is closed", () => {
  inTemporaryDirectory((directory) => {
    const state = StateDatabase.open({ directory, instanceId: "test" });
    const promised = () => CommitMark.promised(directory, state.stateId);
    const before = promised();
    wish(state);
    wish(state);
    assert.equal(promised(), before + 2);
    state.transaction(() => state.get("SELECT 1 FROM wish"));
    assert.equal(promised(), before + 2);
    assert.throws(() =>
      state.transaction(() => {
        state.run("DELETE FROM wish");
        throw new Error("no");
      })
    );
    assert.equal(promised(), before + 2);
    const { stateId } = state;
    state.close();
    assert.equal(CommitMark.promised(directory, stateId), 0);
  });
});

Deno.test("with a reader at work the last commits stay in the log, and promised", () => {
  inTemporaryDirectory((directory) => {
    const state = StateDatabase.open({ directory, instanceId: "test" });
    wish(state);
    const reader = StateDatabase.openForReading(directory);
    const { stateId } = state;
    const promised = CommitMark.promised(directory, stateId);
    assert.ok(promised > 0);
    assert.ok(state.sizeBytes() > 0);
    reader.snapshot(() => {
      reader.get("SELECT 1 FROM wish");
      wish(state);
      assert.equal(reader.all("SELECT 1 FROM wish").length, 1, "one view, whatever is written meanwhile");
      assert.equal(reader.snapshot(() => reader.all("SELECT 1 FROM wish").length), 1);
      state.close();
      assert.equal(CommitMark.promised(directory, stateId), promised + 1);
    });
    assert.equal(reader.all("SELECT 1 FROM wish").length, 2);
    reader.close();
  });
});

Deno.test("what an interrupted creation has left over is in nobody's way, and the state is its owner's alone", () => {
  inTemporaryDirectory((directory) => {
    const path = `${directory}/${STATE_FILE_NAME}`;
    for (const end of ["", "-wal", "-shm", "-journal"]) {
      Deno.writeTextFileSync(`${path}.new${end}`, "half a file");
    }
    const state = StateDatabase.open({ directory, instanceId: "test" });
    wish(state);
    state.close();
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    const left = [...Deno.readDirSync(directory)].filter((entry) => entry.name.includes(".new"));
    assert.deepEqual(left, []);
  });
});
