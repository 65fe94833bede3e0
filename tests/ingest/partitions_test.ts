/** Sources of several partitions, which come and go. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import fc from "../support/fast_check.ts";
import { readPartitions } from "../../src/state/checkpoint/partitions.ts";
import { leaveRequest, readDeadLetters } from "../../src/state/letters/dead_letters.ts";
import { readStatus } from "../../src/control/status.ts";
import { AcknowledgedBus } from "../contract/toy/acknowledged_bus.ts";
import { PartedBus } from "../contract/toy/parted_bus.ts";
import { MemorySource, openRig, outboxRows, type Rig } from "./rig.ts";

const NOW_MS = 1_767_225_600_000;
const NOW_S = NOW_MS / 1000;
const NEVER = new AbortController().signal;
const FLAGS = { MAX_FUTURE_SKEW: "86400", CHECKPOINT_INTERVAL: "3600" };

const event = (name: string, second = 0) => ({ name, value: 1, timestamp: NOW_S + second });

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-partitions-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A rig of one source of the bus, whose sleepers let everybody else go on. */
function openWith(directory: string, bus: PartedBus, flags: Record<string, string> = {}) {
  const source = bus.createSource();
  const rig = openRig(directory, [source], NOW_MS, { ...FLAGS, ...flags });
  const { clock } = rig;
  clock.sleep = async (ms) => {
    clock.ms += ms;
    await turn();
  };
  return { ...rig, [Symbol.dispose]: () => rig[Symbol.dispose](), source, books: rig.core.aggregator.books };
}

/** Lets all that is ready to go on do so. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function drain(rig: Rig): Promise<void> {
  for (const reader of rig.readers) assert.deepEqual(await reader.drain(NEVER), { drained: true });
  assert.equal(rig.core.ingest.checkpointNow(), true);
}

function positions({ core }: Rig): Record<string, string | null> {
  return Object.fromEntries(
    readPartitions(core.state).map(({ partition, position }) => [partition, position]),
  );
}

/** Runs the reader of the only source until `isDone`, which is looked at whenever a read begins. */
async function runUntil(rig: Rig, bus: PartedBus, isDone: () => boolean): Promise<void> {
  const stop = new AbortController();
  const running = rig.readers[0]!.run(stop.signal);
  while (!isDone()) await turn();
  stop.abort();
  await running;
  assert.equal(bus.reads.now, 0);
}

Deno.test("each partition of a source has a position of its own, in the source's words, across restarts", () =>
  inDirectory(async (directory) => {
    const bus = new PartedBus("parted://bus", "0", "1", "2");
    bus.publish("0", event("a"), event("b"));
    bus.publish("2", event("c"));
    {
      using rig = openRig(directory, [bus.createSource()], NOW_MS, FLAGS);
      await drain(rig);
      assert.deepEqual(positions(rig), { "0": "after 2", "1": null, "2": "after 1" });
    }
    bus.publish("1", event("d"));
    bus.publish("2", event("e"));
    const source = bus.createSource();
    using rig = openRig(directory, [source], NOW_MS, FLAGS);
    await drain(rig);
    assert.deepEqual([...source.resume], [["0", "after 2"], ["2", "after 1"]]);
    assert.deepEqual(positions(rig), { "0": "after 2", "1": "after 1", "2": "after 2" });
    assert.equal(rig.core.aggregator.books.aggregated, 5);
    const { partitions } = readStatus(rig.core.state, NOW_MS).buses[0]!;
    assert.deepEqual(
      partitions.map(({ partition, position, nextOffset }) => [partition, position, nextOffset]),
      [["0", "after 2", undefined], ["1", "after 1", undefined], ["2", "after 2", undefined]],
    );
  }));

