/** Partitions change hands in a world where processes are killed and what they tell the group comes late. */
import assert from "node:assert/strict";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import type { GroupOffsets } from "../../../src/sources/kafka/group_offsets.ts";
import { nextStep } from "../../../src/sources/kafka/hand_over.ts";
import { type Found, metadataOf, offsetOf, readRecord } from "../../../src/sources/kafka/hand_over_record.ts";
import {
  entered,
  givenAway,
  type Holding,
  holdingText,
  rangesOf,
  readHolding,
} from "../../../src/sources/kafka/holding.ts";
import { offsetOf as offsetOfPosition } from "../../../src/state/checkpoint/partitions.ts";
import type { CommittedOffset, TopicPartition } from "../../../src/sources/kafka/offset_requests.ts";
import { PartitionShares } from "../../../src/sources/kafka/partition_shares.ts";
import { SourceError, type Withheld } from "../../../src/contract/source.ts";
import fc from "../../support/fast_check.ts";
import { testSeed } from "../../support/seed.ts";
import { SILENT } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const QUIET = SILENT;
const TOPIC = "t";
const PARTITIONS = 5;
const INSTANCES = 4;
const RECORDS = 40;
const ALL: readonly TopicPartition[] = Array.from(
  { length: PARTITIONS },
  (_, partition) => ({ topic: TOPIC, partition }),
);

/** What becomes of a commit: it arrives, it does not, its answer is lost, or it arrives late. */
type Fate = "arrives" | "fails" | "unanswered" | "late";

/** The group, as the broker has it. */
class Group {
  readonly committed = new Map<number, { offset: number; metadata: string }>();
  readonly late: (readonly CommittedOffset[])[] = [];
  fate: Fate = "arrives";

  found(of: readonly TopicPartition[]): Found[] {
    return of.map(({ partition }) => {
      const one = this.committed.get(partition);
      return readRecord(one?.offset ?? -1, one?.metadata);
    });
  }

  take(offsets: readonly CommittedOffset[]): void {
    for (const { partition, offset, metadata } of offsets) {
      this.committed.set(partition, { offset, metadata: metadata! });
    }
  }

  commit(offsets: readonly CommittedOffset[]): void {
    const { fate } = this;
    this.fate = "arrives";
    if (fate === "late") this.late.push(offsets);
    else if (fate !== "fails") this.take(offsets);
    if (fate !== "arrives") throw new SourceError("unavailable", "cut off");
  }
}

/** An instance: its state, which survives, and its process, if there is one. */
class Instance {
  private readonly disk = new Map<string, string>();
  private memory = new Map<string, Holding>();
  private shares: PartitionShares | undefined;
  private count = 1;
  /** What it has last told of partitions that others have. */
  private withheld: ReadonlyMap<string, Withheld> = new Map();

  constructor(private readonly index: number, private readonly group: Group) {}

  start(count: number): void {
    this.count = count;
    const { group, index } = this;
    const offsets = {
      fetch: (of: readonly TopicPartition[]) => Promise.resolve(group.found(of)),
      commit: (all: readonly CommittedOffset[]) => Promise.resolve().then(() => group.commit(all)),
    };
    const options = {
      bus: "bus",
      instance: `plant-${index}`,
      share: { index, count },
      takesOver: false,
      beginning: "oldest" as const,
    };
    this.memory = new Map();
    this.shares = new PartitionShares(
      options,
      { resume: this.disk, withheld: (partitions) => this.withheld = partitions, logger: QUIET },
      offsets as unknown as GroupOffsets,
      systemClock,
    );
  }

  kill(): void {
    this.shares = undefined;
  }

  async look(): Promise<void> {
    const { count, index, shares } = this;
    if (shares === undefined) return;
    await shares.tryToLook(ALL, NEVER);
    const own = ALL.filter(({ partition }) => partition % count === index);
    const missing = own.filter((of) => shares.tenureOf(of) === undefined).map((of) =>
      `${TOPIC}/${of.partition}`
    );
    const told = ALL.map(({ partition }) => partition).filter((partition) =>
      partition % count === index && this.withheld.has(`${TOPIC}/${partition}`)
    );
    assert.deepEqual(
      told.map((partition) => `${TOPIC}/${partition}`),
      missing,
      "what is not read of the share is told",
    );
  }

  /** Reads as `KafkaPartition` does. */
  read(partition: number, records: number): void {
    const of = { topic: TOPIC, partition };
    const tenure = this.shares?.tenureOf(of);
    if (tenure === undefined) return;
    const id = `${TOPIC}/${partition}`;
    const position = this.disk.get(id);
    const own = this.memory.get(id) ?? (position === undefined ? undefined : readHolding(position));
    if (own?.givenTo !== undefined && own.epoch === tenure.epoch) return;
    const holding = entered(
      own,
      tenure.epoch,
      typeof tenure.from === "number" ? tenure.from : 0,
      tenure.begun ?? 0,
    );
    const offset = Math.min(RECORDS, holding.offset + records);
    this.memory.set(
      id,
      tenure.giveTo === undefined ? { ...holding, offset } : givenAway(holding, tenure.giveTo, "id"),
    );
  }

