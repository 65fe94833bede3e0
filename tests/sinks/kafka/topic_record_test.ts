import assert from "node:assert/strict";
import { type AggregateRecord, toRecord } from "../../../src/aggregation/aggregate.ts";
import { aggregateIn } from "../../../src/sinks/kafka/topic_record.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";

const AGGREGATE = aggregateOf({ labels: '{"site":"north"}' });
const RECORD = toRecord(AGGREGATE, "plant-1");
/** The latest time that a Date can have, in seconds. */
const LATEST_S = 8.64e12;

Deno.test("a record becomes the aggregate again", () => {
  assert.deepEqual(aggregateIn(RECORD), AGGREGATE);
  const { windowStartMs, windowEndMs } = aggregateIn({
    ...RECORD,
    window_start: -LATEST_S,
    window_end: LATEST_S,
  })!;
  assert.deepEqual([windowStartMs, windowEndMs], [-LATEST_S * 1000, LATEST_S * 1000]);
});

Deno.test("a record without the public shape is no aggregate", () => {
  for (
    const wrong of [
      { name: 1 },
      { agg_func: null },
      { value: "1" },
      { count: 1.5 },
      { revision: "0" },
      { window_start: "soon" },
      { window_start: -LATEST_S - 1 },
      { window_end: LATEST_S + 1 },
      { labels: { site: 1 } },
    ]
  ) assert.equal(aggregateIn({ ...RECORD, ...wrong } as AggregateRecord), undefined, JSON.stringify(wrong));
});
