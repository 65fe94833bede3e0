/** Aggregates that a sink will never have: given up with the sink, or refused, purged and final. */
import assert from "node:assert/strict";
import {
  addRefusedAggregates,
  readDeadLetters,
  settleRequests,
} from "../../../src/state/letters/dead_letters.ts";
import { giveUpWaiting } from "../../../src/state/outbox/give_up.ts";
import { writeOff } from "../../../src/state/outbox/write_off.ts";
import { withInside } from "../inside.ts";
import { hand, publish } from "./rows_for_sinks.ts";

const BOTH = { sinks: ["x", "y"] };

Deno.test("what waits is given up by its events that are new, and what was to be sent again is refused for good", () =>
  withInside((inside) => {
    const { registry, state } = inside;
    publish(inside, "ab", 1);
    hand(inside, "a");
    inside.request("retry", readDeadLetters(state, { limit: 9 }));
    publish(inside, "bb", 1);
    publish(inside, "c", 2);
    const { aggregates, events, eventsByLength } = state.transaction(() =>
      giveUpWaiting(state, registry.get("x"), 7)
    );
    assert.deepEqual([aggregates, events, [...eventsByLength]], [3, 3, [[1000, 3]]]);
    const kept = state.all("SELECT name, sink, revision, purged, refused_at_ms AS atMs FROM dead_letter");
    assert.deepEqual(kept.map((row) => ({ ...row as object })), [
      { name: "a", sink: "x", revision: 0, purged: 1, atMs: 7 },
    ]);
  }, BOTH));

Deno.test("a window is written off once it is final, delivered, and all that sinks refused of it is purged", () =>
  withInside((inside) => {
    const { registry, state } = inside;
    publish(inside, "ab", 1);
    publish(inside, "a", 2);
    hand(inside, "a");
    inside.deliver(new Map(), "y");
    inside.save();
    const [ofFirst, ofSecond] = readDeadLetters(state, { limit: 9 });
    const aggregate = { ...ofFirst!.aggregate!, name: "b" };
    const refuse = (sink: string | undefined, change: object = {}) =>
      state.transaction(() => {
        const one = { sink, aggregate: { ...aggregate, ...change } };
        addRefusedAggregates(state, [{ reason: sink ? "rejected" : "not_finite", detail: "", ...one }], 0);
        return state.get<{ id: number }>("SELECT max(id) AS id FROM dead_letter")!.id;
      });
    const purge = (...purged: number[]) =>
      state.transaction(() => settleRequests(state, { requests: [], retried: [], purged }));
    const put = (firstId: number, startMs: number, endMs: number) =>
      state.transaction(() =>
        state.seal.put("segment", {
          ...{ first_id: firstId, row_count: 1, window_start_ms: startMs, window_end_ms: endMs },
          ...{ first_hash: 0, last_hash: 0, sink_bits: 1, reissued: 0, closed_at_ms: 0 },
          rows: new Uint8Array(9),
        })
      );
    const off = (deliveredId: number, finalMs: number) => {
      const { gone, lacking } = state.transaction(() =>
        writeOff(state, registry.sinks, deliveredId, finalMs)
      );
      return [...gone.map(({ startMs, endMs }) => `${startMs}-${endMs}`), ...[...lacking].map(String)];
    };
    assert.deepEqual(off(99, 9e9), [], "nothing is purged");
    purge(ofFirst!.id);
    const ofY = refuse("y");
    assert.deepEqual(off(99, 9e9), [], "another sink has refused something of it");
    purge(ofY);
    assert.deepEqual([off(2, 1999), off(1, 2000)], [[], []], "it may change, or something of it waits");
    // All that is beside it: no row, or of another window, even where that begins or ends with it.
    const others = [
      refuse(undefined),
      refuse("x", { windowStartMs: 0 }),
      refuse("x", { windowEndMs: 5000 }),
    ];
    put(50, 0, 2000);
    put(51, 1000, 5000);
    assert.deepEqual(off(2, 2000), ["1000-2000", "x,1", "y,1"]);
    assert.deepEqual(off(99, 9e9), []);
    const ids = state.all<{ id: number }>("SELECT id FROM dead_letter ORDER BY id").map(({ id }) => id);
    assert.deepEqual(ids, [ofSecond!.id, ...others]);
    const segments = state.all<{ id: number }>("SELECT first_id AS id FROM segment ORDER BY first_id");
    assert.deepEqual(segments.map(({ id }) => id), [2, 50, 51]);
  }, BOTH));