  checkpoint(): void {
    if (this.shares === undefined) return;
    for (const [id, holding] of this.memory) {
      this.disk.set(id, holdingText(holding));
      this.shares.committed({ topic: TOPIC, partition: Number(id.split("/")[1]) }, holding);
    }
    this.memory.clear();
  }

  /** What it has counted of a partition, by its state. */
  counted(partition: number) {
    const position = this.disk.get(`${TOPIC}/${partition}`);
    return position === undefined ? [] : rangesOf(readHolding(position)!);
  }

  /** Puts a position there that a handler without INSTANCE_COUNT has left. */
  wasAlone(offset: number): void {
    for (const { partition } of ALL) this.disk.set(`${TOPIC}/${partition}`, `${offset}`);
  }
}

type Event =
  | { readonly kind: "start"; readonly who: number; readonly count: number }
  | { readonly kind: "kill" | "look" | "checkpoint"; readonly who: number }
  | { readonly kind: "read"; readonly who: number; readonly partition: number; readonly records: number }
  | { readonly kind: "fate"; readonly fate: Fate }
  | { readonly kind: "arrival" };

const who = fc.integer({ min: 0, max: INSTANCES - 1 });
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("start" as const),
      who,
      count: fc.integer({ min: 1, max: INSTANCES }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), who }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom("look" as const, "checkpoint" as const), who }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      who,
      partition: fc.integer({ min: 0, max: PARTITIONS - 1 }),
      records: fc.integer({ min: 0, max: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fate" as const),
      fate: fc.constantFrom<Fate>("fails", "unanswered", "late"),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "arrival" as const }) },
);

async function happen(one: Event, group: Group, instances: readonly Instance[]): Promise<void> {
  switch (one.kind) {
    case "fate":
      group.fate = one.fate;
      return;
    case "arrival":
      group.take(group.late.shift() ?? []);
      return;
    case "start":
      return instances[one.who]!.start(one.count);
    case "kill":
      return instances[one.who]!.kill();
    case "look":
      return await instances[one.who]!.look();
    case "checkpoint":
      return instances[one.who]!.checkpoint();
    case "read":
      return instances[one.who]!.read(one.partition, one.records);
  }
}

/** All instances run with the same count, nothing is lost any more, and everything is read. */
async function settle(count: number, group: Group, instances: readonly Instance[]): Promise<void> {
  group.fate = "arrives";
  for (const late of group.late.splice(0)) group.take(late);
  for (const instance of instances) instance.start(count);
  // A token travels over every instance at most, and each step takes a look, a read and a checkpoint.
  for (let round = 0; round < 3 * INSTANCES + 3; round++) {
    for (const instance of instances) {
      await instance.look();
      for (const { partition } of ALL) instance.read(partition, RECORDS);
      instance.checkpoint();
      await instance.look();
    }
  }
}

function assertEachOnce(instances: readonly Instance[], from = 0): void {
  for (const { partition } of ALL) {
    const ranges = instances.flatMap((instance) => instance.counted(partition))
      .sort((a, b) => a.from - b.from);
    let next = 0;
    for (const { from, to } of ranges) {
      assert.equal(from, next, `partition ${partition}: ${JSON.stringify(ranges)}`);
      next = to;
    }
    assert.equal(next, RECORDS, `partition ${partition}: ${JSON.stringify(ranges)}`);
    assert.ok(from <= next);
  }
}

Deno.test("property: whatever is killed, late or recounted, each offset is read by one instance", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 120 }),
      fc.integer({ min: 1, max: INSTANCES }),
      fc.option(fc.integer({ min: 0, max: INSTANCES - 1 }), { nil: undefined }),
      async (events, count, alone) => {
        const group = new Group();
        const instances = Array.from({ length: INSTANCES }, (_, index) => new Instance(index, group));
        // A handler that read everything becomes one of the instances, whichever it is.
        if (alone !== undefined) {
          group.take(ALL.map((of) => ({ ...of, offset: 7, metadata: "" })));
          instances[alone]!.wasAlone(7);
        }
        for (const one of events) await happen(one, group, instances);
        await settle(count, group, instances);
        assertEachOnce(instances);
      },
    ),
    { seed: testSeed(192), numRuns: 400 },
  );
});

Deno.test("a position says what was read, and survives being written", () => {
  const texts = ["0", "1600", "1600 epoch 7 read 1500", "9 epoch 2 begun 5 read 0-3,5-7,8 given 2/4"];
  texts.push(`${texts[3]} of 4iXkFdwwTOmm2G8Z0c8Gqg`);
  for (const text of texts) {
    assert.equal(holdingText(readHolding(text)!), text);
    assert.equal(offsetOfPosition(text), readHolding(text)!.offset, "as status and metrics have it");
  }
  assert.deepEqual(rangesOf(readHolding(texts[3]!)!), [
    { from: 0, to: 3 },
    { from: 5, to: 7 },
    { from: 8, to: 9 },
  ]);
  for (const text of ["", "-1", "1 epoch", "1600 epoch 7 read", "12345678901234567", "1 epoch 1 read 0 x"]) {
    assert.equal(readHolding(text), undefined, text);
  }
});

