/** What a read of a partition leads to, by what its brokers, its state and other instances say. */
import assert from "node:assert/strict";
import type { Outcome, Progress, SourceContext } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { FeedMemory } from "../../../src/sources/kafka/feed_memory.ts";
import type { Holding } from "../../../src/sources/kafka/holding.ts";
import { KafkaPartition } from "../../../src/sources/kafka/kafka_partition.ts";
import { type Found, PartitionFeed } from "../../../src/sources/kafka/partition_feed.ts";
import type { PartitionSurroundings } from "../../../src/sources/kafka/partition_surroundings.ts";
import { batchOf, eventRecords } from "./batches.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const OF = { topic: "t", partition: 3 };
const LINEAGE = "kafka id/3";
const [OLDEST, END] = [10, 50];
const IDLE = { kind: "idle", lineage: LINEAGE, offset: undefined, lost: 0, decodeMs: 0 } as const;

interface World extends Partial<PartitionSurroundings> {
  readonly startsAtEnd?: boolean;
  readonly lineages?: SourceContext["lineages"];
  readonly topicId?: string | undefined;
  /** What waits find, one after the other; then nothing. */
  readonly found?: Found[];
}

/** A partition in a world that does as it is told. */
function rig({ startsAtEnd = false, lineages, found = [], ...world }: World = {}) {
  const log: string[] = [];
  const asked: string[] = [];
  let nowMs = 1000;
  const clock = {
    nowMs: () => 7,
    monotonicMs: () => nowMs,
    sleep: (ms: number) => {
      asked.push(`sleep ${ms}`);
      return Promise.resolve();
    },
  };
  const feed = new PartitionFeed("partition t/3", OF, new FeedMemory(1e6, 1e6), () => {});
  feed.topicId = "topicId" in world ? world.topicId : "id";
  const committed: Holding[] = [];
  const context: SourceContext = {
    resume: new Map(),
    changed: () => {},
    arrived: () => {},
    heardTime: () => {},
    withheld: () => {},
    mayReadAhead: () => true,
    lineages: lineages ?? { readerOf: () => undefined, isKnown: () => false },
    clock,
    logger: loggerTo(log, "info"),
  };
  const partition = new KafkaPartition(OF, feed, startsAtEnd, {
    context,
    reader: undefined,
    endsWhenRead: false,
    wait: (_feed, untilMs) => {
      asked.push(`wait ${untilMs}`);
      const next = found.shift() ?? "none";
      if (next === "none") nowMs = untilMs;
      return Promise.resolve(next);
    },
    refresh: () => {
      asked.push("refresh");
      return Promise.resolve();
    },
    offsetOf: (_feed, _of, wanted) => {
      asked.push(wanted);
      return Promise.resolve({ offset: wanted === "oldest" ? OLDEST : END });
    },
    tenureOf: () => undefined,
    committed: (_of, holding) => committed.push(holding),
    ...world,
  });
  const batch = new EventBatch();
  return {
    partition,
    feed,
    log,
    asked,
    committed,
    batch,
    read(
      position: string | undefined,
      lineage: string | null = LINEAGE,
      waitMs = 200,
    ): Promise<Outcome> {
      const from: Progress = { lineage: lineage ?? undefined, position, history: new LogHistory() };
      return partition.read(from, batch, { limit: 10, waitMs, isAfterRest: false }, NEVER);
    },
    /** Gives the feed five events from its offset on, which a leader of that epoch has written. */
    fill(epoch = 0): void {
      const offset = feed.at;
      const batches = batchOf(eventRecords(offset, offset + 5), { firstOffset: offset, epoch });
      const fetched = { error: 0, end: 100, stableEnd: 90, aborted: [], batches };
      feed.answered({ ...OF, topicId: feed.topicId, offset }, fetched, 1);
    },
  };
}

const tenure = (some: Partial<Exclude<ReturnType<PartitionSurroundings["tenureOf"]>, "none">>) => () => ({
  epoch: 2,
  from: undefined,
  begun: undefined,
  giveTo: undefined,
  ...some,
});

