import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { SourceError } from "../../../src/contract/source.ts";
import { FeedMemory } from "../../../src/sources/kafka/feed_memory.ts";
import { PartitionFeed } from "../../../src/sources/kafka/partition_feed.ts";
import { batchOf, eventRecords, recordBytes, sealed } from "./batches.ts";

const NEVER = new AbortController().signal;
/** The number of a request. */
const REQUEST = 1;
const GZIP = 1;
const [OFFSET_OUT_OF_RANGE, NOT_LEADER, UNKNOWN_SERVER_ERROR] = [1, 6, -1] as const;

/** A feed that was given one batch of five records, from which nothing was taken. */
function filledFeed(memory = new FeedMemory(1e6, 1e6), wake = () => {}): PartitionFeed {
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, memory, wake);
  answer(feed, 0, 0, [batchOf(eventRecords(0, 5))]);
  return feed;
}

/** What the broker answers to a question for the records from an offset on. */
function answer(feed: PartitionFeed, offset: number, error: number, batches: readonly Buffer[]): void {
  const asked = { topic: "t", partition: 0, topicId: undefined, offset };
  const found = { error, end: 100, stableEnd: 100, aborted: [], batches: Buffer.concat(batches) };
  feed.answered(asked, found, REQUEST);
}

Deno.test("a feed that nobody has answered has no leader, no ends and nothing to take", () => {
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
  assert.deepEqual([feed.leader, feed.ends, feed.at], [-1, { end: 0, stableEnd: 0 }, 0]);
  assert.deepEqual([feed.isActive, feed.wanted(true), feed.next()], [false, undefined, undefined]);
});

Deno.test("who leads is taken over from brokers that know as much or more, and from others after long", () => {
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
  const after = (leader: number, epoch: number, topicId = "id") => {
    feed.follow(topicId, leader, epoch);
    return feed.leader;
  };
  assert.deepEqual([after(1, 4), after(2, 5), after(1, 4), after(-1, 5), after(3, 4), after(2, 5)], [
    ...[1, 2, 2],
    ...[-1, -1, 2],
  ]);
  for (let view = 1; view < 20; view++) assert.equal(after(1, 4), 2);
  assert.equal(after(2, 5), 2);
  for (let view = 1; view < 20; view++) assert.equal(after(1, 4), 2);
  assert.equal(after(1, 4), 1, "the cluster has come back from a backup");
  assert.equal(after(3, 0, "made anew"), 3);
  feed.follow(undefined, 2, -1);
  feed.follow(undefined, 3, -1);
  assert.equal(feed.leader, 3);
});

Deno.test("who waits for records is told at once that the topic is another one", async () => {
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
  feed.follow("id", 1, 0);
  const waits = feed.wait(9000, 0, NEVER);
  feed.follow("id", 2, 1);
  assert.equal(feed.wanted(false)?.topicId, "id");
  feed.follow("made anew", 1, 0);
  assert.equal(await waits, "elsewhere");
  assert.equal(feed.wanted(false), undefined, "an offset of the former topic is no offset of this one");
});

Deno.test("one answer is fetched ahead while another is read, and none where nobody wants it", () => {
  const feed = filledFeed();
  assert.equal(feed.wanted(true)?.offset, 5);
  assert.equal(feed.wanted(false), undefined);
  answer(feed, 5, 0, [batchOf(eventRecords(5, 10), { firstOffset: 5 })]);
  assert.equal(feed.wanted(true), undefined);
});

Deno.test("what is fetched next follows upon the last record, and at another offset upon none that is known", async () => {
  const feed = filledFeed();
  assert.equal(feed.wanted(true)!.epochBefore, 0);
  answer(feed, 5, 0, [batchOf(eventRecords(5, 7), { firstOffset: 5, epoch: 3 })]);
  while (feed.next() !== undefined);
  const waits = feed.wait(9, 0, NEVER);
  assert.equal(feed.wanted(true)!.epochBefore, 3);
  const diverged = { error: 0, end: 9, stableEnd: 9, aborted: [], batches: Buffer.alloc(0), divergedAt: 6 };
  feed.answered({ topic: "t", partition: 0, topicId: undefined, offset: 7 }, diverged, REQUEST);
  assert.deepEqual([await waits, feed.divergedAt, feed.at], ["diverged", 6, 7]);
  feed.seek(6);
  void feed.wait(9, 0, NEVER);
  assert.equal(feed.wanted(true)!.epochBefore, -1);
});

Deno.test("what is fetched again after memory was short follows upon the last record that was taken", () => {
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
  const fetch = (from: number) => {
    void feed.wait(9, 0, NEVER);
    const batches = [[0, 3], [2, 4], [4, 5], [6, 6]].filter(([first]) => first! + 2 > from);
    answer(
      feed,
      from,
      0,
      batches.map(([first, epoch]) =>
        batchOf(eventRecords(first!, first! + 2), { firstOffset: first!, epoch })
      ),
    );
  };
  const followsUpon = () => {
    feed.stored.letGo();
    void feed.wait(9, 0, NEVER);
    const { epochBefore, offset } = feed.wanted(false)!;
    return [offset, epochBefore];
  };
  assert.deepEqual(followsUpon(), [0, -1]);
  for (
    const [taken, at, epoch] of [[0, 0, -1], [1, 1, 3], [0, 1, 3], [1, 2, 3], [1, 3, 4], [5, 8, 6]] as const
  ) {
    fetch(feed.at);
    for (let record = 0; record < taken; record++) assert.ok(feed.next() !== undefined);
    assert.deepEqual(followsUpon(), [at, epoch]);
    assert.deepEqual(followsUpon(), [at, epoch], "nothing is known less for being let go again");
  }
  fetch(8);
  feed.forget();
  assert.deepEqual(followsUpon(), [8, -1]);
});

