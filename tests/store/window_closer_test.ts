import assert from "node:assert/strict";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { StateError } from "../../src/store/state_error.ts";
import { Inside, inTemporaryDirectory } from "./inside.ts";

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
