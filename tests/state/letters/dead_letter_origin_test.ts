import assert from "node:assert/strict";
import { readAudit } from "../../../src/state/audit.ts";
import { originOf, originText } from "../../../src/state/letters/dead_letter_origin.ts";
import { leaveRequest, readRequests } from "../../../src/state/letters/dead_letters.ts";
import { noteSettled, type SettledDeadLetters } from "../../../src/state/letters/settled_note.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { inTemporaryDirectory } from "../inside.ts";

Deno.test("the origin of an event is its offset, or all that the bus tells", () => {
  assert.equal(originText({}), undefined);
  assert.equal(originText({ offset: 7 }), "7");
  assert.equal(originText({ offset: 7, isEvent: true, separator: "/" }), "7");
  for (const more of [{ path: "p" }, { topic: "t" }, { key: "k" }, { busMs: 9 }]) {
    assert.deepEqual(JSON.parse(originText({ offset: 7, ...more })!), { offset: 7, ...more });
    assert.deepEqual(originOf(originText({ offset: 7, ...more })!), { offset: 7, ...more });
  }
  assert.deepEqual(originOf(null), {});
  assert.deepEqual(originOf("7"), { offset: 7 });
});

Deno.test("keys of up to 4,096 characters are kept", () => {
  const keyOf = (length: number) =>
    originOf(originText({ offset: 1, key: "k".repeat(length) }) ?? null).key?.length;
  assert.deepEqual([0, 4096, 4097].map(keyOf), [0, 4096, undefined]);
});

Deno.test("the audit sums what became of an order, over all of its requests", () =>
  inTemporaryDirectory((directory) => {
    const state = StateDatabase.open({ directory, instanceId: "test" });
    const order = (action: string) => ({ who: "root", atMs: 1, action, detail: "" });
    const result = () => readAudit(state, 1)[0]!.result;
    const settle = (id: number, settled: SettledDeadLetters) => {
      state.transaction(() => noteSettled(state, id, settled));
      return result();
    };
    const none = { retried: [], purged: [] };
    leaveRequest(state, "retry", [1, 2, 3], order("retry"));
    const [retry] = readRequests(state);
    assert.equal(settle(9, { ...none, retried: [1] }), undefined, "there is no such request");
    assert.equal(settle(retry!.id, { ...none, retried: [1, 1, 7], purged: [2] }), "1 taken in again");
    assert.equal(
      settle(retry!.id, { ...none, retried: [2], refusedAgain: [2, 7] }),
      "2 taken in again; 1 of them refused again",
    );
    assert.equal(
      settle(retry!.id, { ...none, retried: [3], refusedAgain: [3] }),
      "3 taken in again; 2 of them refused again",
    );
    leaveRequest(state, "purge", [4, 5], order("purge"));
    const purge = readRequests(state).at(-1)!;
    assert.equal(settle(purge.id, { ...none, purged: [4, 5], retried: [4] }), "2 purged");
    leaveRequest(state, "purge", [6]);
    assert.equal(settle(readRequests(state).at(-1)!.id, { ...none, purged: [6] }), "2 purged");
    state.close();
  }));