Deno.test("--take-over goes on at the group's offset, and the one that comes back sees it", () => {
  const share = { index: 1, count: 2 };
  const view = { partition: 1, instance: "plant-1", share, own: undefined, beginning: "oldest" } as const;
  const held = { epoch: 3, by: "plant-3", from: 40, begun: 7, givenTo: undefined };
  const waits = nextStep({ ...view, found: held, takesOver: false });
  assert.deepEqual(waits, { kind: "wait", why: "plant-3 has not given it away" });
  const takes = nextStep({ ...view, found: held, takesOver: true });
  assert.deepEqual(takes, { kind: "take", epoch: 4, from: 40, begun: 7 });
  const back = nextStep({
    ...view,
    instance: "plant-3",
    share: { index: 3, count: 4 },
    own: readHolding("55 epoch 3 read 0"),
    found: { epoch: 4, by: "plant-1", from: 60, begun: undefined, givenTo: undefined },
    takesOver: false,
  });
  assert.deepEqual(back, { kind: "lost", why: "plant-1 has it from offset 60 on" });
});

Deno.test("of two that have given it in the same epoch, a former topic and the present one, the one named goes on", () => {
  const share = { index: 1, count: 2 };
  const own = readHolding("40 epoch 1 begun 0 read 0 given 0/1 of former")!;
  const view = {
    partition: 1,
    instance: "plant-1",
    share,
    own,
    takesOver: false,
    beginning: "oldest",
  } as const;
  const given = { epoch: 1, by: "plant-0", from: 25, begun: 0, givenTo: share, topicId: "present" };
  assert.deepEqual(nextStep({ ...view, found: given }), {
    ...{ kind: "take", epoch: 2, from: 25, begun: 0, topicId: "present" },
  });
  for (const other of [{ givenTo: { index: 2, count: 3 } }, { by: "plant-1" }]) {
    const step = nextStep({ ...view, found: { ...given, ...other } });
    assert.deepEqual(step, { kind: "wait", why: "this instance has given it to instance 0 of 1" });
  }
});

Deno.test("what others have committed to the group is waited for, and so is a state that was emptied", () => {
  const share = { index: 0, count: 2 };
  const view = { partition: 0, instance: "plant-0", share, own: undefined, takesOver: false } as const;
  const stranger = nextStep({ ...view, found: { strangerAt: 9 }, beginning: "oldest" });
  assert.match(JSON.stringify(stranger), /read by a handler without INSTANCE_COUNT, to offset 9/);
  const emptied = { epoch: 2, by: "plant-0", from: 9, begun: 0, givenTo: undefined };
  assert.match(
    JSON.stringify(nextStep({ ...view, found: emptied, beginning: "oldest" })),
    /was it emptied\? Restore it/,
  );
});

Deno.test("what the group has is read as it was written, and nothing else is", () => {
  const records = [
    { epoch: 3, by: "Halle 7/Ä", from: 12, begun: undefined, givenTo: undefined },
    { epoch: 3, by: "plant-0", from: 12, begun: 3, givenTo: { index: 2, count: 4 } },
    { epoch: 3, by: "a b", from: 1, begun: 3, givenTo: { index: 2, count: 4 }, topicId: "4iXkFdwwTOmm" },
    { epoch: 3, by: "a b", from: 1, begun: 3, givenTo: { index: 2, count: 4 }, leaderEpoch: 0 },
    {
      ...{ epoch: 3, by: "a of leader 5 of leader", from: 1, begun: 3, givenTo: { index: 2, count: 4 } },
      ...{ topicId: "id", leaderEpoch: 2 ** 31 - 1 },
    },
    { epoch: 3, by: "oven of topic b", from: 12, begun: 3, givenTo: undefined },
    { epoch: 0, by: "plant-0", from: "newest", begun: undefined, givenTo: { index: 1, count: 4 } },
  ] as const;
  for (const record of records) assert.deepEqual(readRecord(offsetOf(record), metadataOf(record)), record);
  assert.equal(readRecord(-1, ""), undefined);
  for (const text of [undefined, "", "vabus-1 held x by a", "vabus-1 given 1 2 by a", "vabus-1 held 1 by "]) {
    assert.deepEqual(readRecord(5, text), { strangerAt: 5 }, text);
  }
  // No epoch of Kafka is so great.
  assert.deepEqual(readRecord(5, "vabus-1 given 1 0/2 by a of leader 2147483648 of topic t"), {
    ...{ epoch: 1, by: "a", from: 5, begun: undefined, givenTo: { index: 0, count: 2 }, topicId: "t" },
  });
});
