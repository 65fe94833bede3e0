/** A bus that was restored from a backup: the same log, other events at offsets that were read. */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { SourceError } from "../../../src/contract/source.ts";
import { durableOffset, MemorySource, openRig, outboxRows, type Rig } from "../../ingest/rig.ts";

const NOW_MS = 1_000_000_000;
const NOW_S = NOW_MS / 1000;
const NEVER = new AbortController().signal;

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-restored-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Events that all have a name of their own. */
function named(prefix: string, count: number): { name: string; value: number; timestamp: number }[] {
  return Array.from(
    { length: count },
    (_, i) => ({ name: `${prefix}${i}`, value: 1, timestamp: NOW_S - 50 }),
  );
}

/** Goes back to a backup that was made when the log ended at `end`. */
function restore(bus: MemorySource, end: number): void {
  bus.events.length = end - bus.first;
}

/** One by one: there may be more than a call takes. */
function publish(bus: MemorySource, events: readonly unknown[]): void {
  for (const event of events) bus.publish(event);
}

async function drained(rig: Rig): Promise<void> {
  assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
}

function received(rig: Rig): number {
  return rig.core.aggregator.books.received;
}

for (
  const [what, read, backup, after] of [
    ["shorter than what was read", 1000, 300, 100],
    ["just as long", 1000, 300, 700],
    ["longer", 500, 300, 700],
    ["as it was, with nothing new", 500, 300, 0],
    ["from before the first event", 400, 0, 900],
    ["longer than what is known event by event", 80_000, 20_000, 70_000],
  ] as const
) {
  Deno.test(`a bus that was restored, ${what}: each event of either history is counted once`, async () => {
    await inDirectory(async (directory) => {
      const bus = new MemorySource();
      publish(bus, named("a", read));
      {
        using rig = openRig(directory, [bus], NOW_MS);
        await drained(rig);
        rig.core.ingest.checkpointNow();
      }
      restore(bus, backup);
      publish(bus, named("b", after));
      bus.requests.length = 0;
      using rig = openRig(directory, [bus], NOW_MS);
      await drained(rig);
      assert.ok(
        bus.requests.every(({ ack }) => ack === undefined || ack <= backup),
        "acknowledged before it was compared",
      );
      const { lineage, position } = rig.core.ingest.partitions[0]!.progress;
      assert.deepEqual([lineage, position], [bus.log, `${backup + after}`]);
      assert.equal(received(rig), read + after);
      assert.equal(rig.core.ingest.lostEvents, 0);
      assert.match(rig.log.join("\n"), /ERROR.*other events, or fewer,.*restored from a backup/);
      rig.core.ingest.checkpointNow();
      await drained(rig);
      assert.equal(received(rig), read + after);
    });
  });
}

Deno.test("a backup older than what is known event by event: what may be counted twice is said, and little", async () => {
  await inDirectory(async (directory) => {
    const bus = new MemorySource();
    const [read, backup, after] = [300_000, 100_100, 250_000];
    publish(bus, named("a", read));
    {
      using rig = openRig(directory, [bus], NOW_MS);
      await drained(rig);
      rig.core.ingest.checkpointNow();
    }
    restore(bus, backup);
    publish(bus, named("b", after));
    using rig = openRig(directory, [bus], NOW_MS);
    await drained(rig);
    const twice = received(rig) - read - after;
    const said = Number(/perhaps_counted_twice=(\d+)/.exec(rig.log.join("\n"))?.[1]);
    assert.ok(twice >= 0 && twice <= said && said <= (read - backup) / 64, `${twice} of ${said}`);
  });
});

Deno.test("a bus that was restored under a handler that stays connected is noticed within five minutes", async () => {
  await inDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(...named("a", 500));
    using rig = openRig(directory, [bus], NOW_MS);
    await drained(rig);
    restore(bus, 300);
    bus.publish(...named("b", 700));
    rig.clock.ms += 300_000;
    await drained(rig);
    assert.equal(received(rig), 1200);
  });
});

