import assert from "node:assert/strict";
import { FeedMemory } from "../../../src/sources/kafka/feed_memory.ts";
import { PartitionFeed } from "../../../src/sources/kafka/partition_feed.ts";
import { batchOf } from "./batches.ts";

Deno.test("a header of a record is found by its name, and by nothing like it", () => {
  const headers = [["trac", "1"], ["traceparenT", "2"], ["traceparent", "00-ab"], [
    "traceparent",
    "3",
  ]] as const;
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
  const batches = batchOf([{ offsetDelta: 0, headers }, { offsetDelta: 1 }]);
  const asked = { topic: "t", partition: 0, topicId: undefined, offset: 0 };
  feed.answered(asked, { error: 0, end: 2, stableEnd: 2, aborted: [], batches }, 1);
  const found = () => {
    const record = feed.next();
    return ["traceparent", "trac", "tracestate"].map((name) => record?.header(name));
  };
  assert.deepEqual(found(), ["00-ab", "1", undefined]);
  assert.deepEqual(found(), [undefined, undefined, undefined]);
});
