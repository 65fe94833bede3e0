/** The memory of many partitions together. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { FeedMemory } from "../../../src/sources/kafka/feed_memory.ts";
import { PartitionFeed } from "../../../src/sources/kafka/partition_feed.ts";
import { type Holder, SharedMemory } from "../../../src/sources/kafka/shared_memory.ts";
import { batchOf, eventRecords } from "./batches.ts";

const GZIP = 1;
const BATCH_EVENTS = 10;

/** A feed that has two batches of ten records, in one answer each. */
function filledFeed(memory: FeedMemory, partition: number): PartitionFeed {
  const of = { topic: "t", partition };
  const feed = new PartitionFeed(`partition ${partition}`, of, memory, () => {});
  fill(feed, 0);
  fill(feed, BATCH_EVENTS);
  return feed;
}

function fill(feed: PartitionFeed, firstOffset: number): void {
  const records = eventRecords(0, BATCH_EVENTS);
  const batches = batchOf(records, { firstOffset, attributes: GZIP }, gzipSync);
  const asked = { topic: "t", partition: 0, topicId: undefined, offset: firstOffset };
  feed.answered(asked, { error: 0, end: 100, stableEnd: 100, aborted: [], batches }, 1);
}

/** The offsets of the next records. */
function take(feed: PartitionFeed, count: number): number[] {
  return Array.from({ length: count }, () => feed.next()?.offset ?? -1);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

Deno.test("who has used its memory longest ago lets it go, but not who is using it", () => {
  const memory = new SharedMemory(100);
  const gone: string[] = [];
  const holder = (name: string): Holder => ({ letGo: () => void gone.push(name) });
  const [a, b, c] = [holder("a"), holder("b"), holder("c")];
  memory.note(a, 40);
  memory.note(b, 40);
  assert.equal(memory.isFull, false);
  memory.note(a, 50);
  memory.note(c, 60);
  assert.equal(memory.isFull, true);
  memory.makeRoom(new Set([c]));
  assert.deepEqual(gone, ["b", "a"]);
  memory.note(c, 300);
  memory.makeRoom(new Set([c]));
  assert.deepEqual(gone, ["b", "a"]);
  memory.makeRoom(new Set());
  assert.deepEqual(gone, ["b", "a", "c"]);
  assert.equal(memory.isFull, false);
});

Deno.test("by default 32 MiB of records are held as they are stored, and 64 MiB of them unpacked", () => {
  const { stored, unpacked } = new FeedMemory();
  const holder = { letGo: () => {} };
  for (const [memory, bytes] of [[stored, 32 * 2 ** 20], [unpacked, 64 * 2 ** 20]] as const) {
    memory.note(holder, bytes - 1);
    assert.equal(memory.isFull, false);
    memory.note(holder, bytes);
    assert.equal(memory.isFull, true);
  }
});

Deno.test("records that were let go in the middle of a batch are read on from there", () => {
  // Room for the batches of one partition only.
  const memory = new FeedMemory(1e6, 600);
  const feeds = range(0, 5).map((partition) => filledFeed(memory, partition));
  for (const from of [0, 3, 6, 9, 12, 15]) {
    for (const feed of feeds) assert.deepEqual(take(feed, 3), range(from, from + 3));
  }
  for (const feed of feeds) assert.deepEqual(take(feed, 3), [18, 19, -1]);
});

Deno.test("a partition whose stored records were let go wants them from where it was read", () => {
  const memory = new FeedMemory(1, 1e6);
  const [first, second] = [filledFeed(memory, 0), filledFeed(memory, 1)];
  assert.deepEqual(take(first, 3), [0, 1, 2]);
  assert.equal(memory.stored.isFull, true);
  memory.stored.makeRoom(new Set([second.stored]));
  assert.equal(first.isActive, false);
  assert.deepEqual(take(second, 21), [...range(0, 20), -1]);
  assert.equal(memory.stored.isFull, false);
  assert.equal(first.at, 3);
  fill(first, 3);
  assert.deepEqual(take(first, 10), range(3, 13));
});