Deno.test("a restored bus that has trimmed all that it had before is read from its oldest event", async () => {
  await inDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(...named("a", 500));
    {
      using rig = openRig(directory, [bus], NOW_MS);
      await drained(rig);
      rig.core.ingest.checkpointNow();
    }
    restore(bus, 300);
    bus.publish(...named("b", 700));
    bus.trim(320);
    using rig = openRig(directory, [bus], NOW_MS);
    await drained(rig);
    assert.equal(received(rig), 500 + 680);
    // The point where the histories diverge is no longer known: events that cannot be compared count as read.
    assert.equal(rig.core.ingest.lostEvents, 0);
  });
});

Deno.test("nothing is told of a bus whose last event was trimmed, and reading goes on", async () => {
  await inDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(...named("a", 10));
    {
      using rig = openRig(directory, [bus], NOW_MS);
      await drained(rig);
      rig.core.ingest.checkpointNow();
    }
    bus.trim(10);
    bus.publish(...named("b", 10));
    using rig = openRig(directory, [bus], NOW_MS);
    await drained(rig);
    assert.equal(received(rig), 20);
    assert.equal(rig.core.ingest.lostEvents, 0);
  });
});

Deno.test("an old bus that has kept the log's identity and nothing else is read from its oldest event", async () => {
  await inDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(...named("a", 50));
    {
      using rig = openRig(directory, [bus], NOW_MS);
      await drained(rig);
      rig.core.ingest.checkpointNow();
    }
    bus.first = 20;
    bus.events = [];
    bus.publish(...named("b", 100));
    using rig = openRig(directory, [bus], NOW_MS);
    await drained(rig);
    assert.equal(received(rig), 150);
  });
});

Deno.test("property: however often a bus is restored and the handler restarted, each event that was read counts once", async () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("drain" as const), count: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("checkpoint" as const), count: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart" as const), count: fc.constant(0) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("restore" as const), count: fc.nat({ max: 60 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("trim" as const), count: fc.nat({ max: 10 }) }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.constantFrom("1", "7", "1000"),
      async (steps, batchSize) => {
        await inDirectory(async (directory) => {
          const bus = new MemorySource();
          let isCut = false;
          // A bus that is restored is stopped for it: a request fails.
          bus.intervene = () => {
            if (!isCut) return undefined;
            isCut = false;
            throw new SourceError("unavailable", "connection reset");
          };
          const open = () =>
            openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: batchSize, CHECKPOINT_INTERVAL: "3600" });
          let rig = open();
          let published = 0;
          let read = new Set<string>();
          let durable = new Set<string>();
          const drain = async () => {
            await drained(rig);
            for (const event of bus.events) read.add(event);
          };
          try {
            for (const { kind, count } of [...steps, { kind: "drain" as const, count: 0 }]) {
              if (kind === "publish") bus.publish(...named(`${published++}-`, count));
              else if (kind === "drain") await drain();
              else if (kind === "checkpoint") {
                rig.core.ingest.checkpointNow();
                durable = new Set(read);
              } else if (kind === "restart") {
                rig[Symbol.dispose]();
                read = new Set(durable);
                rig = open();
              } else if (kind === "trim") {
                // What is acknowledged may go; the last one stays, as it does where there is room.
                const durableEnd = durableOffset(rig) ?? 0;
                bus.trim(Math.max(0, Math.min(count, bus.events.length - 1, durableEnd - bus.first - 1)));
              } else {
                restore(bus, Math.max(bus.first, bus.next - count));
                isCut = true;
              }
            }
            rig.core.ingest.checkpointNow(true);
            assert.equal(received(rig), read.size);
            const names = outboxRows(rig).map(({ name, count }) => [name, count]);
            const expected = [...read].map((event) => [JSON.parse(event).name, 1]);
            assert.deepEqual(new Map(names as [string, number][]), new Map(expected as [string, number][]));
          } finally {
            rig[Symbol.dispose]();
          }
        });
      },
    ),
    { numRuns: 30 },
  );
});
