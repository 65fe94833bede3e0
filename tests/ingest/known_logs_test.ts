/** Logs are remembered by their identity, whichever address they are at. */
import assert from "node:assert/strict";
import { SourceError } from "../../src/contract/source.ts";
import fc from "../support/fast_check.ts";
import { MemorySource, openRig, outboxRows, type Rig } from "./rig.ts";

const NOW_MS = 1_767_225_600_000;
const NEVER = new AbortController().signal;

function event(id: string) {
  return { name: "a", value: 1, timestamp: NOW_MS / 1000, id };
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-known-logs-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const restarts of [false, true]) {
  Deno.test(
    `a log that comes back ${
      restarts ? "after restarts" : "while the handler runs"
    } goes on where it was left`,
    () =>
      inDirectory(async (directory) => {
        const bus = new MemorySource();
        const open = () => openRig(directory, [bus], NOW_MS, { DEDUP_MAX_IDS: "0" });
        const logs: Record<string, string[]> = { first: [], second: [] };
        let published = 0;
        let rig = open();
        try {
          for (const log of ["first", "second", "first", "second", "first"]) {
            bus.log = log;
            bus.events = logs[log]!;
            bus.publish(event("x"), event("y"));
            published += 2;
            await rig.readers[0]!.drain(NEVER);
            rig.core.ingest.checkpointNow();
            assert.equal(rig.core.aggregator.books.aggregated, published, `${log}, ${published} events`);
            if (!restarts) continue;
            rig[Symbol.dispose]();
            rig = open();
          }
        } finally {
          rig[Symbol.dispose]();
        }
      }),
  );
}

Deno.test("buses that have exchanged their logs go on with each log's own position and ids", () =>
  inDirectory(async (directory) => {
    const buses = [new MemorySource("http://one"), new MemorySource("http://two")];
    const [one, two] = [buses[0]!, buses[1]!];
    two.log = "second-log";
    one.publish(event("1"), event("2"), event("3"));
    two.publish(event("1"), event("b"));
    {
      using rig = openRig(directory, buses, NOW_MS, { DEDUP_MAX_IDS: "100" });
      for (const reader of rig.readers) await reader.drain(NEVER);
      rig.core.ingest.checkpointNow();
      assert.equal(rig.core.aggregator.books.aggregated, 5);
      [one.log, two.log] = [two.log, one.log];
      [one.events, two.events] = [two.events, one.events];
      // An id that its own log has had, and one that only the other log has had.
      one.publish(event("b"), event("2"));
      two.publish(event("3"), event("b"));
      for (const reader of rig.readers) await reader.drain(NEVER);
      assert.equal(rig.core.aggregator.books.aggregated, 7);
      assert.equal(rig.core.aggregator.books.duplicate, 2);
      rig.core.ingest.checkpointNow();
    }
    one.publish(event("b"), event("3"));
    two.publish(event("1"), event("c"));
    using rig = openRig(directory, buses, NOW_MS, { DEDUP_MAX_IDS: "100" });
    for (const reader of rig.readers) await reader.drain(NEVER);
    assert.equal(rig.core.aggregator.books.aggregated, 9);
    assert.equal(rig.core.aggregator.books.duplicate, 4);
  }));

Deno.test("an exchange is told; whether it is one is asked at the other address, which has to answer", () =>
  inDirectory(async (directory) => {
    const buses = [new MemorySource("http://one"), new MemorySource("http://two")] as const;
    const [one, two] = buses;
    two.log = "second-log";
    one.publish(event("1"));
    two.publish(event("2"));
    using rig = openRig(directory, buses, NOW_MS);
    for (const reader of rig.readers) await reader.drain(NEVER);
    rig.core.ingest.checkpointNow();
    exchange(one, two);
    two.intervene = () => {
      throw new SourceError("unavailable", "http://two: nobody listens");
    };
    const result = await rig.readers[0]!.drain(NEVER);
    assert.match(
      JSON.stringify(result),
      /read from http:\/\/two; whether .* cannot be found out: http:\/\/two: nobody/,
    );
    assert.equal(rig.core.ingest.partitions[0]!.progress.lineage, "first-log");
    two.intervene = () => undefined;
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    assert.equal(rig.core.ingest.partitions[0]!.progress.lineage, "second-log");
    assert.match(
      rig.log.join("\n"),
      /WARN.*exchanged their addresses.*bus="http:\/\/one" other="http:\/\/two"/,
    );
  }));

