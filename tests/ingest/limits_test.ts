import assert from "node:assert/strict";
import { leaveRequest, readDeadLetters } from "../../src/state/letters/dead_letters.ts";
import { MemorySource, openRig, outboxRows, type Rig } from "./rig.ts";

const NOW_MS = 2_000_000_000;
const NOW_S = NOW_MS / 1000;
const NEVER = new AbortController().signal;
/** A horizon of 60 s and a window: so long the clock has to stand by what it says before windows go. */
const CLOCK_TRIAL_MS = 70_000;

function inTemporaryDirectory(work: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = await Deno.makeTempDir({ prefix: "vabus-limits-" });
    try {
      await work(directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  };
}

const event = (name: string, timestamp: number) => ({ name, value: 1, timestamp });
const countOf = (rig: Rig) => outboxRows(rig).reduce((sum, { count }) => sum + count, 0);

/** Moves the wall clock away from the monotonic one, as NTP or an operator does. */
function stepWallClock({ clock }: Rig, ms: number): void {
  clock.nowMs = () => clock.ms + ms;
}

Deno.test(
  "beyond MAX_SERIES new series are dead letters, told once; known ones go on, and a retry brings the others in",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (const name of ["a", "b", "c", "a", "d", "b"]) bus.publish(event(name, NOW_S - 100));
    using rig = openRig(directory, [bus], NOW_MS, { MAX_SERIES: "2" });
    const { ingest, aggregator, state } = rig.core;
    await rig.readers[0]!.drain(NEVER);
    ingest.checkpointNow();
    assert.deepEqual([aggregator.books.aggregated, aggregator.books.overflow], [4, 2]);
    const deadLetters = readDeadLetters(state, { limit: 9 });
    assert.deepEqual(deadLetters.map(({ reason }) => reason), ["overflow", "overflow"]);
    assert.equal(rig.log.filter((line) => line.includes("MAX_SERIES is reached")).length, 1);

    ingest.checkpointNow(true);
    leaveRequest(state, "retry", deadLetters.map(({ id }) => id));
    ingest.checkpointNow(true);
    assert.deepEqual(outboxRows(rig).map(({ name, count }) => [name, count]).sort(), [
      ["a", 2],
      ["b", 2],
      ["c", 1],
      ["d", 1],
    ]);
    assert.deepEqual([aggregator.books.received, aggregator.books.overflow], [6, 0]);
  }),
);

Deno.test(
  "with a full outbox the bus is left alone for as long as it takes, and then gives everything",
  inTemporaryDirectory(async (directory) => {
    /** Much longer than between two looks at the bus. */
    const FULL_MS = 600_000;
    const bus = new MemorySource();
    const count = 20;
    for (let i = 0; i < count; i++) bus.publish(event("a", NOW_S - 10_000 + 60 * i));
    using rig = openRig(directory, [bus], NOW_MS, {
      VABUS_BATCH_SIZE: "2",
      OUTBOX_MAX_ROWS: "5",
      CHECKPOINT_INTERVAL: "0.01",
    });
    const { ingest, outbox, aggregator } = rig.core;
    const { books } = aggregator;
    const stop = new AbortController();
    const { sleep } = rig.clock;
    let longestFullMs = 0;
    let fullSinceMs: number | undefined;
    let requestsWhenFull = 0;
    rig.clock.sleep = async (ms) => {
      await sleep(ms);
      if (ingest.obstacle?.name !== "outbox_full") {
        fullSinceMs = undefined;
        return;
      }
      if (fullSinceMs === undefined) {
        fullSinceMs = rig.clock.ms;
        requestsWhenFull = bus.requests.length;
        assert.match(ingest.obstacle.detail, /^\d aggregates wait for sqlite \(OUTBOX_MAX_ROWS\)$/);
      }
      longestFullMs = Math.max(longestFullMs, rig.clock.ms - fullSinceMs);
      if (rig.clock.ms - fullSinceMs < FULL_MS) return;
      assert.ok(bus.requests.length <= requestsWhenFull + 1, "the bus is left alone");
      fullSinceMs = undefined;
      outbox.advance("sqlite", outbox.endId());
    };
    bus.intervene = () => {
      rig.clock.ms += 1000;
      if (books.received === count) stop.abort();
      return undefined;
    };
    await rig.readers[0]!.run(stop.signal);
    assert.ok(longestFullMs >= FULL_MS, `${longestFullMs}`);
    outbox.advance("sqlite", outbox.endId());
    ingest.checkpointNow(true);
    assert.deepEqual([books.received, books.aggregated], [count, count]);
  }),
);