Deno.test("a read begins where the state says, or where the source is to begin, and waits as long as it may", async () => {
  for (
    const [position, startsAtEnd, next, questions] of [
      ["20", false, "20", ["wait 1200"]],
      ["20", true, "20", ["wait 1200"]],
      [undefined, false, "10", ["oldest", "wait 1200"]],
      [undefined, true, "50", ["end", "wait 1200"]],
    ] as const
  ) {
    const { read, asked } = rig({ startsAtEnd });
    assert.deepEqual(await read(position), { ...IDLE, next });
    assert.deepEqual(asked, questions);
  }
  // A wait that ends before its time with nothing is gone on with.
  const early = rig();
  let waits = 0;
  const impatient = rig({ wait: () => Promise.resolve(++waits < 3 ? "none" : "gone") });
  await impatient.read("20").catch(() => {});
  assert.equal(waits, 3);
  // Records that come when the time is over are taken all the same.
  const late = rig({
    wait: () => {
      late.fill();
      return Promise.resolve("records");
    },
  });
  const outcome = await late.read("20", LINEAGE, 0);
  assert.deepEqual({ ...outcome, decodeMs: 0 }, { ...IDLE, kind: "events", next: "25 leader 0" });
  assert.deepEqual(await early.read("0", LINEAGE, 0), { ...IDLE, next: "0" });
});

Deno.test("records that are there are taken, and where they end is told", async () => {
  const { read, fill, feed, batch, asked, partition } = rig();
  feed.seek(20);
  fill();
  const outcome = await read("20");
  assert.deepEqual({ ...outcome, decodeMs: 0 }, { ...IDLE, kind: "events", next: "25 leader 0" });
  assert.ok("decodeMs" in outcome && outcome.decodeMs === 0);
  assert.deepEqual([batch.count, asked], [5, []]);
  assert.deepEqual(["25", "90", "95", "x"].map((position) => partition.unreadAfter(position)), [
    65,
    0,
    0,
    undefined,
  ]);
  assert.equal(rig().partition.unreadAfter("0"), undefined);
  assert.deepEqual([partition.id, partition.replay], ["t/3", "from-position"]);
});

Deno.test("who leads the partition is looked for three times, and then it is given up", async () => {
  const elsewhere = Array<Found>(4).fill("elsewhere");
  const three = rig({ found: elsewhere.slice(1) });
  assert.deepEqual(await three.read("20"), { ...IDLE, next: "20" });
  assert.deepEqual(three.asked.filter((one) => one === "refresh").length, 3);
  await assert.rejects(rig({ found: elsewhere }).read("20"), {
    kind: "unavailable",
    message: "partition t/3: its brokers do not agree on who leads it",
  });
});

Deno.test("where the offset is gone, it is gone on where the partition has records", async () => {
  const gone = (position: string, oldest = OLDEST, end = END) => {
    const it = rig({
      found: ["gone"],
      offsetOf: (_feed, _of, wanted) => Promise.resolve({ offset: wanted === "oldest" ? oldest : end }),
    });
    return { ...it, outcome: it.read(position) };
  };
  const { kind: _kind, decodeMs: _decodeMs, ...step } = IDLE;
  assert.deepEqual(await gone("7").outcome, { ...step, kind: "gap", next: "10", lost: 3 });
  const { lost: _lost, ...returned } = step;
  const ahead = gone("51");
  assert.deepEqual(await ahead.outcome, { ...returned, kind: "returned", next: "50", doubtful: 0 });
  assert.match(
    ahead.log.join(),
    /ends before what was read of it.*unclean\.leader\.election.*read_to=51 end=50/,
  );
  for (const position of ["10", "30", "50"]) {
    await assert.rejects(gone(position).outcome, {
      kind: "unavailable",
      message: `partition t/3: it denies its offset ${position}, which lies before its end`,
    });
  }
  await assert.rejects(gone("7", 9, 8).outcome, {
    kind: "garbage",
    message: "partition t/3: its brokers say that it goes from offset 9 to 8",
  });
  assert.deepEqual(await gone("7", 8, 8).outcome, { ...step, kind: "gap", next: "8", lost: 1 });
  const denied = rig({ found: ["gone"], offsetOf: () => Promise.resolve({ error: 29 }) });
  await assert.rejects(denied.read("7"), /partition t\/3: the broker answers TOPIC_AUTHORIZATION_FAILED/);
});