Deno.test("partitions that come are read, those that go are not, and one that comes back goes on where it was left", () =>
  inDirectory(async (directory) => {
    const bus = new PartedBus("parted://bus", "0", "1");
    bus.publish("0", event("a"));
    bus.publish("1", event("b"), event("c"));
    using rig = openWith(directory, bus);
    await runUntil(rig, bus, () => rig.books.aggregated === 3);
    bus.change("0", "new");
    bus.publish("new", event("d"));
    await runUntil(rig, bus, () => rig.books.aggregated === 4);
    rig.core.ingest.checkpointNow();
    assert.deepEqual(positions(rig), { "0": "after 1", "1": "after 2", new: "after 1" });
    assert.deepEqual([...rig.source.durable], [["0", "after 1"], ["1", "after 2"], ["new", "after 1"]]);
    bus.change("1");
    bus.publish("1", event("e"));
    await runUntil(rig, bus, () => rig.books.aggregated === 5);
    assert.deepEqual(rig.core.ingest.partitions.flatMap((state) => state?.name ?? []), [
      "parted://bus partition 1",
    ]);
    rig.core.ingest.checkpointNow();
    assert.deepEqual(positions(rig), { "0": "after 1", "1": "after 3", new: "after 1" });
  }));

Deno.test("a partition that replaces another one is read only when the read of that one has ended", () =>
  inDirectory(async (directory) => {
    const bus = new PartedBus("parted://bus", "0");
    using rig = openWith(directory, bus);
    const stop = new AbortController();
    const running = rig.readers[0]!.run(stop.signal);
    const held = bus.hold();
    while (bus.reads.now === 0) await turn();
    bus.publish("0", event("a"));
    bus.change();
    bus.change("0");
    for (let i = 0; i < 20; i++) await turn();
    assert.equal(bus.reads.now, 1);
    held.resolve();
    while (rig.books.aggregated === 0) await turn();
    assert.equal(bus.reads.most, 1);
    stop.abort();
    await running;
    assert.equal(rig.books.aggregated, 1);
  }));

Deno.test("what a partition that has gone away has handed over is told to it as durable after the next checkpoint", () =>
  inDirectory(async (directory) => {
    const bus = new PartedBus("parted://bus", "0", "1");
    bus.publish("1", event("a"));
    using rig = openWith(directory, bus);
    await runUntil(rig, bus, () => rig.books.aggregated === 1);
    bus.change("0");
    await runUntil(rig, bus, () => rig.core.ingest.sources[0]!.partitions.size === 1);
    assert.equal(rig.source.durable.get("1"), undefined);
    rig.core.ingest.checkpointNow();
    assert.equal(rig.source.durable.get("1"), "after 1");
    assert.deepEqual(positions(rig), { "0": null, "1": "after 1" });
  }));

Deno.test("a window waits for each partition, and not for one that has gone away", () =>
  inDirectory(async (directory) => {
    const bus = new PartedBus("parted://bus", "0", "1");
    using rig = openWith(directory, bus, { IDLE_TIMEOUT: "86400" });
    const { ingest } = rig.core;
    rig.clock.ms = NOW_MS + 100_000;
    bus.publish("0", event("a", 1), event("a", 60));
    bus.publish("1", event("b", 2));
    await runUntil(rig, bus, () => rig.books.aggregated === 3);
    ingest.checkpointNow();
    assert.deepEqual(outboxRows(rig), []);
    bus.change("0");
    await runUntil(rig, bus, () => ingest.sources[0]!.partitions.size === 1);
    ingest.checkpointNow();
    assert.deepEqual(outboxRows(rig).map(({ name }) => name), ["a", "b"]);
    bus.change();
    await runUntil(rig, bus, () => ingest.sources[0]!.partitions.size === 0);
    ingest.checkpointNow();
    assert.equal(
      rig.core.aggregator.windows.windowCount,
      0,
      "nobody holds back what the wall clock has ended",
    );
  }));

