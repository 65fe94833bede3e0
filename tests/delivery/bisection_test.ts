import assert from "node:assert/strict";
import { bisect } from "../../src/delivery/bisection.ts";
import { aggregateNamed } from "./memory_outbox.ts";
import { rowsOf } from "../support/rows_of.ts";

Deno.test("the halves of a batch cover its part of the outbox, each aggregate in one of them", () => {
  const ids = [3, 5, 6, 9, 11];
  for (let count = 2; count <= ids.length; count++) {
    const batch = {
      firstId: 2,
      nextId: 20,
      ids: ids.slice(0, count),
      aggregates: ids.slice(0, count).map((id) => aggregateNamed(`n${id}`)),
      overwrites: true,
    };
    const [one, two] = bisect(batch);
    assert.deepEqual([one.firstId, two.nextId], [2, 20]);
    assert.equal(one.nextId, two.firstId);
    assert.equal(two.firstId, two.ids[0], "the second begins with its first aggregate");
    assert.deepEqual([one.ids.length, two.ids.length], [Math.floor(count / 2), Math.ceil(count / 2)]);
    assert.deepEqual([...one.ids, ...two.ids], batch.ids);
    for (const half of [one, two]) {
      assert.deepEqual(rowsOf(half).map(({ name }) => name), half.ids.map((id) => `n${id}`));
      assert.equal(half.overwrites, true);
    }
  }
});