Deno.test("where the partition has other records than were read, it is gone on where they begin", async () => {
  for (const [divergedAt, next] of [[15, "15"], [20, "20"], [99, "20"]] as const) {
    const { feed, log, read } = rig({ found: ["diverged"] });
    feed.divergedAt = divergedAt;
    const returned = { kind: "returned", lineage: LINEAGE, next, offset: undefined, doubtful: 0 };
    assert.deepEqual(await read("20"), returned);
    assert.match(log.join(), /a broker that was behind has taken over.*read_to=20/);
  }
});

Deno.test("a position has the epoch that its record is of, and a start asks whether that record is still there", async () => {
  const { feed, fill, read } = rig();
  const asked = () => {
    void feed.wait(9, 0, NEVER);
    const { epochBefore, offset } = feed.wanted(false)!;
    return [offset, epochBefore];
  };
  assert.deepEqual(await read("20 leader 4"), { ...IDLE, next: "20 leader 4" }, "nothing is known less");
  assert.deepEqual(asked(), [20, 4]);
  assert.deepEqual(await read("25"), { ...IDLE, next: "25" }, "an earlier version has written the position");
  assert.deepEqual(asked(), [25, -1]);
  fill(6);
  const taken = await read("25");
  assert.deepEqual([taken.kind, "next" in taken && taken.next], ["events", "30 leader 6"]);
  // Where it goes on at another offset, the record before that is none that was read.
  const diverged = rig({ found: ["diverged"] });
  diverged.feed.divergedAt = 15;
  const back = await diverged.read("20 leader 4 epoch 2 begun 0 read 0-5,7");
  assert.deepEqual(["next" in back && back.next], ["15 epoch 2 begun 0 read 0-5,7"]);
  const gone = await rig({ found: ["gone"] }).read("3 leader 4");
  assert.deepEqual(["next" in gone && gone.next], [`${OLDEST}`]);
});

Deno.test("a topic is told by its id, and one that is another now is not read on", async () => {
  const lineages = (is: { reader?: unknown; known?: boolean }) =>
    ({ readerOf: () => is.reader, isKnown: () => is.known ?? false }) as unknown as SourceContext["lineages"];
  const moved = rig({ lineages: lineages({ known: true }) });
  assert.deepEqual(await moved.read("20", "kafka other/3"), { kind: "moved", lineage: LINEAGE });
  assert.match(moved.log.join(), /read at another address/);
  const reader = (lineage: string) => ({ name: "kafka://other", lineageNow: () => Promise.resolve(lineage) });
  const exchanged = rig({ lineages: lineages({ reader: reader("kafka new/3") }) });
  assert.deepEqual(await exchanged.read("20", "kafka other/3"), { kind: "exchanged", lineage: LINEAGE });
  await assert.rejects(rig({ lineages: lineages({ reader: reader(LINEAGE) }) }).read("20", "kafka other/3"), {
    kind: "garbage",
    message: "partition t/3: it is the same as kafka://other: name this topic only once in VABUS_URL",
  });
  // One that was never read, of a topic that nobody knows, is begun.
  assert.deepEqual(await rig().read("20", null), { ...IDLE, next: "20" });
  // Brokers that tell no ids: the state keeps what it has.
  assert.deepEqual(await rig({ topicId: undefined }).read("20", null), {
    ...IDLE,
    lineage: undefined,
    next: "20",
  });
  assert.deepEqual(await rig({ topicId: undefined }).read("20"), { ...IDLE, next: "20" });
  const looking = rig();
  assert.equal(await looking.partition.lineageNow(NEVER), LINEAGE);
  assert.deepEqual(looking.asked, ["refresh"]);
  await assert.rejects(rig({ topicId: undefined }).partition.lineageNow(NEVER), {
    kind: "unavailable",
    message: "partition t/3: its brokers do not tell the topic's id",
  });
});

