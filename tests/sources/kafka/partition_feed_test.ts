import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SourceError } from "../../../src/contract/source.ts";
import { FeedMemory } from "../../../src/sources/kafka/feed_memory.ts";
import { PartitionFeed } from "../../../src/sources/kafka/partition_feed.ts";
import { batchOf, eventRecords } from "./batches.ts";

const NEVER = new AbortController().signal;
/** The number of a request. */
const REQUEST = 1;
const [OFFSET_OUT_OF_RANGE, NOT_LEADER, UNKNOWN_SERVER_ERROR] = [1, 6, -1] as const;

/** A feed that was given one batch of five records, from which nothing was taken. */
function filledFeed(): PartitionFeed {
  const of = { topic: "t", partition: 0 };
  const feed = new PartitionFeed("partition t/0", of, new FeedMemory(1e6, 1e6), () => {});
  answer(feed, 0, 0, [batchOf(eventRecords(0, 5))]);
  return feed;
}

/** What the broker answers to a question for the records from an offset on. */
function answer(feed: PartitionFeed, offset: number, error: number, batches: readonly Buffer[]): void {
  const asked = { topic: "t", partition: 0, topicId: undefined, offset };
  const found = { error, end: 100, stableEnd: 100, aborted: [], batches: Buffer.concat(batches) };
  feed.answered(asked, found, REQUEST);
}

Deno.test("one answer is fetched ahead while another is read, and none where nobody wants it", () => {
  const feed = filledFeed();
  assert.equal(feed.wanted(true)?.offset, 5);
  assert.equal(feed.wanted(false), undefined);
  answer(feed, 5, 0, [batchOf(eventRecords(5, 10), { firstOffset: 5 })]);
  assert.equal(feed.wanted(true), undefined);
});

Deno.test("nothing is fetched ahead where the last answer had nothing or was an error", () => {
  for (const error of [0, OFFSET_OUT_OF_RANGE, NOT_LEADER, UNKNOWN_SERVER_ERROR]) {
    const feed = filledFeed();
    answer(feed, 5, error, []);
    assert.equal(feed.wanted(true), undefined, `error ${error}`);
  }
});

Deno.test("nothing is fetched ahead after a broker that could not be asked", () => {
  const feed = filledFeed();
  feed.failed(new SourceError("unavailable", "the broker has gone"));
  assert.equal(feed.wanted(true), undefined);
});

Deno.test("a reader that waits is asked for again, whatever the last answer was", async () => {
  const feed = filledFeed();
  feed.failed(new SourceError("unavailable", "the broker has gone"));
  for (let count = 0; count < 5; count++) assert.equal(feed.next()?.offset, count);
  assert.equal(feed.next(), undefined);
  const found = feed.wait(0, 0, NEVER);
  assert.equal(feed.wanted(true)?.offset, 5);
  answer(feed, 5, 0, [batchOf(eventRecords(5, 10), { firstOffset: 5 })]);
  assert.equal(await found, "records");
  // What comes now is read ahead again.
  assert.equal(feed.wanted(true)?.offset, 10);
});

Deno.test("an answer to a request from before the wait does not say that there is nothing", async () => {
  const of = { topic: "t", partition: 0 };
  const feed = new PartitionFeed("partition t/0", of, new FeedMemory(1e6, 1e6), () => {});
  const found = feed.wait(0, REQUEST, NEVER);
  answer(feed, 0, 0, []);
  assert.equal(feed.wanted(true)?.offset, 0);
  answer(feed, 0, 0, [batchOf(eventRecords(0, 5))]);
  assert.equal(await found, "records");
});
