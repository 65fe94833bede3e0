import assert from "node:assert/strict";
import { MemorySource, openRig, outboxRows, type Rig } from "./rig.ts";

/** What the time really is. */
const TRUE_MS = 2_000_000_000_000;
const TRUE_S = TRUE_MS / 1000;
const DAY_MS = 86_400_000;
const NEVER = new AbortController().signal;

const event = (name: string, timestamp: number) => ({ name, value: 1, timestamp });

function inTemporaryDirectory(work: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = await Deno.makeTempDir({ prefix: "vabus-clock-" });
    try {
      await work(directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  };
}

/** As `once` does, with a sink that takes everything. */
async function takeIn(rig: Rig): Promise<void> {
  for (const reader of rig.readers) await reader.drain(NEVER);
  const { ingest, outbox } = rig.core;
  ingest.checkpointNow();
  outbox.advance("sqlite", outbox.endId());
  ingest.checkpointNow();
}

/** By how much the clock on the wall is wrong from now on. */
function setWrong({ clock }: Rig, ms: number): void {
  clock.nowMs = () => clock.ms + ms;
}

const countOf = (rig: Rig, name: string) =>
  outboxRows(rig).filter((row) => row.name === name).reduce((sum, { count }) => sum + count, 0);

// Without corrections, what is older than the moment at which the clock is right is late: time had come so
// far.
for (const [horizon, since] of [["86400", 0], ["60", 50], ["0", 100]] as const) {
  Deno.test(
    `an event of the days ahead that a wrong clock let in makes nobody late once the clock is right (horizon ${horizon})`,
    inTemporaryDirectory(async (directory) => {
      const bus = new MemorySource();
      bus.publish(event("ahead", TRUE_S + 3 * 86_400));
      const flags = { CORRECTION_HORIZON: horizon };
      {
        using rig = openRig(directory, [bus], TRUE_MS + 3 * DAY_MS, flags);
        await takeIn(rig);
        rig.clock.ms += 60_000;
        await takeIn(rig);
      }
      for (let i = 0; i < 1000; i++) bus.publish(event("honest", TRUE_S + since + i / 10));
      using rig = openRig(directory, [bus], TRUE_MS + 100_000, flags);
      await takeIn(rig);
      assert.equal(rig.core.aggregator.books.late, 0);
      assert.equal(rig.core.aggregator.books.aggregated, 1001);
      assert.ok(rig.core.aggregator.watermark.valueMs <= TRUE_MS + 100_000);
    }),
  );
}

Deno.test(
  "windows that a wrong clock closed too early are corrected, in the same run and in the next",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    {
      using rig = openRig(directory, [bus], TRUE_MS);
      bus.publish(event("a", TRUE_S), event("a", TRUE_S + 1));
      await rig.readers[0]!.drain(NEVER);
      setWrong(rig, 3 * DAY_MS);
      bus.publish(event("ahead", TRUE_S + 3 * 86_400));
      await takeIn(rig);
      assert.equal(countOf(rig, "a"), 2, "closed too early");
      // For most of an hour the clock is wrong, and everything is delivered.
      rig.clock.ms += 3_000_000;
      bus.publish(event("ahead", TRUE_S + 3 * 86_400 + 3000));
      await takeIn(rig);
      setWrong(rig, 0);
      bus.publish(event("a", TRUE_S + 2));
      await takeIn(rig);
      assert.equal(countOf(rig, "a"), 3);
    }
    bus.publish(event("a", TRUE_S + 3));
    using rig = openRig(directory, [bus], TRUE_MS + 3_000_000);
    await takeIn(rig);
    assert.equal(countOf(rig, "a"), 4);
    assert.equal(rig.core.aggregator.books.late, 0);
  }),
);

Deno.test(
  "a device that is ahead within what is allowed makes no other one late, however near the horizon is",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    using rig = openRig(directory, [bus], TRUE_MS, { CORRECTION_HORIZON: "10" });
    bus.publish(event("ahead", TRUE_S + 250));
    for (let i = 0; i < 20; i++) bus.publish(event("honest", TRUE_S - i / 2));
    await takeIn(rig);
    assert.equal(rig.core.aggregator.books.late, 0);
    assert.equal(rig.core.aggregator.books.aggregated, 21);
  }),
);

Deno.test(
  "a clock that is set right long after it was wrong: what was deleted meanwhile is late, and never counted anew",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    using rig = openRig(directory, [bus], TRUE_MS);
    bus.publish(event("a", TRUE_S));
    await rig.readers[0]!.drain(NEVER);
    setWrong(rig, 3 * DAY_MS);
    for (let hour = 0; hour < 4; hour++) {
      bus.publish(event("ahead", TRUE_S + 3 * 86_400 + hour * 3600));
      await takeIn(rig);
      rig.clock.ms += 3_600_000;
    }
    const { books } = rig.core.aggregator;
    setWrong(rig, 0);
    bus.publish(event("a", TRUE_S + 1), event("a", TRUE_S + 4 * 3600));
    await takeIn(rig);
    assert.equal(rig.core.state.get("SELECT 1 FROM segment WHERE window_start_ms = ?", TRUE_MS), undefined);
    assert.deepEqual([books.late, books.aggregated], [1, 6]);
  }),
);