Deno.test("a topic that was made anew begins a history of its own, in the epoch that it is held in", async () => {
  const { read, feed, fill, log } = rig();
  fill();
  feed.ends = { end: 30, stableEnd: 30 };
  const outcome = await read("25 epoch 4 begun 0 read 0-5,20", "kafka other/3");
  assert.deepEqual(outcome, {
    kind: "restarted",
    lineage: LINEAGE,
    next: "10 epoch 4 begun 10 read 10",
    offset: undefined,
    lost: 15,
  });
  assert.deepEqual([feed.isActive, feed.ends], [false, { end: 0, stableEnd: 0 }]);
  assert.match(log.join(), /deleted and made again/);
});

Deno.test("a topic that is made again during a read is read from its oldest record, whatever was found of it", async () => {
  const again = { kind: "restarted", lineage: "kafka new/3", next: `${OLDEST}`, offset: undefined } as const;
  for (const found of ["gone", "records", "none", "diverged", "elsewhere"] as const) {
    const made = rig({
      wait: () => {
        made.feed.topicId = "new";
        return Promise.resolve(found);
      },
    });
    assert.deepEqual(await made.read("20"), { ...again, lost: OLDEST }, found);
    assert.doesNotMatch(made.log.join(), /ends before/);
  }
  // It is found when the partition is asked how far it goes.
  const late = rig({
    found: ["gone"],
    offsetOf: (feed, _of, wanted) => {
      feed.topicId = "new";
      return Promise.resolve({ offset: wanted === "oldest" ? OLDEST : END });
    },
  });
  assert.deepEqual(await late.read("60"), { ...again, lost: OLDEST });
  assert.doesNotMatch(late.log.join(), /ends before/);
});

Deno.test("a topic that is made again during its first read is begun where the new one begins", async () => {
  const made = rig({
    found: ["elsewhere"],
    refresh: () => {
      made.feed.topicId = "new";
      return Promise.resolve();
    },
    offsetOf: ({ topicId }) => Promise.resolve({ offset: topicId === "new" ? OLDEST : END }),
  });
  assert.deepEqual(await made.read(undefined, null), { ...IDLE, lineage: "kafka new/3", next: `${OLDEST}` });
  // Of two brokers one knows the new topic and the other one does not.
  let looks = 0;
  const disputed = rig({
    wait: () => Promise.resolve("elsewhere"),
    refresh: () => {
      assert.ok(++looks < 100, "it looks for ever");
      disputed.feed.topicId = `topic ${looks % 2}`;
      return Promise.resolve();
    },
  });
  await assert.rejects(disputed.read(undefined, null), { kind: "unavailable" });
});

Deno.test("a position that is none of Kafka is refused", async () => {
  for (const position of ["q1 5", "5 leader", "5 leader -1", "5 leader 2147483648", "5 epoch 1 leader 2"]) {
    await assert.rejects(rig().read(position), {
      kind: "refused",
      message:
        `partition t/3: the state says that it was read to ${position}, which is no offset: was it another ` +
        "bus before? Give this one another URL, or the handler another STATE_DIR",
    });
  }
});

Deno.test("a new epoch begins where the partition was given, and one that goes on where it is", async () => {
  for (
    const [position, given, next] of [
      [undefined, { from: 33, begun: 5 }, "33 epoch 2 begun 5 read 33"],
      [undefined, { from: 33 }, "33 epoch 2 read 33"],
      [undefined, { from: "oldest" }, "10 epoch 2 begun 10 read 10"],
      [undefined, { from: "newest" }, "50 epoch 2 begun 50 read 50"],
      [undefined, {}, "10 epoch 2 begun 10 read 10"],
      ["20", { from: 33 }, "33 epoch 2 begun 0 read 0-20,33"],
      ["20 epoch 1 begun 4 read 15", { from: 33, begun: 4 }, "33 epoch 2 begun 4 read 15-20,33"],
      [undefined, { from: 33, leaderEpoch: 7 }, "33 leader 7 epoch 2 read 33"],
      ["20 leader 3 epoch 1 begun 4 read 15", { from: 33 }, "33 epoch 2 begun 4 read 15-20,33"],
      ["20 epoch 2 begun 4 read 15", { from: 33, begun: 4 }, "20 epoch 2 begun 4 read 15"],
      ["20 epoch 3 begun 4 read 15", { from: 33, begun: 4 }, "20 epoch 3 begun 4 read 15"],
      // What this instance has read itself does not come again, wherever others say that it goes on.
      ["20 leader 3 epoch 1 begun 4 read 15", { from: 12 }, "20 leader 3 epoch 2 begun 4 read 15-20,20"],
    ] as const
  ) {
    const outcome = await rig({ tenureOf: tenure(given) }).read(position);
    assert.deepEqual(outcome, { ...IDLE, next }, `${position}`);
  }
});

