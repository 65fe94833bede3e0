/** What one broker is asked for at once, how long it may wait, and what becomes of its answers. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SourceError } from "../../../src/contract/source.ts";
import { WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";
import { BrokerFetcher } from "../../../src/sources/kafka/broker_fetcher.ts";
import { FeedMemory } from "../../../src/sources/kafka/feed_memory.ts";
import type { KafkaCluster } from "../../../src/sources/kafka/kafka_cluster.ts";
import { PartitionFeed } from "../../../src/sources/kafka/partition_feed.ts";
import { batchOf, eventRecords } from "./batches.ts";
import { decoded } from "./scripted_broker.ts";

const NEVER = new AbortController().signal;
const NODE = 7;

interface Asked {
  readonly waitMs: number;
  readonly maxBytes: number;
  readonly topics: readonly {
    readonly partitions: readonly {
      readonly partition: number;
      readonly offset: number;
      readonly maxBytes: number;
    }[];
  }[];
}

const FORM = {
  replica: "int32",
  waitMs: "int32",
  minBytes: "int32",
  maxBytes: "int32",
  isolation: "int8",
  topics: [{
    topic: "string",
    partitions: [{ partition: "int32", offset: "int64", start: "int64", maxBytes: "int32" }],
  }],
} as const;

/** A broker whose answers a test gives, one after the other. */
class World implements Disposable {
  readonly feeds: PartitionFeed[] = [];
  readonly requests: Asked[] = [];
  mayReadAhead = false;
  nowMs = 1000;
  /** How long the next answers ask for a pause. */
  throttleMs = 0;
  readonly warnings: string[] = [];
  /** The pauses that were made, and what ends the last one. */
  readonly pauses: number[] = [];
  endPause = () => {};
  /** How often the fetcher has looked at the partitions. */
  looks = 0;
  readonly fetcher: BrokerFetcher;
  private readonly stop = new AbortController();
  private answers: ((partitions: ReadonlyMap<number, Buffer>) => void)[] = [];
  private failures: ((error: SourceError) => void)[] = [];

  constructor(
    partitions: number,
    private readonly leaderOf = (_partition: number) => NODE,
    readonly memory = new FeedMemory(),
  ) {
    const connection = {
      versionOf: () => 5,
      request: (
        _api: unknown,
        _version: number,
        write: (writer: WireWriter) => void,
        read: (reader: WireReader) => unknown,
      ) => {
        const writer = new WireWriter(false);
        write(writer);
        this.requests.push(decoded(new WireReader(writer.written, false), FORM) as unknown as Asked);
        return new Promise((resolve, reject) => {
          this.answers.push((found) => resolve(read(this.answerWith(found))));
          this.failures.push(reject);
        });
      },
    };
    const cluster = {
      name: "kafka://b/t",
      connectionTo: () => Promise.resolve(connection),
    } as unknown as KafkaCluster;
    const clock = {
      nowMs: () => 0,
      monotonicMs: () => this.nowMs,
      sleep: (ms: number, signal: AbortSignal) => {
        this.pauses.push(ms);
        return new Promise<void>((resolve) => {
          this.endPause = resolve;
          signal.addEventListener("abort", () => resolve());
        });
      },
    };
    this.fetcher = new BrokerFetcher(
      NODE,
      {
        cluster,
        clock,
        logger: { warn: (message) => this.warnings.push(message) },
        memory: this.memory,
        mayReadAhead: () => this.mayReadAhead,
        feeds: () => (this.looks++, this.feeds),
      },
      this.stop.signal,
    );
    for (let partition = 0; partition < partitions; partition++) {
      const of = { topic: "t", partition };
      const feed = new PartitionFeed(`t/${partition}`, of, this.memory, () => this.fetcher.wake());
      feed.leader = this.leaderOf(partition);
      this.feeds.push(feed);
    }
  }

  [Symbol.dispose](): void {
    this.stop.abort();
  }

  /** Lets all that is due happen. */
  async turn(): Promise<void> {
    for (let turn = 0; turn < 30; turn++) await Promise.resolve();
  }

  /** Answers the oldest request, with the records of some partitions. */
  async answer(...found: readonly (readonly [partition: number, batches: Buffer])[]): Promise<void> {
    this.failures.shift();
    this.answers.shift()!(new Map(found));
    await this.turn();
  }