Deno.test(
  "a wall clock that steps ahead by a day closes no window while events come, and refuses none",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", NOW_S - 3), event("a", NOW_S - 2));
    using rig = openRig(directory, [bus], NOW_MS);
    const stop = new AbortController();
    const { ingest, aggregator } = rig.core;
    let polls = 0;
    bus.intervene = () => {
      polls++;
      if (polls === 2) stepWallClock(rig, 86_400_000);
      ingest.checkpointNow();
      assert.deepEqual(outboxRows(rig), []);
      if (polls === 4) stop.abort();
      return undefined;
    };
    await rig.readers[0]!.run(stop.signal);
    bus.publish(event("a", NOW_S - 1));
    await rig.readers[0]!.drain(NEVER);
    ingest.checkpointNow(true);
    assert.deepEqual(outboxRows(rig).map(({ count }) => count), [3]);
    assert.equal(aggregator.books.late, 0);
  }),
);

Deno.test(
  "a wall clock that is behind, where nothing says so, makes honest events ones of the future, which a retry brings in",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", NOW_S - 15));
    using rig = openRig(directory, [bus], NOW_MS, { MAX_FUTURE_SKEW: "60" });
    const { ingest, aggregator, state } = rig.core;
    stepWallClock(rig, -3600_000);
    bus.publish(event("a", NOW_S - 14));
    await rig.readers[0]!.drain(NEVER);
    ingest.checkpointNow();
    assert.deepEqual([aggregator.books.aggregated, aggregator.books.future], [0, 2]);
    stepWallClock(rig, 0);
    leaveRequest(state, "retry", readDeadLetters(state, { limit: 9 }).map(({ id }) => id));
    ingest.checkpointNow(true);
    assert.equal(countOf(rig), 2);
    assert.deepEqual([aggregator.books.aggregated, aggregator.books.future], [2, 0]);
  }),
);

Deno.test(
  "a host that has slept a night closes what has ended only after it has heard that the bus has nothing",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", NOW_S - 3));
    using rig = openRig(directory, [bus], NOW_MS, { IDLE_TIMEOUT: "10" });
    const { ingest, aggregator } = rig.core;
    const stop = new AbortController();
    let polls = 0;
    bus.intervene = () => {
      polls++;
      if (polls === 2) {
        rig.clock.ms += 8 * 3600_000;
        // While it slept, these were published.
        bus.publish(event("a", NOW_S - 2), event("a", NOW_S - 1));
      }
      ingest.checkpointNow();
      if (polls === 3) assert.deepEqual(outboxRows(rig), []);
      if (polls > 3) rig.clock.ms += 4000;
      if (polls === 9) stop.abort();
      return undefined;
    };
    await rig.readers[0]!.run(stop.signal);
    ingest.checkpointNow();
    assert.deepEqual(outboxRows(rig).map(({ count }) => count), [3]);
    assert.equal(aggregator.books.late, 0);
  }),
);

Deno.test(
  "what is final stays final: a longer horizon, or a bus that comes later, cannot reopen it",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", NOW_S - 5000), event("a", NOW_S - 5000), event("a", NOW_S - 100));
    {
      using rig = openRig(directory, [bus], NOW_MS, { CORRECTION_HORIZON: "60" });
      await rig.readers[0]!.drain(NEVER);
      const { ingest, outbox, state } = rig.core;
      ingest.checkpointNow();
      rig.clock.ms += CLOCK_TRIAL_MS;
      outbox.advance("sqlite", outbox.endId());
      ingest.checkpointNow();
      const kept = state.all("SELECT 1 FROM segment WHERE window_end_ms < ?", NOW_MS - 1000_000);
      assert.deepEqual(kept, [], "the window is forgotten");
    }
    const another = new MemorySource("http://another");
    another.log = "another-log";
    another.publish(event("a", NOW_S - 5000));
    bus.publish(event("a", NOW_S - 5000));
    using rig = openRig(directory, [bus, another], NOW_MS + CLOCK_TRIAL_MS, { CORRECTION_HORIZON: "86400" });
    for (const reader of rig.readers) await reader.drain(NEVER);
    rig.core.ingest.checkpointNow();
    assert.equal(rig.core.aggregator.books.late, 2);
    assert.deepEqual(readDeadLetters(rig.core.state, { limit: 9 }).map(({ reason }) => reason), [
      "late",
      "late",
    ]);
  }),
);

Deno.test(
  "a run that is to end by itself reads as many batches as there are",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 30; i++) bus.publish(event("a", NOW_S));
    using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "1" });
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    assert.equal(rig.core.aggregator.books.aggregated, 30);
  }),
);

Deno.test(
  "a run that is to end by itself does not wait for ever for room in the outbox",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 10; i++) bus.publish(event("a", NOW_S - 10_000 + 100 * i));
    using rig = openRig(directory, [bus], NOW_MS, { OUTBOX_MAX_ROWS: "2", VABUS_BATCH_SIZE: "1" });
    bus.intervene = () => {
      rig.clock.ms += 1000;
      return undefined;
    };
    const result = await rig.readers[0]!.drain(NEVER);
    assert.equal(result.drained, false);
    assert.match("reason" in result ? result.reason : "", /OUTBOX_MAX_ROWS/);
  }),
);