Deno.test("a partition that an answer has no room for has not ended, and is asked for again", async () => {
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
  const told = (end: number, hadRoom: boolean) => {
    const asked = { topic: "t", partition: 0, topicId: undefined, offset: 0 };
    const found = { error: 0, end, stableEnd: end, aborted: [], batches: Buffer.alloc(0) };
    feed.answered(asked, found, REQUEST, hadRoom);
  };
  let found: string | undefined;
  const waits = () => feed.wait(0, 0, NEVER).then((one) => found = one);
  const first = waits();
  told(5, false);
  await Promise.resolve();
  assert.deepEqual([found, feed.wanted(false)?.offset], [undefined, 0]);
  told(0, false);
  assert.equal(await first, "none", "it has none beyond the offset");
  const second = waits();
  told(5, true);
  assert.equal(await second, "none", "there was room");
});

Deno.test("records beyond the end that a broker tells are asked for again, and a fault when that stays", async () => {
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
  const asked = { topic: "t", partition: 0, topicId: undefined, offset: 0 };
  const told = (end: number) => {
    const found = { error: 0, end, stableEnd: end, aborted: [], batches: batchOf(eventRecords(0, 5)) };
    feed.answered(asked, found, REQUEST);
  };
  const waits = feed.wait(9, 0, NEVER);
  for (const end of [0, 4, 0]) {
    told(end);
    assert.equal(feed.wanted(false)!.offset, 0);
  }
  told(5);
  assert.equal(await waits, "records");
  feed.forget();
  const fails = assert.rejects(feed.wait(9, 0, NEVER), /up to offset 4, and says that it ends at 3/);
  for (let answers = 0; answers < 4; answers++) told(3);
  await fails;
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

Deno.test("what a reader that waits is told is what the broker answers", async () => {
  for (
    const [error, told] of [
      [0, "none"],
      [OFFSET_OUT_OF_RANGE, "gone"],
      [NOT_LEADER, "elsewhere"],
    ] as const
  ) {
    const feed = filledFeed();
    feed.seek(7);
    const found = feed.wait(3, REQUEST - 1, NEVER);
    assert.equal(feed.awaitedUntilMs, 3);
    answer(feed, 7, error, []);
    assert.equal(await found, told);
    assert.equal(feed.awaitedUntilMs, undefined);
    // Nobody waits any more, so nothing is asked for.
    assert.equal(feed.wanted(true), undefined);
  }
  const feed = filledFeed();
  feed.seek(7);
  const found = feed.wait(3, 0, NEVER);
  answer(feed, 7, UNKNOWN_SERVER_ERROR, []);
  await assert.rejects(found, new SourceError("unavailable", "partition t/0: the broker answers error -1"));
  assert.equal(feed.awaitedUntilMs, undefined);
});

Deno.test("a reader that finds records does not wait, and one that does has them fetched", async () => {
  let woken = 0;
  const feed = filledFeed(undefined, () => woken++);
  assert.equal(await feed.wait(0, 0, NEVER), "records");
  assert.deepEqual([woken, feed.awaitedUntilMs], [0, undefined]);
  feed.seek(5);
  const found = feed.wait(0, 0, NEVER);
  assert.equal(woken, 1);
  // Whether or not it may read ahead.
  assert.deepEqual(feed.wanted(false), {
    topic: "t",
    partition: 0,
    topicId: undefined,
    offset: 5,
    epochBefore: -1,
  });
  feed.settle("elsewhere");
  assert.equal(await found, "elsewhere");
});

Deno.test("reading that is called off ends the wait that it was for, and no other", async () => {
  const off = { kind: "unavailable", message: "partition t/0: reading was called off" };
  const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
  await assert.rejects(feed.wait(0, 0, AbortSignal.abort()), off);
  const calledOff = new AbortController();
  const first = feed.wait(0, 0, calledOff.signal);
  answer(feed, 0, NOT_LEADER, []);
  assert.equal(await first, "elsewhere");
  const second = feed.wait(0, 0, NEVER);
  calledOff.abort();
  assert.notEqual(feed.awaitedUntilMs, undefined);
  answer(feed, 0, 0, []);
  assert.equal(await second, "none");
  const third = new AbortController();
  const waits = feed.wait(0, 0, third.signal);
  third.abort();
  await assert.rejects(waits, off);
});

Deno.test("what was fetched is kept where reading goes on there, and let go where it goes elsewhere", () => {
  const memory = new FeedMemory(1, 1e6);
  const feed = filledFeed(memory);
  assert.deepEqual([feed.isActive, memory.stored.isFull, feed.at], [true, true, 0]);
  feed.seek(0);
  assert.deepEqual([feed.isActive, memory.stored.isFull, feed.at], [true, true, 0]);
  assert.equal(feed.next()?.offset, 0);
  assert.equal(feed.at, 1);
  feed.seek(1);
  assert.deepEqual([feed.isActive, memory.stored.isFull, feed.at], [true, true, 1]);
  feed.seek(0);
  assert.deepEqual([feed.isActive, memory.stored.isFull, feed.at], [false, false, 0]);
  // It may be fetched again, and ahead, though the last answer was an error.
  feed.failed(new SourceError("unavailable", "the broker has gone"));
  feed.forget();
  answer(feed, 0, 0, [batchOf(eventRecords(0, 5))]);
  assert.equal(feed.wanted(true)?.offset, 5);
});

Deno.test("memory holds what is stored of all answers together, until each was read", () => {
  const bytes = batchOf(eventRecords(0, 5)).length;
  for (const [room, isFull] of [[2 * bytes, true], [2 * bytes + 1, false]] as const) {
    const memory = new FeedMemory(room, 1e6);
    const feed = filledFeed(memory);
    assert.equal(memory.stored.isFull, false);
    answer(feed, 5, 0, [batchOf(eventRecords(0, 5), { firstOffset: 5 })]);
    assert.equal(memory.stored.isFull, isFull);
    for (let count = 0; count < 6; count++) assert.equal(feed.next()?.offset, count);
    assert.equal(memory.stored.isFull, false);
    assert.equal(feed.at, 6);
  }
});

Deno.test("memory holds what is unpacked until it is let go, and again once it is unpacked again", () => {
  const records = eventRecords(0, 5);
  // Room for the records of one feed.
  const memory = new FeedMemory(1e6, Buffer.concat(records.map(recordBytes)).length);
  const [one, other] = [0, 1].map(() => {
    const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, memory, () => {});
    for (const firstOffset of [0, 5]) {
      answer(feed, firstOffset, 0, [batchOf(records, { firstOffset, attributes: GZIP }, gzipSync)]);
    }
    return feed;
  }) as [PartitionFeed, PartitionFeed];
  for (const feed of [one, other, one]) {
    const { at } = feed;
    assert.equal(feed.next()?.offset, at);
    assert.equal(memory.unpacked.isFull, true);
  }
  other.forget();
  assert.equal(memory.unpacked.isFull, true, "what the first has now");
  one.forget();
  assert.equal(memory.unpacked.isFull, false);
  memory.unpacked.note({ letGo: () => {} }, Buffer.concat(records.map(recordBytes)).length - 1);
  assert.equal(memory.unpacked.isFull, false, "nothing is left");
});

Deno.test("an answer for another offset, or of another topic of the name, is none", () => {
  const feed = filledFeed();
  const batches = batchOf(eventRecords(0, 5), { firstOffset: 5 });
  const fetched = { error: 0, end: 200, stableEnd: 150, aborted: [], batches };
  const asked = { topic: "t", partition: 0, topicId: undefined, offset: 5 };
  feed.answered({ ...asked, offset: 6 }, fetched, REQUEST);
  feed.answered({ ...asked, topicId: "other" }, fetched, REQUEST);
  assert.equal(feed.ends.end, 100);
  assert.equal(feed.wanted(true)?.offset, 5);
  feed.answered(asked, fetched, REQUEST);
  assert.deepEqual([feed.ends.end, feed.ends.stableEnd], [200, 150]);
  feed.topicId = "new";
  assert.equal(feed.wanted(true), undefined);
  feed.seek(10);
  void feed.wait(0, 0, NEVER);
  assert.deepEqual(feed.wanted(true), {
    topic: "t",
    partition: 0,
    topicId: "new",
    offset: 10,
    epochBefore: -1,
  });
  feed.settle("none");
});

Deno.test("a fault among the records says where it is and what helps, and is fetched again", async () => {
  const said = {
    kind: "garbage",
    message: "partition t/0: what the broker has from offset 5 on has a batch of records whose checksum is " +
      "another one: it was damaged on its way or on disk. If that stays, look at the broker's own log. " +
      "kafka-delete-records.sh takes away what cannot be read, which then counts as lost",
  };
  const feed = filledFeed();
  const damaged = batchOf(eventRecords(0, 5), { firstOffset: 5 });
  damaged[damaged.length - 1]! ^= 1;
  answer(feed, 5, 0, [damaged]);
  for (let count = 0; count < 5; count++) assert.equal(feed.next()?.offset, count);
  assert.throws(() => feed.next(), said);
  assert.deepEqual([feed.isActive, feed.at], [false, 5]);
  const found = feed.wait(0, 0, NEVER);
  assert.equal(feed.wanted(true)?.offset, 5);
  const cut = sealed(damaged).subarray(0, 20);
  answer(feed, 5, 0, [cut]);
  await assert.rejects(
    found,
    /from offset 5 on has the beginning of a batch of records only\. If that stays/,
  );
  assert.equal(feed.isActive, false);
});
