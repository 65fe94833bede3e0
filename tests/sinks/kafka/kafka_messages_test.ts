import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { toRecord } from "../../../src/aggregation/aggregate.ts";
import { messageRuns } from "../../../src/sinks/kafka/kafka_messages.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";

const INSTANCE = "plant-1";

const aggregates = ["a", "größe", "x".repeat(512), "b", "c"].map((name) => aggregateOf({ name }));
const sizes = aggregates.map((aggregate) =>
  Buffer.byteLength(aggregate.name) + Buffer.byteLength(JSON.stringify(toRecord(aggregate, INSTANCE))) + 64
);
const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
const lengths = (maxBytes: number) =>
  [...messageRuns(aggregates, INSTANCE, maxBytes)].map((run) => run.length);

Deno.test("a message has the name as its key, the record as its value, and says that it is JSON", () => {
  const messages = [...messageRuns(aggregates, INSTANCE, 1e6)].flat();
  assert.deepEqual(messages.map(({ key }) => `${key}`), aggregates.map(({ name }) => name));
  assert.deepEqual(
    messages.map(({ value }) => JSON.parse(`${value}`)),
    aggregates.map((aggregate) => JSON.parse(JSON.stringify(toRecord(aggregate, INSTANCE)))),
  );
  for (const { headers } of messages) assert.deepEqual(headers, { "content-type": "application/json" });
});

Deno.test("a run is as long as the limit lets it be, and none is empty", () => {
  assert.deepEqual(lengths(sum(sizes)), [5]);
  assert.deepEqual(lengths(sum(sizes) - 1), [4, 1]);
  assert.deepEqual(lengths(sum(sizes.slice(0, 2))), [2, 1, 2]);
  assert.deepEqual(lengths(1), [1, 1, 1, 1, 1], "one that is too long goes alone");
  assert.deepEqual([...messageRuns([], INSTANCE, 1e6)], []);
});