const HOUR_MS = 3_600_000;

/** A bus that says what time it is, which may be wrong as well. */
function tellingTime(bus: MemorySource, dateMs: () => number): void {
  bus.intervene = (request) => ({ ...bus.answer(request), dateMs: dateMs() });
}

function assertHeld(rig: Rig, result: unknown, accuser: RegExp): void {
  assert.match(JSON.stringify(result), accuser);
  assert.equal(rig.core.ingest.obstacle?.name, "clock_behind");
  assert.match(rig.core.ingest.obstacle?.detail ?? "", accuser);
  assert.equal(
    rig.log.filter((line) => /fetching stops: this host's clock/.test(line)).length,
    1,
    "told once",
  );
}

Deno.test(
  "a bus says that the clock is behind: nothing is taken or acknowledged until it is right, then everything is",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", TRUE_S), event("a", TRUE_S + 1));
    using rig = openRig(directory, [bus], TRUE_MS);
    setWrong(rig, -HOUR_MS);
    tellingTime(bus, () => rig.clock.ms);
    const startedMs = rig.clock.ms;
    assertHeld(rig, await rig.readers[0]!.drain(NEVER), /http:\/\/bus says that it is 2033-05-18T03:33/);
    assert.ok(
      rig.clock.ms - startedMs >= 30_000 && rig.clock.ms - startedMs < 40_000,
      "waits a bounded time",
    );
    rig.core.ingest.checkpointNow();
    assert.equal(rig.core.aggregator.books.received, 0);
    assert.ok(bus.requests.every(({ ack = 0 }) => ack === 0));
    setWrong(rig, 0);
    await takeIn(rig);
    assert.equal(rig.core.ingest.obstacle, undefined);
    assert.deepEqual([rig.core.aggregator.books.aggregated, rig.core.aggregator.books.future], [
      2,
      0,
    ]);
    assert.equal(rig.log.filter((line) => /the clock is right again/.test(line)).length, 1);
  }),
);

Deno.test(
  "while it runs, reading goes on by itself once the clock is right",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", TRUE_S));
    using rig = openRig(directory, [bus], TRUE_MS);
    setWrong(rig, -HOUR_MS);
    const stop = new AbortController();
    bus.intervene = (request) => {
      if (bus.requests.length === 5) setWrong(rig, 0);
      if (rig.core.aggregator.books.aggregated === 1 || bus.requests.length > 50) stop.abort();
      return { ...bus.answer(request), dateMs: rig.clock.ms };
    };
    await rig.readers[0]!.run(stop.signal);
    assert.equal(rig.core.aggregator.books.aggregated, 1);
  }),
);

Deno.test(
  "the state says that the clock is behind, and does not forget it under that clock",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", TRUE_S));
    {
      using rig = openRig(directory, [bus], TRUE_MS);
      await takeIn(rig);
    }
    {
      // What is no problem for a clock that is behind is taken in, and a checkpoint is made.
      bus.publish(event("a", TRUE_S - 2 * 3600));
      using rig = openRig(directory, [bus], TRUE_MS - HOUR_MS);
      await takeIn(rig);
      assert.equal(rig.core.aggregator.books.aggregated, 2);
    }
    bus.publish(event("a", TRUE_S + 60));
    for (let i = 0; i < 2; i++) {
      using rig = openRig(directory, [bus], TRUE_MS - HOUR_MS);
      assertHeld(rig, await rig.readers[0]!.drain(NEVER), /the state was written at 2033-05-18T03:33:20Z/);
    }
    using rig = openRig(directory, [bus], TRUE_MS + 60_000);
    await takeIn(rig);
    assert.deepEqual([rig.core.aggregator.books.aggregated, rig.core.aggregator.books.future], [
      3,
      0,
    ]);
  }),
);

Deno.test(
  "without evidence an event ahead is refused; one device that is ahead stops nobody",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("ahead", TRUE_S + 7200), event("a", TRUE_S));
    {
      using rig = openRig(directory, [bus], TRUE_MS);
      await takeIn(rig);
      assert.deepEqual([rig.core.aggregator.books.aggregated, rig.core.aggregator.books.future], [
        1,
        1,
      ]);
    }
    // The clock is an hour behind, and the device two hours ahead of the right time: no clock would make it
    // right.
    bus.publish(event("ahead", TRUE_S + 7200));
    using rig = openRig(directory, [bus], TRUE_MS);
    tellingTime(bus, () => rig.clock.ms);
    setWrong(rig, -HOUR_MS);
    await takeIn(rig);
    assert.equal(rig.core.aggregator.books.future, 2);
  }),
);

Deno.test(
  "after a clock that was ahead, a state of the days ahead is no evidence against a bus that tells the right time",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", TRUE_S));
    {
      using rig = openRig(directory, [bus], TRUE_MS + 3 * DAY_MS);
      await takeIn(rig);
    }
    bus.publish(event("ahead", TRUE_S + 7200), event("a", TRUE_S));
    using rig = openRig(directory, [bus], TRUE_MS);
    tellingTime(bus, () => rig.clock.ms);
    await takeIn(rig);
    assert.deepEqual([rig.core.aggregator.books.aggregated, rig.core.aggregator.books.future], [
      2,
      1,
    ]);
  }),
);
