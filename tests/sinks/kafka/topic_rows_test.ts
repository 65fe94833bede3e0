import assert from "node:assert/strict";
import { TopicRows } from "../../../src/sinks/kafka/topic_rows.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";

Deno.test("the newest revision counts; one that came again is told, with whether it contradicts", () => {
  const rows = new TopicRows();
  const first = { ...aggregateOf({}), name: "a", windowStartMs: 0, windowEndMs: 1000, count: 2, revision: 0 };
  const second = { ...first, count: 3, revision: 1 };
  const other = { ...first, name: "b", windowStartMs: 1000, windowEndMs: 2000, count: 5 };
  // In whatever order: a topic that was given more partitions has them out of order.
  for (const record of [second, first, other]) rows.add(record);
  assert.deepEqual(rows.rowsOfWindow(0, 1000), [second]);
  assert.equal(rows.sumOfCounts(-Infinity), 8);
  assert.equal(rows.sumOfCounts(1000), 5);
  assert.deepEqual([...rows.repeated(-Infinity)], []);

  rows.add(first);
  rows.add({ ...other, value: other.value + 1 });
  assert.deepEqual(
    [...rows.repeated(-Infinity)].map(({ aggregate: { name }, times, isContradicted }) => [
      name,
      times,
      isContradicted,
    ]),
    [["a", 2, false], ["b", 2, true]],
  );
  assert.equal([...rows.repeated(1000)].length, 1);
  assert.equal(rows.sumOfCounts(-Infinity), 8);
  rows.close();
});
