/** What an instance does, says and tells about partitions, look by look. */
import assert from "node:assert/strict";
import { SourceError, type Withheld } from "../../../src/contract/source.ts";
import type { GroupOffsets } from "../../../src/sources/kafka/group_offsets.ts";
import { type Found, type HandOverRecord, readRecord } from "../../../src/sources/kafka/hand_over_record.ts";
import { readHolding } from "../../../src/sources/kafka/holding.ts";
import type { CommittedOffset } from "../../../src/sources/kafka/offset_requests.ts";
import { PartitionShares } from "../../../src/sources/kafka/partition_shares.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const HOUR_MS = 3_600_000;
const of = (partition: number) => ({ topic: "t", partition });
const HELD: HandOverRecord = { epoch: 3, by: "plant-1", from: 40, begun: 7, givenTo: undefined };
const OWN = "40 epoch 3 begun 7 read 40";

/** Instance 1 of 2, what the group has, and a clock that a test moves. */
function rig(
  resume: Readonly<Record<string, string>> = {},
  takesOver = false,
  beginning: "oldest" | "newest" = "oldest",
) {
  const group = new Map<number, Found>();
  const log: string[] = [];
  const committed: string[] = [];
  let failure: Error | undefined;
  let withheld: ReadonlyMap<string, Withheld> = new Map();
  let sleeping: AbortSignal | undefined;
  const clock = {
    now: 0,
    nowMs: () => 0,
    monotonicMs: () => clock.now,
    sleep: (_ms: number, signal: AbortSignal) => {
      sleeping = signal;
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
  };
  const offsets = {
    fetch: (partitions: readonly { partition: number }[]) =>
      failure === undefined
        ? Promise.resolve(partitions.map(({ partition }) => group.get(partition)))
        : Promise.reject(failure),
    commit: (all: readonly CommittedOffset[]) => {
      assert.ok(all.length > 0, "a group is told something or not written to");
      for (const { partition, offset, metadata } of all) {
        committed.push(`${partition} ${offset} ${metadata}`);
        group.set(partition, readRecord(offset, metadata));
      }
      return Promise.resolve();
    },
  } as unknown as GroupOffsets;
  const logger = loggerTo(log, "info");
  const shares = new PartitionShares(
    { bus: "bus", instance: "plant-1", share: { index: 1, count: 2 }, takesOver, beginning },
    { resume: new Map(Object.entries(resume)), withheld: (partitions) => withheld = partitions, logger },
    offsets,
    clock,
  );
  return {
    shares,
    group,
    clock,
    isSleeping: () => sleeping?.aborted === false,
    fail: (error: Error | undefined) => void (failure = error),
    look: (...partitions: readonly number[]) => shares.look(partitions.map(of), NEVER),
    tryToLook: (signal = NEVER) => shares.tryToLook([of(1)], signal),
    /** What was committed, logged and withheld since the last call. */
    said: () => ({
      committed: committed.splice(0),
      log: log.splice(0).map((line) => line.replace(/^\S+ /, "")),
      withheld: [...withheld].map(([id, { why }]) => `${id}: ${why}`),
    }),
  };
}

Deno.test("what an instance has is read, and the group is told of it at first, and once an hour", async () => {
  const { look, shares, group, clock, said } = rig({ "t/1": OWN, "t/3": "nonsense" });
  group.set(1, HELD);
  assert.equal(await look(1), true);
  assert.deepEqual(shares.tenureOf(of(1)), { epoch: 3, from: undefined, begun: 7, giveTo: undefined });
  assert.deepEqual(said(), { committed: ["1 40 vabus-1 held 3 begun 7 by plant-1"], log: [], withheld: [] });
  clock.now = HOUR_MS - 1;
  assert.equal(await look(1), false);
  assert.deepEqual(said().committed, []);
  clock.now = HOUR_MS;
  await look(1);
  assert.equal(said().committed.length, 1);
  // What has moved on is told at once.
  shares.committed(of(1), readHolding("45 epoch 3 begun 7 read 40")!);
  await look(1);
  assert.deepEqual(said().committed, ["1 45 vabus-1 held 3 begun 7 by plant-1"]);
  for (const other of [{ epoch: 2 }, { givenTo: { index: 1, count: 2 }, epoch: 2 }]) {
    group.set(1, { ...HELD, from: 45, ...other });
    await look(1);
    assert.equal(said().committed.length, 1);
  }
  assert.deepEqual([shares.ownAmong([0, 1, 2, 3].map(of)), shares.ownAmong([])], [2, 0]);
});

Deno.test("what is another's is given away, and what was given is not read any more", async () => {
  const { look, shares, group, said } = rig({ "t/2": OWN });
  group.set(2, HELD);
  assert.equal(await look(2), true);
  const giveTo = { index: 0, count: 2 };
  assert.deepEqual(shares.tenureOf(of(2)), { epoch: 3, from: undefined, begun: 7, giveTo });
  assert.match(
    said().log.join(),
    /^INFO +the partition is given to instance 0 of 2 bus="bus" partition="t\/2"/,
  );
  shares.committed(of(2), readHolding(`${OWN} given 0/2`)!);
  assert.equal(await look(2), true);
  assert.equal(shares.tenureOf(of(2)), undefined);
  assert.deepEqual(said().committed, ["2 40 vabus-1 given 3 0/2 begun 7 by plant-1"]);
  assert.equal(await look(2), false);
  assert.deepEqual(said(), { committed: [], log: [], withheld: [] });
});

Deno.test("what is given to an instance is taken, and given on where it is another's", async () => {
  const { look, shares, group, said } = rig();
  group.set(1, { ...HELD, by: "plant-0", givenTo: { index: 1, count: 2 } });
  group.set(2, { ...HELD, by: "plant-9", givenTo: { index: 1, count: 3 } });
  assert.equal(await look(1, 2), true);
  assert.deepEqual(shares.tenureOf(of(1)), { epoch: 4, from: 40, begun: 7, giveTo: undefined });
  assert.deepEqual(shares.tenureOf(of(2))?.giveTo, { index: 0, count: 2 });
  const { committed, log } = said();
  assert.deepEqual([committed, log.length], [[], 2]);
  assert.match(
    log[0]!,
    /read here from now on, from 40 on; ids of events that others have read are not known/,
  );
  await look(1, 2);
  assert.deepEqual(said().log, []);
  const { look: begin, shares: own, said: begun } = rig({}, true);
  await begin(1);
  assert.deepEqual(own.tenureOf(of(1)), { epoch: 1, from: "oldest", begun: undefined, giveTo: undefined });
  assert.match(begun().log[0]!, /from now on, from oldest on bus=/);
});

Deno.test("a partition that is added begins at its oldest record, wherever the first ones begin", async () => {
  const { look, shares } = rig({}, true, "newest");
  for (const partitions of [[1], [1, 3]]) {
    await look(...partitions);
    assert.equal(shares.tenureOf(of(1))?.from, "newest");
  }
  assert.equal(shares.tenureOf(of(3))?.from, "oldest");
});

Deno.test("what is waited for or lost is told once, and withheld as long as it is so", async () => {
  const { look, shares, group, said } = rig({ "t/3": OWN });
  group.set(1, { ...HELD, by: "plant-9" });
  group.set(3, { ...HELD, by: "plant-9", epoch: 5 });
  await look(0, 1, 3);
  const { log, withheld } = said();
  assert.deepEqual(withheld, [
    "t/1: plant-9 has not given it away",
    "t/3: plant-9 has it from offset 40 on",
  ]);
  assert.match(log[0]!, /^INFO +the partition is waited for: plant-9 has not given it away/);
  assert.match(
    log[1]!,
    /^ERROR +another instance reads this partition: plant-9 has it from offset 40 on\. Nothing more/,
  );
  assert.deepEqual([shares.tenureOf(of(1)), shares.tenureOf(of(3)), log.length], [undefined, undefined, 2]);
  await look(0, 1, 3);
  assert.deepEqual(said(), { committed: [], log: [], withheld });
  group.set(1, { ...HELD, by: "plant-8" });
  await look(1);
  assert.equal(said().log.length, 1);
});

Deno.test("a partition that comes back after it was given on is told of, until somebody reads it", async () => {
  const { look, group, said } = rig();
  const comes = (epoch: number) =>
    void group.set(2, { ...HELD, by: "plant-9", epoch, givenTo: { index: 1, count: 3 } });
  comes(3);
  for (let time = 0; time < 2; time++) await look(2);
  assert.deepEqual([said().withheld, said().log], [[], []], "a change of the number does that once");
  const why = "plant-9 gives it to instance 1 of 3, and here it belongs to instance 0 of 2: start all " +
    "instances with the same INSTANCE_COUNT";
  comes(5);
  await look(2);
  const { log, withheld } = said();
  assert.deepEqual([withheld, log.length], [[`t/2: ${why}`], 1]);
  assert.ok(log[0]!.startsWith("WARN") && log[0]!.includes(`nobody reads this partition: ${why}`), log[0]);
  comes(7);
  await look(2);
  assert.deepEqual(said(), { committed: [], log: [], withheld });
  for (const settled of [{ ...HELD, by: "plant-0", epoch: 8 }, undefined]) {
    group.set(2, settled);
    await look(2);
    assert.deepEqual(said().withheld, []);
    comes(9);
    await look(2);
    assert.deepEqual(said().withheld, []);
  }
});

Deno.test("what another instance takes while it is read is not read any more", async () => {
  const { look, shares, group } = rig({ "t/1": OWN });
  group.set(1, HELD);
  assert.equal(await look(1), true);
  group.set(1, { ...HELD, by: "plant-9", epoch: 4 });
  assert.equal(await look(1), true, "other partitions are to be read");
  assert.equal(shares.tenureOf(of(1)), undefined);
  assert.equal(await look(1), false);
});

Deno.test("a group that cannot be asked is told of once, until it can", async () => {
  const first = rig();
  first.fail(new SourceError("unavailable", "away"));
  assert.equal(await first.tryToLook(), false);
  assert.equal(first.said().log.length, 1, "also where it was never reached");
  const { fail, said, tryToLook } = rig();
  fail(new SourceError("unavailable", "away"));
  assert.equal(await tryToLook(AbortSignal.abort()), false);
  assert.deepEqual(said().log, []);
  fail(undefined);
  await tryToLook();
  said();
  fail(new SourceError("unavailable", "away"));
  for (let time = 0; time < 3; time++) assert.equal(await tryToLook(), false);
  const { log } = said();
  assert.equal(log.length, 1);
  assert.match(log[0]!, /^WARN +no partition can be handed over now: away bus="bus"/);
  fail(undefined);
  await tryToLook();
  fail(new SourceError("unavailable", "away"));
  await tryToLook();
  assert.equal(said().log.length, 1);
  const bug = new TypeError("a bug");
  fail(bug);
  await assert.rejects(tryToLook(), bug);
});

Deno.test("a rest ends when something was given away, and with its signal", async () => {
  const { shares, isSleeping } = rig();
  const over = new AbortController();
  const first = shares.rest(1000, over.signal);
  shares.committed(of(1), readHolding(OWN)!);
  assert.equal(isSleeping(), true);
  shares.committed(of(1), readHolding(`${OWN} given 0/2`)!);
  await first;
  const second = shares.rest(1000, over.signal);
  assert.equal(isSleeping(), true);
  over.abort();
  await second;
});
