import assert from "node:assert/strict";
import type { Api } from "../../src/dashboard/api.ts";
import type { AuditLine } from "../../src/dashboard/audit/audit_line.ts";
import {
  isFulfilled,
  progressOf,
  settle,
  settlementText,
} from "../../src/dashboard/dead_letters/settlement.ts";

/** A handler that has chosen 12 dead letters, and whose audit says what the test says. */
class Handler {
  orders: AuditLine[] = [];
  readonly asked: [path: string, body: unknown][] = [];
  readonly api = {
    post: (path: string, body: unknown) => {
      this.asked.push([path, body]);
      return Promise.resolve({ chosen: 12 });
    },
    get: () => Promise.resolve({ orders: this.orders }),
  } as unknown as Api;

  note(at: number, result: string | null, action = "dead-letters retry"): AuditLine {
    return { at, who: "admin", action, detail: "12 dead letters (--reason invalid)", result };
  }
}

Deno.test("a request is followed in the audit until all that was chosen is settled", async () => {
  const handler = new Handler();
  // An older request of the same size, and one of another kind, are other ones.
  handler.orders = [
    handler.note(8, null),
    handler.note(7, "12 purged", "dead-letters purge"),
    handler.note(6, "12 taken in again"),
  ];
  let settlement = await settle(handler.api, "retry", "invalid");
  assert.deepEqual(handler.asked, [["dead-letters/retry", { reason: "invalid" }]]);
  assert.equal(isFulfilled(settlement), false);
  assert.equal(settlementText(settlement), "0 of 12 dead letters retried");
  handler.orders = [handler.note(9, "1 taken in again"), handler.note(8, "5 taken in again")];
  settlement = await progressOf(handler.api, settlement);
  assert.equal(settlementText(settlement), "5 of 12 dead letters retried");
  handler.orders = [handler.note(8, "12 taken in again")];
  settlement = await progressOf(handler.api, settlement);
  assert.equal(isFulfilled(settlement), true);
  assert.match(settlementText(settlement), /^12 dead letters retried; /);
});

Deno.test("a request whose line is gone from the audit is followed no more", async () => {
  const settlement = await settle(new Handler().api, "purge", "late");
  assert.equal(isFulfilled(settlement), true);
  assert.equal(settlementText(settlement), "Requested for 12 dead letters");
});