  async fail(error: SourceError): Promise<void> {
    this.answers.shift();
    this.failures.shift()!(error);
    await this.turn();
  }

  /** The partitions that the last request asks for. */
  get lastAsked(): number[] {
    return this.requests.at(-1)!.topics.flatMap(({ partitions }) =>
      partitions.map(({ partition }) => partition)
    );
  }

  private answerWith(found: ReadonlyMap<number, Buffer>): WireReader {
    const writer = new WireWriter(false);
    writer.int32(this.throttleMs).array(found.size === 0 ? [] : ["t"], (topic) => {
      writer.string(topic).array([...found], ([partition, batches]) => {
        writer.int32(partition).int16(0).int64(1000).int64(1000).int64(0).array([], () => {}).block(batches);
      });
    });
    return new WireReader(writer.written, false);
  }
}

const NOTHING = Buffer.alloc(0);
const recordsAt = (firstOffset: number) => batchOf(eventRecords(0, 5), { firstOffset });

Deno.test("nothing is fetched unasked, and of what is wanted only what the broker leads", async () => {
  using world = new World(3, (partition) => partition === 1 ? 8 : NODE);
  await world.turn();
  assert.equal(world.requests.length, 0);
  const waits = world.feeds.map((feed) => feed.wait(1100, 0, NEVER));
  await world.turn();
  assert.deepEqual([world.requests.length, world.fetcher.sent, world.lastAsked], [1, 1, [0, 2]]);
  await world.answer([0, NOTHING], [2, recordsAt(0)]);
  assert.deepEqual([await waits[0], await waits[2]], ["none", "records"]);
  assert.deepEqual([world.requests.length, world.feeds[2]!.isActive], [1, true]);
  world.feeds[1]!.settle("none");
  const { looks } = world;
  await world.turn();
  assert.equal(world.looks, looks, "it looks for nothing while nothing is wanted");
});

Deno.test("a broker waits until the first reader goes, half a second at most, and less where others are busy", async () => {
  for (
    const [untilMs, isBusy, sinceMs, waitMs] of [
      [1400.9, false, 0, 400],
      [1500, false, 0, 500],
      [9000, false, 0, 500],
      [1000, false, 0, 0],
      [900, false, 0, 0],
      [9000, true, 0, 10],
      [9000, true, 19, 10],
      [9000, true, 60, 30],
      [9000, true, 5000, 500],
    ] as const
  ) {
    using world = new World(2);
    const [busy, idle] = world.feeds;
    if (isBusy) {
      void busy!.wait(9000, 0, NEVER);
      await world.turn();
      await world.answer([0, recordsAt(0)]);
      world.nowMs += sinceMs;
    }
    const waits = idle!.wait(untilMs + (isBusy ? sinceMs : 0), 0, NEVER);
    await world.turn();
    assert.equal(world.requests.at(-1)!.waitMs, waitMs, `${untilMs} ${sinceMs}`);
    await world.answer([1, NOTHING]);
    assert.equal(await waits, "none");
  }
});

Deno.test("the partitions of a source share what an answer may have", async () => {
  for (
    const [partitions, bytes] of [
      [1, 1 << 20],
      [16, 1 << 20],
      [32, 1 << 19],
      [100, 167_772],
      [256, 1 << 16],
      [
        300,
        1 << 16,
      ],
    ] as const
  ) {
    using world = new World(partitions);
    void world.feeds[0]!.wait(9000, 0, NEVER);
    await world.turn();
    const [{ maxBytes, topics }] = world.requests as [Asked];
    assert.deepEqual([maxBytes, topics[0]!.partitions[0]!.maxBytes], [8 << 20, bytes]);
    world.feeds[0]!.settle("none");
  }
});

