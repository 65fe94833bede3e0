import assert from "node:assert/strict";
import { DeadLetterCounts } from "../../../src/state/letters/dead_letter_counts.ts";
import {
  addRefusedAggregates,
  addRefusedEvents,
  type RefusedEvent,
  settleRequests,
} from "../../../src/state/letters/dead_letters.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const BOUND = { deadLetters: 10, bytes: 1000 };

function refused(reason: RefusedEvent["reason"], bytes: number): RefusedEvent {
  const raw = new Uint8Array(bytes);
  return { reason, detail: "", bus: "bus", partition: "", offset: 1, raw, rawBytes: bytes };
}

Deno.test("dead letters are counted as they come, go and are purged, and as they were at the start", () => {
  inTemporaryDirectory((directory) => {
    const { state } = new Inside(directory);
    try {
      state.transaction(() => addRefusedEvents(state, [refused("late", 5)], 0));
      const counts = new DeadLetterCounts(state, BOUND);
      const kept = () => {
        const { bounded, byReason } = counts.stock();
        return [Object.fromEntries([...byReason].filter(([, count]) => count > 0)), bounded];
      };
      assert.deepEqual(kept(), [{ late: 1 }, { deadLetters: 1, bytes: 5 }]);

      const rejected = { reason: "rejected", detail: "", sink: "all", aggregate: aggregateOf() } as const;
      state.transaction(() => {
        addRefusedEvents(state, [refused("late", 7), refused("future", 11)], 0);
        addRefusedAggregates(state, [rejected], 0);
        addRefusedAggregates(state, [rejected], 0, true);
      });
      assert.deepEqual(kept(), [{ late: 2, future: 1, rejected: 1 }, { deadLetters: 3, bytes: 23 }]);

      assert.throws(() =>
        state.transaction(() => {
          addRefusedEvents(state, [refused("invalid", 1)], 0);
          throw new Error("rolled back");
        })
      );
      assert.deepEqual(kept(), [{ late: 2, future: 1, rejected: 1 }, { deadLetters: 3, bytes: 23 }]);

      // A dead letter of an event is deleted, one of an aggregate stays as a purged row.
      state.transaction(() => settleRequests(state, { requests: [], retried: [1], purged: [3, 4] }));
      assert.deepEqual(kept(), [{ late: 1 }, { deadLetters: 1, bytes: 7 }]);
      assert.deepEqual(counts.stock().bound, BOUND);
    } finally {
      state.close();
    }
  });
});