Deno.test("until its source is open, what the state knows of its partitions holds the others back", () =>
  inDirectory(async (directory) => {
    const bus = new PartedBus("parted://bus", "0", "gone");
    const other = new MemorySource();
    bus.publish("0", event("a", 1));
    bus.publish("gone", event("a", 2));
    {
      using rig = openRig(directory, [bus.createSource(), other], NOW_MS, FLAGS);
      await drain(rig);
    }
    bus.change("0");
    bus.isAway = true;
    other.publish(event("b", 50));
    const open = () =>
      openRig(directory, [bus.createSource(), other], NOW_MS + 100_000, { ...FLAGS, MAX_WAIT: "86400" });
    {
      using rig = open();
      const { ingest } = rig.core;
      assert.deepEqual(await rig.readers[1]!.drain(NEVER), { drained: true });
      const away = await rig.readers[0]!.drain(NEVER);
      assert.deepEqual(away, { drained: false, reason: "parted://bus: away" });
      assert.equal(ingest.sources[0]!.failure, "parted://bus: away");
      ingest.checkpointNow();
      assert.equal(rig.core.aggregator.windows.windowCount, 2);
    }
    bus.isAway = false;
    bus.publish("0", event("a", 60));
    using rig = open();
    await drain(rig);
    assert.deepEqual(outboxRows(rig).map(({ name, start }) => [name, start - NOW_S]), [["a", 0], ["b", 50], [
      "a",
      60,
    ]]);
  }));

Deno.test("a dead letter names the partition, and is put back whether that is there or not", () =>
  inDirectory(async (directory) => {
    const bus = new PartedBus("parted://bus", "0", "1");
    bus.publish("1", event("a", 100), event("b", 100));
    using rig = openWith(directory, bus, { MAX_FUTURE_SKEW: "0" });
    const { ingest, state } = rig.core;
    await drain(rig);
    const deadLetters = readDeadLetters(state, { limit: 9 });
    assert.deepEqual(
      deadLetters.map(({ bus, partition, offset }) => [bus, partition, offset]),
      [["parted://bus", "1", undefined], ["parted://bus", "1", undefined]],
    );
    rig.clock.ms += 1_000_000;
    for (const [i, partitions] of [["0"], []].entries()) {
      bus.change(...partitions);
      await runUntil(rig, bus, () => ingest.sources[0]!.partitions.size === partitions.length);
      leaveRequest(state, "retry", [deadLetters[i]!.id]);
      ingest.checkpointNow();
      assert.equal(rig.books.aggregated, i + 1);
    }
    assert.deepEqual(readDeadLetters(state, { limit: 9 }), []);
  }));

Deno.test("ten thousand partitions are read by a bounded number of reads at once, and rest without a timer each", () =>
  inDirectory(async (directory) => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `${i}`);
    const bus = new PartedBus("parted://bus", ...ids);
    for (const id of ids) bus.publish(id, event("a"));
    using rig = openWith(directory, bus);
    const { clock } = rig;
    let sleeps = 0;
    const sleep = clock.sleep;
    clock.sleep = (ms) => {
      sleeps++;
      return sleep(ms);
    };
    await runUntil(rig, bus, () => rig.books.aggregated === 10_000);
    assert.ok(bus.reads.most <= 64, `${bus.reads.most} reads at once`);
    // Idle by now: one event is read at once, although its partition rests for long.
    rig.core.ingest.checkpointNow();
    await runUntil(rig, bus, () => bus.reads.all >= 60_000);
    const [readsBefore, sleepsBefore, startedMs] = [bus.reads.all, sleeps, clock.ms];
    bus.publish("4711", event("b"));
    await runUntil(rig, bus, () => rig.books.aggregated === 10_001);
    rig.core.ingest.checkpointNow();
    const tookMs = clock.ms - startedMs;
    assert.ok(tookMs <= 10_000, `${tookMs} ms`);
    assert.ok(sleeps - sleepsBefore <= 2 * (bus.reads.all - readsBefore) + 1000);
    assert.equal(positions(rig)["4711"], "after 2");
  }));