Deno.test("each partition has its turn to be the first, since an answer may not have room for all", async () => {
  using world = new World(3);
  const seen: number[][] = [];
  void world.feeds[0]!.wait(9000, 9, NEVER);
  void world.feeds[1]!.wait(9000, 9, NEVER);
  void world.feeds[2]!.wait(9000, 9, NEVER);
  await world.turn();
  for (let round = 0; round < 4; round++) {
    seen.push(world.lastAsked);
    await world.answer([0, NOTHING], [1, NOTHING], [2, NOTHING]);
  }
  assert.deepEqual(seen, [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
  for (const feed of world.feeds) feed.settle("none");
});

Deno.test("what has records of others only has not ended, unless the partition was the first to be asked for", async () => {
  using world = new World(3);
  const found: (string | undefined)[] = [undefined, undefined, undefined];
  for (const [i, feed] of world.feeds.entries()) void feed.wait(0, 0, NEVER).then((one) => found[i] = one);
  await world.turn();
  assert.deepEqual(world.lastAsked, [0, 1, 2]);
  await world.answer([0, NOTHING], [1, recordsAt(0)], [2, NOTHING]);
  assert.deepEqual(found, ["none", "records", undefined]);
  assert.deepEqual(world.lastAsked, [2], "what was left out is asked for again");
  await world.answer([2, NOTHING]);
  assert.deepEqual(found, ["none", "records", "none"]);
});

Deno.test("what is read is fetched ahead where it may be, and there is room", async () => {
  for (const [mayReadAhead, isFull] of [[true, false], [false, false], [true, true]] as const) {
    using world = new World(1, () => NODE, isFull ? new FeedMemory(1) : undefined);
    world.mayReadAhead = mayReadAhead;
    const [feed] = world.feeds;
    const waits = feed!.wait(9000, 0, NEVER);
    await world.turn();
    await world.answer([0, recordsAt(0)]);
    assert.equal(await waits, "records");
    assert.equal(world.requests.length, mayReadAhead && !isFull ? 2 : 1);
    if (mayReadAhead && !isFull) assert.equal(world.requests[1]!.topics[0]!.partitions[0]!.offset, 5);
  }
});

Deno.test("others let go what is stored of them where an answer is too much, and not those that it is for", async () => {
  using world = new World(2);
  const [first, second] = world.feeds;
  for (const [feed, partition] of [[first!, 0], [second!, 1]] as const) {
    if (partition === 1) world.memory.stored.note({ letGo: () => {} }, 32 << 20);
    const waits = feed.wait(9000, 0, NEVER);
    await world.turn();
    await world.answer([partition, recordsAt(0)]);
    assert.equal(await waits, "records");
  }
  assert.deepEqual([first!.isActive, second!.isActive], [false, true]);
});

Deno.test("a partition that the answer leaves out is told, and a broker that cannot be asked, to all", async () => {
  using world = new World(2);
  const both = world.feeds.map((feed) => feed.wait(9000, 9, NEVER));
  await world.turn();
  const left = assert.rejects(both[1]!, {
    kind: "garbage",
    message: "t/1: the broker was asked for its records, and answers about others only",
  });
  await world.answer([0, recordsAt(0)]);
  await left;
  assert.equal(await both[0], "records");
  const third = world.feeds[1]!.wait(9000, 9, NEVER);
  await world.turn();
  const failure = new SourceError("unavailable", "it is gone");
  const fails = assert.rejects(third, failure);
  await world.fail(failure);
  await fails;
});

Deno.test("a broker that holds records back by a quota is left in peace as long as it says, and readers wait", async () => {
  using world = new World(1);
  const read = world.feeds[0]!.wait(9000, 0, NEVER);
  await world.turn();
  for (
    const [throttleMs, pauseMs, nowMs, told] of [[8000, 8000, 1000, 1], [120_000, 60_000, 9000, 1], [
      1,
      1,
      69_000,
      2,
    ]]
  ) {
    Object.assign(world, { throttleMs, nowMs });
    await world.answer();
    const { length } = world.requests;
    assert.deepEqual([world.pauses.at(-1), world.warnings.length], [pauseMs, told]);
    world.endPause();
    await world.turn();
    assert.equal(world.requests.length, length + 1, "it is asked again only after the pause");
  }
  assert.match(world.warnings[0]!, /a quota of the broker holds records back.*consumer_byte_rate/);
  world.throttleMs = 0;
  await world.answer([0, recordsAt(0)]);
  assert.equal(await read, "records");
  assert.equal(world.pauses.length, 3);
});

Deno.test("records that come with a pause are read during it", async () => {
  using world = new World(1);
  const read = world.feeds[0]!.wait(9000, 0, NEVER);
  await world.turn();
  world.throttleMs = 500;
  await world.answer([0, recordsAt(0)]);
  assert.equal(await read, "records");
  assert.deepEqual(world.pauses, [500]);
});
