import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { toRecord } from "../../../src/aggregation/aggregate.ts";
import type { RecordRun } from "../../../src/sinks/kafka/encoded_records.ts";
import { recordRuns, type RunOptions } from "../../../src/sinks/kafka/record_runs.ts";
import { readBatch, RecordCursor, recordsOf } from "../../../src/sources/kafka/record_batch.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";

const OPTIONS: RunOptions = {
  instance: "plant-1",
  maxBytes: 1e6,
  timeMs: 1000,
  compression: "none",
  traceparent: undefined,
};
const PRODUCER = { isTransactional: true, id: 5n, epoch: 0, firstSequence: 0 };

const aggregates = ["a", "größe", "x".repeat(512), "b", "c"].map((name) => aggregateOf({ name }));

const runsOf = (some: readonly Aggregate[], maxBytes = OPTIONS.maxBytes, traceparent?: string) => [
  ...recordRuns(some, { ...OPTIONS, maxBytes, traceparent }),
];
const batchOf = (run: RecordRun) => run.byPartition(1)[0]!.batch(PRODUCER);

/** The records of a run, as this program reads the batches of others. */
function recordsIn(run: RecordRun) {
  const bytes = batchOf(run);
  const batch = readBatch(bytes, 0, bytes.length);
  const cursor = new RecordCursor(batch, recordsOf(batch));
  const text = (start: number, length: number) =>
    new TextDecoder().decode(cursor.bytes.subarray(start, start + length));
  const found = [];
  while (cursor.next()) {
    found.push({
      key: text(cursor.keyStart, cursor.keyLength),
      value: JSON.parse(text(cursor.valueStart, cursor.valueLength)),
      contentType: cursor.header("content-type"),
      traceparent: cursor.header("traceparent"),
      timeMs: cursor.timeMs,
    });
  }
  return found;
}

Deno.test("a record has the name as its key, the aggregate as its value, and says that it is JSON", () => {
  for (const traceparent of [undefined, "00-1-2-01"]) {
    assert.deepEqual(
      runsOf(aggregates, 1e6, traceparent).flatMap(recordsIn),
      aggregates.map((aggregate) => ({
        key: aggregate.name,
        value: JSON.parse(JSON.stringify(toRecord(aggregate, OPTIONS.instance))),
        contentType: "application/json",
        traceparent,
        timeMs: OPTIONS.timeMs,
      })),
    );
  }
});

Deno.test("a run is as long as its bound lets it be, and none is empty", () => {
  const many = Array.from({ length: 500 }, (_, i) => aggregateOf({ name: `größe ${i}` }));
  for (const maxBytes of [2000, 10_000, 60_000]) {
    const runs = runsOf(many, maxBytes);
    const sizes = runs.map((run) => batchOf(run).length);
    assert.ok(Math.max(...sizes) <= maxBytes, `${sizes} of ${maxBytes}`);
    assert.ok(Math.min(...sizes.slice(0, -1)) > 0.8 * maxBytes, `${sizes} of ${maxBytes}`);
    assert.deepEqual(runs.flatMap(recordsIn).map(({ key }) => key), many.map(({ name }) => name));
  }
  assert.deepEqual(
    runsOf(aggregates, 1).map(({ count }) => count),
    [1, 1, 1, 1, 1],
    "one too long goes alone",
  );
  assert.deepEqual(runsOf([]), []);
});

Deno.test("names of any length and any characters arrive, however many there are", () => {
  for (const character of ["x", "ö", "\u{1f3ed}"]) {
    const names = Array.from({ length: 300 }, (_, i) => `${character.repeat(i % 50 === 0 ? 3000 : i)}${i}`);
    const records = runsOf(names.map((name) => aggregateOf({ name })), 1e9).flatMap(recordsIn);
    assert.deepEqual(records.map(({ key }) => key), names);
    assert.deepEqual(records.map(({ value }) => value.name), names);
    assert.ok(records.every(({ contentType }) => contentType === "application/json"));
  }
  const [alone] = runsOf([aggregateOf({ name: "€".repeat(3000) })], 1e9).flatMap(recordsIn);
  assert.deepEqual([alone!.key, alone!.contentType], ["€".repeat(3000), "application/json"]);
});