Deno.test("a bus that knows acknowledgements is acknowledged what is on disk, and gives the rest again", () =>
  inDirectory(async (directory) => {
    const bus = new AcknowledgedBus();
    const withId = (id: string) => ({ ...event("a"), id });
    bus.publish(withId("1"), withId("2"));
    {
      using rig = openRig(directory, [bus.createSource()], NOW_MS, FLAGS);
      await rig.readers[0]!.drain(NEVER);
      assert.equal(bus.kept.length, 2, "nothing is on disk");
      rig.core.ingest.checkpointNow();
      assert.equal(bus.kept.length, 0);
      bus.publish(withId("3"));
      await rig.readers[0]!.drain(NEVER);
      assert.equal(rig.core.aggregator.books.aggregated, 3);
    }
    // Handed over, but never committed: the process has died.
    assert.equal(bus.kept.length, 1);
    bus.publish(withId("4"));
    {
      using rig = openRig(directory, [bus.createSource()], NOW_MS, FLAGS);
      await drain(rig);
      assert.equal(rig.core.aggregator.books.aggregated, 4);
      assert.deepEqual(positions(rig), { "": "4" });
    }
    // The acknowledgement was lost: what comes again is found out by its ids.
    bus.kept.unshift(JSON.stringify(withId("4")));
    using rig = openRig(directory, [bus.createSource()], NOW_MS, FLAGS);
    await drain(rig);
    const { aggregated, duplicate } = rig.core.aggregator.books;
    assert.deepEqual({ aggregated, duplicate, kept: bus.kept.length }, {
      aggregated: 4,
      duplicate: 1,
      kept: 0,
    });
  }));

Deno.test("a bus that gives no more before it is acknowledged something gets a checkpoint for it", () =>
  inDirectory(async (directory) => {
    const bus = new AcknowledgedBus("acknowledged://bus", 3);
    bus.publish(...Array.from({ length: 8 }, () => event("a")));
    using rig = openRig(directory, [bus.createSource()], NOW_MS, FLAGS);
    await rig.readers[0]!.drain(NEVER);
    assert.deepEqual([rig.core.aggregator.books.aggregated, bus.kept.length], [8, 2]);
  }));

Deno.test("events of a bus with acknowledgements that are held back are asked for again, and not acknowledged", () =>
  inDirectory(async (directory) => {
    const bus = new AcknowledgedBus();
    bus.publish(event("a", 7200));
    using rig = openRig(directory, [bus.createSource()], NOW_MS, { MAX_FUTURE_SKEW: "60" });
    const { ingest } = rig.core;
    ingest.heardTime(0, NOW_MS + 7_200_000);
    const held = await rig.readers[0]!.drain(NEVER);
    assert.equal(held.drained, false);
    ingest.checkpointNow();
    assert.deepEqual([bus.kept.length, rig.core.aggregator.books.received], [1, 0]);
    rig.clock.ms += 7_200_000;
    await drain(rig);
    assert.deepEqual([bus.kept.length, rig.core.aggregator.books.aggregated], [0, 1]);
  }));

Deno.test("property: whatever partitions come and go and wherever the handler dies, each event counts once", () => {
  const ids = ["0", "1", "2"];
  const step = fc.oneof(
    fc.record({ publish: fc.constantFrom(...ids), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ change: fc.subarray(ids) }),
    fc.constantFrom("read" as const, "checkpoint" as const, "crash" as const, "stop" as const),
  );
  return fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), (steps) =>
      inDirectory(async (directory) => {
        const bus = new PartedBus("parted://bus", ...ids);
        const open = () => openRig(directory, [bus.createSource()], NOW_MS, FLAGS);
        let rig = open();
        let published = 0;
        try {
          for (const step of steps) {
            if (typeof step === "object" && "publish" in step) {
              for (let i = 0; i < step.count; i++) bus.publish(step.publish, event("a"));
              published += step.count;
            } else if (typeof step === "object") bus.change(...step.change);
            else if (step === "read") await rig.readers[0]!.drain(NEVER);
            else {
              if (step !== "crash") rig.core.ingest.checkpointNow();
              if (step === "checkpoint") continue;
              rig[Symbol.dispose]();
              rig = open();
            }
          }
          bus.change(...ids);
          await drain(rig);
          assert.equal(rig.core.aggregator.books.aggregated, published);
          const found = positions(rig);
          for (const id of ids) {
            const count = bus.eventsOf(id).length;
            assert.equal(found[id] ?? undefined, count === 0 ? undefined : `after ${count}`);
          }
        } finally {
          rig[Symbol.dispose]();
        }
      })),
    { numRuns: 30 },
  );
});