Deno.test("a read that was under way when its partition's place was exchanged is taken in no part", () =>
  inDirectory(async (directory) => {
    const [one, two] = [new MemorySource("http://one"), new MemorySource("http://two")];
    two.log = "second-log";
    one.publish(event("1"));
    two.publish(event("2"));
    using rig = openRig(directory, [one, two], NOW_MS);
    for (const reader of rig.readers) await reader.drain(NEVER);
    rig.core.ingest.checkpointNow();
    two.publish(event("3"));
    // The reply of the old address comes when the other reader has found out.
    const late = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const fetch = two.fetch.bind(two);
    two.fetch = async (request) => {
      two.fetch = fetch;
      const reply = await fetch(request);
      asked.resolve();
      await late.promise;
      return reply;
    };
    const second = rig.readers[1]!.drain(NEVER);
    await asked.promise;
    exchange(one, two);
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    late.resolve();
    assert.deepEqual(await second, { drained: true });
    assert.equal(rig.core.aggregator.books.received, 3);
  }));

Deno.test("property: however logs move among addresses, each event of each log is counted once", async () => {
  const LOGS = ["a", "b", "c", "d"];
  const steps = fc.array(
    fc.record({
      order: fc.shuffledSubarray(LOGS, { minLength: 3, maxLength: 3 }),
      counts: fc.array(fc.nat({ max: 3 }), { minLength: 4, maxLength: 4 }),
      first: fc.nat({ max: 2 }),
      isAway: fc.boolean(),
      then: fc.constantFrom("nothing", "checkpoint", "restart"),
    }),
    { minLength: 1, maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(steps, (plan) =>
      inDirectory(async (directory) => {
        const logs = new Map(LOGS.map((log) => [log, [] as string[]]));
        const buses = ["http://one", "http://two", "http://three"].map((name) => new MemorySource(name));
        const open = () => openRig(directory, buses, NOW_MS, { CHECKPOINT_INTERVAL: "3600" });
        let rig = open();
        const show = (order: readonly string[]) =>
          buses.forEach((bus, i) => {
            bus.log = order[i]!;
            bus.events = logs.get(bus.log)!;
          });
        // Together, as `once` does: each may have to ask for what another one has.
        const drain = async (first: number) => {
          const drains = [0, 1, 2].map((i) => rig.readers[(first + i) % 3]!.drain(NEVER));
          for (const result of await Promise.all(drains)) assert.deepEqual(result, { drained: true });
        };
        try {
          for (const { order, counts, first, isAway, then } of plan) {
            LOGS.forEach((log, i) => {
              for (let k = 0; k < counts[i]!; k++) {
                const value = { ...event(`${log} ${logs.get(log)!.length}`), name: log };
                logs.get(log)!.push(JSON.stringify(value));
              }
            });
            show(order);
            if (isAway) failOnce(buses[first]!);
            await drain(first);
            if (then !== "nothing") rig.core.ingest.checkpointNow();
            if (then !== "restart") continue;
            rig[Symbol.dispose]();
            rig = open();
          }
          for (const order of [["a", "b", "c"], ["d", "a", "b"]]) {
            show(order);
            await drain(0);
          }
          rig.core.ingest.checkpointNow(true);
          assert.deepEqual(countsOf(rig), LOGS.map((log) => logs.get(log)!.length));
          assert.equal(rig.core.aggregator.books.duplicate, 0);
          assert.equal(rig.core.ingest.lostEvents, 0);
        } finally {
          rig[Symbol.dispose]();
        }
      })),
    { numRuns: 25 },
  );

  function countsOf(rig: Rig): number[] {
    return LOGS.map((log) =>
      outboxRows(rig).filter(({ name }) => name === log).reduce((sum, { count }) => sum + count, 0)
    );
  }
});

function exchange(one: MemorySource, two: MemorySource): void {
  [one.log, two.log] = [two.log, one.log];
  [one.events, two.events] = [two.events, one.events];
}

/** As connections do that lead elsewhere from now on. */
function failOnce(bus: MemorySource): void {
  bus.intervene = () => {
    bus.intervene = () => undefined;
    throw new SourceError("unavailable", "connection reset");
  };
}
