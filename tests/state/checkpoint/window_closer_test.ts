import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

Deno.test("a checkpoint that failed while a window was corrected leaves nothing behind for the next try", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    const names = ["a", "b", "c", "d", "e"];
    const events = names.map((name) => ({ name, value: 1, timestamp: 0.5 }));
    inside.take([...events.slice(1), { name: "x", value: 1, timestamp: 5 }]);
    inside.save();
    inside.take(events);
    const { state } = inside;
    // A full disk can show itself in a read: SQLite makes room in its cache by writing to the log.
    let reads = 0;
    state.get = () => {
      reads++;
      throw new StateError("unwritable", "disk full");
    };
    assert.throws(() => inside.save(), StateError);
    assert.equal(reads, 1);
    Reflect.deleteProperty(state, "get");
    inside.save();
    const table = new Map<string, Aggregate>();
    let rows = 0;
    for (let from = 0, batch; (batch = inside.outbox.read("all", from, 100)); from = batch.nextId) {
      rows += batch.aggregates.length;
    }
    assert.equal(rows, 4 + 5);
    inside.deliver(table);
    assert.deepEqual(
      [...table.values()].map(({ name, count, revision }) => [name, count, revision]).toSorted(),
      [["a", 1, 0], ["b", 2, 1], ["c", 2, 1], ["d", 2, 1], ["e", 2, 1]],
    );
    state.close();
  });
});

Deno.test("what is sent again is the aggregate as it was, for the sink that refused it alone", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { sinks: ["x", "y"] });
    const name = "größe.of.it";
    inside.take([1, 2, 9].map((value) => ({ name, value, timestamp: 0.5, agg_func: "p50" })));
    inside.take(["b", "c"].map((other) => ({ name: other, value: 4, timestamp: 0.5 })));
    inside.save(true);
    inside.take([{ name, value: 3, timestamp: 0.5, agg_func: "p50" }]);
    inside.save(true);
    const { aggregates, nextId } = inside.outbox.read("x", 0, 9)!;
    const refused = aggregates.find((row) => row.name === name && row.revision === 1)!;
    assert.equal(refused.count, 4);
    inside.outbox.reject("x", refused, { reason: "rejected", detail: "no" }, nextId);
    inside.outbox.advance("y", nextId);
    inside.request("retry", readDeadLetters(inside.state, { limit: 9 }));
    assert.deepEqual(inside.outbox.read("x", nextId, 9)?.aggregates, [refused]);
    assert.deepEqual(inside.outbox.read("y", nextId, 9)?.aggregates, []);
    assert.deepEqual(readDeadLetters(inside.state, { limit: 9 }), []);
    const routed = ["x", "y"].map((sink) => inside.registry.get(sink).routedCount);
    assert.deepEqual(routed, [6, 6], "it was counted when it was routed first");
    inside.state.close();
  });
});
