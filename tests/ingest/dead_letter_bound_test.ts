import assert from "node:assert/strict";
import { ALL_WINDOWS } from "../../src/control/span.ts";
import { verify } from "../../src/control/verification.ts";
import { readLosses } from "../../src/state/outbox/losses.ts";
import { addRefusedAggregates, leaveRequest, readDeadLetters } from "../../src/state/letters/dead_letters.ts";
import type { DeadLetterBound } from "../../src/state/letters/dead_letter_bound.ts";
import { readStatus } from "../../src/control/status.ts";
import { statusRecord } from "../../src/control/status_record.ts";
import { MemorySource, openRig, type Rig } from "./rig.ts";

const NOW_MS = 1_000_000_000;
const NOW_S = NOW_MS / 1000;
const NEVER = new AbortController().signal;

/** Runs work with a rig that can be restarted: `open` starts the next handler. */
async function withRigs(
  bound: DeadLetterBound,
  work: (open: (bound?: DeadLetterBound) => Rig, bus: MemorySource) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-bound-" });
  const bus = new MemorySource();
  try {
    await work(
      (other) => openRig(directory, [bus], NOW_MS, { MAX_FUTURE_SKEW: "10" }, other ?? bound),
      bus,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function takeIn({ core, readers }: Rig): Promise<void> {
  await readers[0]!.drain(NEVER);
  core.ingest.checkpointNow();
}

const texts = ({ core: { state } }: Rig) =>
  readDeadLetters(state, { limit: 100 }).map(({ raw }) => new TextDecoder().decode(raw));
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
const dropped = ({ core: { state } }: Rig) => statusRecord(readStatus(state, 0)).dead_letters.dropped;
const alarms = ({ log }: Rig) => log.filter((line) => line.includes("the oldest ones are dropped"));

Deno.test("beyond the bound the oldest dead letters go, told once; the books and the proof stay, over a restart", () =>
  withRigs({ deadLetters: 5, bytes: 1e6 }, async (open, bus) => {
    {
      using rig = open();
      bus.publish(...numbers(101, 105));
      await takeIn(rig);
      assert.deepEqual([texts(rig), dropped(rig), alarms(rig)], [numbers(101, 105), 0, []]);
      bus.publish(...numbers(106, 107));
      await takeIn(rig);
      assert.deepEqual([texts(rig), dropped(rig)], [numbers(103, 107), 2]);
      // More than are kept, in one checkpoint.
      bus.publish(...numbers(108, 119), { name: "a", value: 1, timestamp: NOW_S });
      await takeIn(rig);
      assert.deepEqual([texts(rig), dropped(rig)], [numbers(115, 119), 14]);
      assert.equal(alarms(rig).length, 1);
    }
    using rig = open();
    assert.deepEqual(texts(rig), numbers(115, 119));
    bus.publish(...numbers(120, 120));
    await takeIn(rig);
    assert.deepEqual([texts(rig), dropped(rig)], [numbers(116, 120), 15]);
    const { received, aggregated, invalid } = rig.core.aggregator.books;
    assert.deepEqual({ received, aggregated, invalid }, { received: 21, aggregated: 1, invalid: 20 });
    assert.ok((await verify(rig.core.state, [], ALL_WINDOWS, NEVER)).proven);
  }));

Deno.test("bytes are bounded too, and those of dead letters that are settled count no more", () =>
  withRigs({ deadLetters: 100, bytes: 12 }, async (open, bus) => {
    using rig = open();
    bus.publish("1000", "2000", "3000", "4");
    await takeIn(rig);
    assert.deepEqual(texts(rig), ["2000", "3000", "4"]);
    leaveRequest(rig.core.state, "purge", [2]);
    rig.core.ingest.checkpointNow();
    bus.publish("5000", "600");
    await takeIn(rig);
    assert.deepEqual([texts(rig), dropped(rig)], [["3000", "4", "5000", "600"], 1]);
  }));

Deno.test("a dead letter is taken in again before room is made, also where the first try fails and the handler dies", () =>
  withRigs({ deadLetters: 3, bytes: 1e6 }, async (open, bus) => {
    const ahead = (name: string) => ({ name, value: 1, timestamp: NOW_S + 50 });
    {
      using rig = open();
      bus.publish(ahead("a"), ahead("b"), "1");
      await takeIn(rig);
      leaveRequest(rig.core.state, "retry", [1, 2, 3]);
      bus.publish(...numbers(2, 4));
      await rig.readers[0]!.drain(NEVER);
      rig.clock.ms += 60_000;
      // The whole checkpoint fails and is still to be made.
      rig.core.state.run(
        "CREATE TEMP TRIGGER full BEFORE DELETE ON wish BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
      );
      assert.equal(rig.core.ingest.checkpointNow(), false);
      assert.equal(dropped(rig), 0);
    }
    using rig = open();
    rig.clock.ms += 60_000;
    await takeIn(rig);
    const { received, aggregated, invalid, future } = rig.core.aggregator.books;
    assert.deepEqual([received, aggregated, invalid, future], [6, 2, 4, 0]);
    assert.deepEqual([texts(rig).length, dropped(rig)], [3, 1]);
  }));

Deno.test("what is left after some were dropped can be retried and purged, over a restart; what is gone cannot", () =>
  withRigs({ deadLetters: 4, bytes: 1e6 }, async (open, bus) => {
    const ahead = (name: string) => ({ name, value: 1, timestamp: NOW_S + 50 });
    {
      using rig = open();
      bus.publish(...["a", "b", "c", "d", "e"].map(ahead), "1");
      await takeIn(rig);
      assert.deepEqual([texts(rig).length, dropped(rig)], [4, 2]);
    }
    using rig = open();
    const { aggregator, ingest, state } = rig.core;
    const left = readDeadLetters(state, { limit: 9 });
    const idsOf = (deadLetters: typeof left) => deadLetters.map(({ id }) => id);
    // The checkpoint writes invalid events before those refused by their time.
    assert.equal(left[0]!.reason, "future");
    const gone = Array.from({ length: left[0]!.id - 1 }, (_, i) => i + 1);
    assert.equal(gone.length, 2);
    rig.clock.ms += 60_000;
    leaveRequest(state, "retry", [...gone, ...idsOf(left.slice(0, 2))]);
    leaveRequest(state, "purge", idsOf(left.slice(2, 3)));
    ingest.checkpointNow();
    assert.deepEqual(idsOf(readDeadLetters(state, { limit: 9 })), idsOf(left.slice(3)));
    assert.deepEqual(ingest.fulfilled, { retried: 2, purged: 1 });
    // There is room again for as many as have gone.
    bus.publish(...numbers(2, 4));
    await takeIn(rig);
    assert.deepEqual([texts(rig).length, dropped(rig)], [4, 2]);
    bus.publish("5");
    await takeIn(rig);
    assert.deepEqual([texts(rig), dropped(rig)], [numbers(2, 5), 3]);
    const { received, aggregated, invalid, future } = aggregator.books;
    assert.deepEqual([received, aggregated, invalid, future], [10, 2, 5, 3]);
    const told = readLosses(state).map(({ name, count, reason }) => [name, count, reason]);
    assert.deepEqual(told, [["dropped", 1, "invalid"], ["dropped", 2, "future"], ["purged", 1, "future"]]);
    assert.ok((await verify(state, [], ALL_WINDOWS, NEVER)).proven);
  }));

Deno.test("a state that holds more dead letters than the bound, from before there was one, comes back within it", () =>
  withRigs({ deadLetters: 100, bytes: 1e6 }, async (open, bus) => {
    {
      using rig = open();
      bus.publish(...numbers(1, 100));
      await takeIn(rig);
    }
    using rig = open({ deadLetters: 2, bytes: 1e6 });
    bus.publish("101");
    await takeIn(rig);
    assert.deepEqual([texts(rig), dropped(rig)], [numbers(100, 101), 99]);
  }));

Deno.test("what sinks refused is never dropped, nor counted, over a restart either", () =>
  withRigs({ deadLetters: 2, bytes: 1e6 }, async (open, bus) => {
    {
      using rig = open();
      const { state } = rig.core;
      const aggregate = {
        aggFunc: "sum",
        value: 1,
        windowStartMs: 0,
        windowEndMs: 10_000,
        count: 1,
        revision: 0,
      };
      state.transaction(() =>
        addRefusedAggregates(
          state,
          numbers(1, 5).map((name) => ({
            reason: "rejected",
            detail: "no",
            sink: "sqlite",
            aggregate: { name, ...aggregate },
          })),
          NOW_MS,
        )
      );
    }
    using rig = open();
    bus.publish(...numbers(1, 4));
    await takeIn(rig);
    bus.publish("5");
    await takeIn(rig);
    const { total, by_reason, dropped } = statusRecord(readStatus(rig.core.state, 0)).dead_letters;
    assert.deepEqual({ total, by_reason, dropped }, {
      total: 7,
      by_reason: { invalid: 2, rejected: 5 },
      dropped: 3,
    });
  }));
