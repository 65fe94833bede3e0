import assert from "node:assert/strict";
import type { DeadLetterReason } from "../../../src/state/letters/dead_letter_reason.ts";
import {
  deadLetterCountSteps,
  newestDeadLetterIdSteps,
} from "../../../src/state/letters/dead_letter_scan.ts";
import {
  addRefusedAggregates,
  addRefusedEvents,
  settleRequests,
} from "../../../src/state/letters/dead_letters.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const event = (reason: "late" | "future") => {
  const raw = new Uint8Array(1);
  return { reason, detail: "", bus: "bus", partition: "", offset: 1, raw, rawBytes: 1 };
};
const REJECTED = { reason: "rejected", detail: "", sink: "all", aggregate: aggregateOf() } as const;

/** What steps come to. */
function end<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

Deno.test("the newest dead letters are found, of one reason or of all, and none that was purged", () => {
  inTemporaryDirectory((directory) => {
    const { state } = new Inside(directory);
    try {
      state.transaction(() => {
        addRefusedEvents(state, [event("late"), event("future"), event("late")], 0);
        addRefusedAggregates(state, [REJECTED, REJECTED], 0);
      });
      const newest = (reason: DeadLetterReason | undefined, before: number, limit: number) =>
        end(newestDeadLetterIdSteps(state, reason, before, limit));
      assert.deepEqual(newest(undefined, Infinity, 10), [5, 4, 3, 2, 1]);
      assert.deepEqual(newest("late", Infinity, 10), [3, 1]);
      assert.deepEqual(newest("late", Infinity, 1), [3]);
      assert.deepEqual(newest("late", 3, 10), [1]);
      assert.deepEqual(newest("rejected", 5, 10), [4]);
      assert.deepEqual(newest("invalid", Infinity, 10), []);

      // A dead letter of an aggregate stays as a purged row.
      state.transaction(() => settleRequests(state, { requests: [], retried: [], purged: [5] }));
      assert.deepEqual(newest("rejected", Infinity, 10), [4]);
      assert.deepEqual(newest(undefined, Infinity, 2), [4, 3]);
      assert.deepEqual(
        [...end(deadLetterCountSteps(state))],
        [["future", { count: 1, newestId: 2 }], ["late", { count: 2, newestId: 3 }], [
          "rejected",
          { count: 1, newestId: 4 },
        ]],
      );
    } finally {
      state.close();
    }
  });
});

Deno.test("dead letters are counted over all steps, and told by the names of their reasons", () => {
  inTemporaryDirectory((directory) => {
    const { state } = new Inside(directory);
    try {
      // More than one step takes, so that a later step finds the reason that comes first.
      const events = [...Array.from({ length: 5000 }, () => event("late")), event("future")];
      state.transaction(() => addRefusedEvents(state, events, 0));
      assert.deepEqual([...end(deadLetterCountSteps(state))], [
        ["future", { count: 1, newestId: 5001 }],
        ["late", { count: 5000, newestId: 5000 }],
      ]);
      const steps = (walk: Generator) => [...walk].length;
      assert.equal(steps(deadLetterCountSteps(state)), 3);
      const newest = (limit: number) => newestDeadLetterIdSteps(state, undefined, Infinity, limit);
      assert.deepEqual([1, 2000, 2001, 9999].map((limit) => steps(newest(limit))), [1, 1, 2, 3]);
      assert.equal(end(newest(2001)).at(-1), 3001);
    } finally {
      state.close();
    }
  });
});
