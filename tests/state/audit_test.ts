import assert from "node:assert/strict";
import { AUDIT_MAX_LINES, noteOrder, noteResult, readAudit } from "../../src/state/audit.ts";
import { leaveRequest, readRequests, settleRequests } from "../../src/state/letters/dead_letters.ts";
import { readStatus } from "../../src/control/status.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";

const ORDER = {
  who: "alice (uid 1000)",
  atMs: 1_767_225_600_000,
  action: "redeliver",
  detail: "--sink sqlite",
};

function onState(work: (state: StateDatabase, directory: string) => void): void {
  const root = Deno.makeTempDirSync({ prefix: "vabus-audit-test-" });
  const directory = `${root}/state`;
  const state = StateDatabase.open({ directory, instanceId: "one" });
  try {
    work(state, directory);
  } finally {
    state.close();
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("an order is kept with who, when and what, and gets its result in pieces", () =>
  onState((state) => {
    const id = state.transaction(() => noteOrder(state, ORDER));
    assert.deepEqual(readAudit(state, 10), [{ ...ORDER, result: undefined }]);
    for (const count of [2, 3]) {
      state.transaction(() => noteResult(state, id, count, (sum) => `${sum} rows`));
    }
    assert.deepEqual(readAudit(state, 10), [{ ...ORDER, result: "5 rows" }]);
    state.transaction(() => noteResult(state, id + 1, 1, () => "of no line"));
    assert.equal(readAudit(state, 10).length, 1);
  }));

Deno.test("the audit is bounded, sealed, and shown from its newest line on", () =>
  onState((state, directory) => {
    state.transaction(() => {
      for (let i = 0; i < AUDIT_MAX_LINES + 5; i++) {
        noteOrder(state, { ...ORDER, detail: `${i}`, who: "x".repeat(10_000) }, "done");
      }
    });
    const lines = readAudit(state, 2 * AUDIT_MAX_LINES);
    assert.deepEqual([lines.length, lines[0]!.detail, lines.at(-1)!.detail], [AUDIT_MAX_LINES, "1004", "5"]);
    assert.equal(lines[0]!.who.length, 500);
    assert.deepEqual(
      readStatus(state, 0).audit.map(({ detail }) => detail),
      lines.slice(0, 10).map(({ detail }) => detail),
    );
    const { path } = StateDatabase.check(directory);
    assert.equal(path, state.path);
    state.transaction(() => state.run("UPDATE audit SET who = 'nobody' WHERE id = 1005"));
    assert.throws(() => StateDatabase.check(directory), /table audit/);
  }));

Deno.test("what a request for many dead letters comes to is summed up; the handler's own requests are no order", () =>
  onState((state) => {
    const ids = Array.from({ length: 2500 }, (_, i) => i + 1);
    leaveRequest(state, "purge", ids, { ...ORDER, action: "dead-letters purge" });
    leaveRequest(state, "retry", [1]);
    assert.equal(readAudit(state, 10).length, 1);
    for (const { id, deadLetterIds } of readRequests(state)) {
      state.transaction(() => settleRequests(state, { requests: [id], retried: [], purged: deadLetterIds }));
    }
    assert.deepEqual(readAudit(state, 10).map(({ result }) => result), ["2500 purged"]);
  }));

Deno.test("a retry says how many were refused again, over all requests of the order", () =>
  onState((state) => {
    const ids = Array.from({ length: 2500 }, (_, i) => i + 1);
    leaveRequest(state, "retry", ids, { ...ORDER, action: "dead-letters retry" });
    const told: (string | undefined)[] = [];
    for (const [part, { id, deadLetterIds: retried }] of readRequests(state).entries()) {
      const refusedAgain = part === 0 ? [] : retried.slice(0, 3);
      state.transaction(() => settleRequests(state, { requests: [id], retried, refusedAgain, purged: [] }));
      told.push(readAudit(state, 1)[0]!.result);
    }
    assert.deepEqual(told, [
      "1000 taken in again",
      "2000 taken in again; 3 of them refused again",
      "2500 taken in again; 6 of them refused again",
    ]);
  }));