Deno.test("records without a value, fetched alone, hold up nothing behind them", async () => {
  const asked: number[] = [];
  const { batch, read } = rig({
    wait: (feed) => {
      const offset = feed.at;
      asked.push(offset);
      assert.ok(asked.length < 9, `it is read again and again: ${asked}`);
      const records = offset === 20 ? [{ offsetDelta: 0, key: new Uint8Array([1]) }] : eventRecords(21, 23);
      const batches = batchOf(records, { firstOffset: offset });
      const fetched = { error: 0, end: 100, stableEnd: 90, aborted: [], batches };
      feed.answered({ ...OF, topicId: feed.topicId, offset }, fetched, 1);
      return Promise.resolve("records");
    },
  });
  const outcome = await read("20");
  assert.deepEqual([outcome.kind, "next" in outcome && outcome.next], ["events", "23 leader 0"]);
  assert.deepEqual([batch.total, asked], [2, [20, 21]]);
});

Deno.test("what was given of a topic that was made again since is read from its oldest record", async () => {
  const given = (topicId: string, here?: string) =>
    rig({ tenureOf: tenure({ from: 33, begun: 5, topicId }), topicId: here });
  const same = given("id", "id");
  assert.deepEqual(await same.read(undefined, null), { ...IDLE, next: "33 epoch 2 begun 5 read 33" });
  const another = given("former", "id");
  assert.deepEqual(await another.read(undefined, null), { ...IDLE, next: "10 epoch 2 begun 10 read 10" });
  assert.deepEqual([same.log.length, another.log.length], [0, 1]);
  assert.match(another.log[0]!, /the topic was deleted and made again: going on at its oldest record/);
  const begun = given("former", "id");
  assert.deepEqual(await begun.read("20 leader 3 epoch 1 begun 4 read 15"), {
    ...IDLE,
    next: "20 leader 3 epoch 2 begun 4 read 15-20,20",
  }, "what was read of the new one does not come again");
  assert.deepEqual(begun.log, []);
  const untold = await given("former").read(undefined, null);
  assert.deepEqual(untold, { ...IDLE, lineage: undefined, next: "33 epoch 2 begun 5 read 33" });
});

Deno.test("what was given away before its topic was made again is no loss of who gave it", async () => {
  const { read, fill, feed } = rig({ tenureOf: tenure({}) });
  fill();
  feed.ends = { end: 30, stableEnd: 30 };
  const outcome = await read("20 epoch 1 begun 0 read 15 given 1/4 of other", "kafka other/3");
  assert.ok("lost" in outcome && outcome.kind === "restarted");
  assert.equal(outcome.lost, OLDEST);
});

Deno.test("a partition that is to be given away is read no further, and waits once it is said", async () => {
  const giveTo = { index: 1, count: 4 };
  const { read, asked, feed, fill } = rig({ tenureOf: tenure({ giveTo }) });
  feed.seek(20);
  fill();
  const given = "20 epoch 2 begun 0 read 15 given 1/4 of id";
  assert.deepEqual(await read("20 epoch 2 begun 0 read 15"), { ...IDLE, next: given });
  assert.deepEqual(asked, []);
  assert.deepEqual(await read(given), { ...IDLE, next: given });
  assert.deepEqual(asked, ["sleep 200"]);
  const none = rig({ tenureOf: () => "none" });
  assert.deepEqual(await none.read("20"), { ...IDLE, next: "20" });
  assert.deepEqual(none.asked, ["sleep 200"]);
});

Deno.test("what is on disk is told of, with how it is held", async () => {
  const { partition, committed } = rig();
  const history = new LogHistory();
  for (const position of [undefined, "nonsense", "20 epoch 2 begun 0 read 15"]) {
    await partition.committed({ lineage: LINEAGE, position, history });
  }
  assert.deepEqual(committed.map(({ offset, epoch, since }) => [offset, epoch, since]), [[20, 2, 15]]);
});
