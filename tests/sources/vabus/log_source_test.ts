import assert from "node:assert/strict";
import { dirname } from "node:path";
import fc from "../../support/fast_check.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { SourceError } from "../../../src/contract/source.ts";
import type { FetchReply, FetchRequest } from "../../../src/sources/vabus/bus_log.ts";
import { durableOffset, MemorySource, nextOffset, openRig, outboxRows, reply } from "../../ingest/rig.ts";

const NOW_MS = 1_000_000_000;
const NOW_S = NOW_MS / 1000;
const NEVER = new AbortController().signal;

function inTemporaryDirectory(work: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = await Deno.makeTempDir({ prefix: "vabus-ingest-" });
    try {
      await work(directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  };
}

const event = (name: string, value: number, timestamp: number) => ({ name, value, timestamp });

Deno.test(
  "only what is in a committed checkpoint is acknowledged",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 25; i++) bus.publish(event("a", 1, NOW_S - 100 + i));
    using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "10", CHECKPOINT_INTERVAL: "3600" });
    const [reader] = rig.readers;
    const committed: (number | undefined)[] = [];
    bus.intervene = () => {
      committed.push(durableOffset(rig));
      return undefined;
    };
    assert.deepEqual(await reader!.drain(NEVER), { drained: true });
    rig.core.ingest.checkpointNow();
    await reader!.farewell();
    bus.requests.forEach(({ ack }, i) => assert.equal(ack, committed[i]));
    assert.equal(bus.requests.at(-1)!.ack, 25);
    assert.equal(rig.core.aggregator.books.aggregated, 25);
  }),
);

Deno.test(
  "the next batch is asked for before this one is aggregated",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", 1, NOW_S), event("a", 1, NOW_S));
    using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "1" });
    const seen: [offset: number | undefined, aggregated: number][] = [];
    bus.intervene = ({ offset }) => {
      seen.push([offset, rig.core.aggregator.books.aggregated]);
      return undefined;
    };
    await rig.readers[0]!.drain(NEVER);
    // From the second request on each comes with the batch before it not yet aggregated.
    assert.deepEqual(seen.slice(0, 3), [[undefined, 0], [1, 0], [2, 1]]);
  }),
);

Deno.test(
  "a reply of more events than were asked for is taken in no part, asked ahead or not",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 30; i++) bus.publish(event("a", 1, NOW_S));
    using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "10" });
    let excess = 2;
    const all = Array.from({ length: 20 }, () => JSON.stringify(event("a", 1, NOW_S)));
    bus.intervene = ({ offset = 0, limit }) =>
      offset === 10 && excess-- > 0 ? reply(bus.log, 10, all.slice(0, limit + 1)) : undefined;
    await rig.readers[0]!.drain(NEVER);
    assert.equal(rig.core.aggregator.books.received, 30);
    assert.ok(rig.log.some((line) => line.includes("more events than the 10 that were asked for")));
  }),
);

Deno.test(
  "trimmed events are counted as lost, and reading goes on at the oldest",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 30; i++) bus.publish(event("a", 1, NOW_S));
    {
      using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "10" });
      bus.intervene = ({ offset }) => offset === 10 ? reply(bus.log, 10, []) : undefined;
      await rig.readers[0]!.drain(NEVER);
      rig.core.ingest.checkpointNow();
    }
    bus.intervene = () => undefined;
    bus.trim(17);
    using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "10" });
    await rig.readers[0]!.drain(NEVER);
    rig.core.ingest.checkpointNow();
    assert.equal(rig.core.ingest.lostEvents, 7);
    assert.equal(rig.core.aggregator.books.aggregated, 10 + 13);
    assert.match(rig.log.join("\n"), /ERROR.*lost.*events=7/);
  }),
);

for (const isShorter of [true, false]) {
  Deno.test(
    `a bus that begins anew, ${isShorter ? "shorter" : "longer"} than it was, is read from its oldest event`,
    inTemporaryDirectory(async (directory) => {
      const bus = new MemorySource();
      for (let i = 0; i < 10; i++) bus.publish(event("a", 1, NOW_S));
      {
        using rig = openRig(directory, [bus], NOW_MS);
        await rig.readers[0]!.drain(NEVER);
        rig.core.ingest.checkpointNow();
      }
      bus.log = "second-log";
      bus.events = [];
      for (let i = 0; i < (isShorter ? 4 : 14); i++) bus.publish(event("a", 1, NOW_S));
      using rig = openRig(directory, [bus], NOW_MS);
      await rig.readers[0]!.drain(NEVER);
      assert.equal(rig.core.aggregator.books.aggregated, 10 + bus.events.length);
      assert.equal(rig.core.ingest.lostEvents, 0);
      assert.match(rig.log.join("\n"), /ERROR.*reset/);
    }),
  );
}

Deno.test(
  "what is durable of one log is never acknowledged to the next one",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 20; i++) bus.publish(event("a", 1, NOW_S - 100));
    using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "10", CHECKPOINT_INTERVAL: "3600" });
    const [reader] = rig.readers;
    await reader!.drain(NEVER);
    rig.core.ingest.checkpointNow();
    bus.log = "second-log";
    for (let i = 0; i < 20; i++) bus.publish(event("a", 1, NOW_S - 100));
    bus.requests.length = 0;
    await reader!.drain(NEVER);
    // The first request cannot know yet, and the bus can tell by its offset.
    assert.deepEqual(bus.requests.slice(0, 2).map(({ offset, ack }) => [offset, ack]), [
      [20, 20],
      [undefined, undefined],
    ]);
    assert.deepEqual(bus.requests.slice(2).filter(({ ack }) => ack !== undefined), []);
    rig.core.ingest.checkpointNow();
    await reader!.farewell();
    assert.equal(bus.requests.at(-1)!.ack, 40);
  }),
);

Deno.test(
  "a bus that has lost the end of its log is read on from where it ends now",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 10; i++) bus.publish(event("a", 1, NOW_S - 100));
    using rig = openRig(directory, [bus], NOW_MS);
    const [reader] = rig.readers;
    await reader!.drain(NEVER);
    rig.core.ingest.checkpointNow();
    bus.events.length = 7;
    await reader!.drain(NEVER);
    assert.deepEqual(nextOffset(rig), 7);
    bus.publish(event("a", 1, NOW_S - 100));
    bus.requests.length = 0;
    await reader!.drain(NEVER);
    assert.equal(rig.core.aggregator.books.aggregated, 11);
    assert.equal(rig.core.ingest.lostEvents, 0);
    // Offset 7 has been given out a second time: what is durable is what lies below it.
    assert.equal(Math.max(...bus.requests.map(({ ack }) => ack ?? 0)), 7);
  }),
);

Deno.test(
  "an old reply that the log was trimmed takes nobody back",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 10; i++) bus.publish(event("a", 1, NOW_S - 100));
    using rig = openRig(directory, [bus], NOW_MS);
    const [reader] = rig.readers;
    await reader!.drain(NEVER);
    let isOld = true;
    bus.intervene = () => {
      if (!isOld) return undefined;
      isOld = false;
      return { kind: "trimmed", log: bus.log, first: 3, next: 10 };
    };
    await reader!.drain(NEVER);
    assert.equal(rig.core.aggregator.books.received, 10);
    assert.equal(rig.core.ingest.lostEvents, 0);
  }),
);

Deno.test(
  "a bus at another address is known by its log",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource("http://old");
    for (let i = 0; i < 10; i++) bus.publish(event("a", 1, NOW_S));
    {
      using rig = openRig(directory, [bus], NOW_MS);
      await rig.readers[0]!.drain(NEVER);
      rig.core.ingest.checkpointNow();
    }
    const moved = new MemorySource("http://new");
    moved.events = bus.events;
    moved.publish(event("a", 1, NOW_S));
    using rig = openRig(directory, [moved], NOW_MS);
    await rig.readers[0]!.drain(NEVER);
    assert.equal(rig.core.aggregator.books.aggregated, 11);
  }),
);

Deno.test(
  "a bus that moves, and moves back to an earlier address, is read once",
  inTemporaryDirectory(async (directory) => {
    const events: string[] = [];
    let published = 0;
    for (const address of ["http://b", "http://a", "http://c", "http://b"]) {
      const bus = new MemorySource(address);
      bus.events = events;
      bus.publish(event("a", 1, NOW_S), event("a", 1, NOW_S));
      published += 2;
      using rig = openRig(directory, [bus], NOW_MS);
      await rig.readers[0]!.drain(NEVER);
      rig.core.ingest.checkpointNow();
      assert.equal(rig.core.aggregator.books.aggregated, published);
    }
  }),
);

Deno.test(
  "a state that cannot be read for a moment, when a bus has moved, is no end of reading",
  inTemporaryDirectory(async (directory) => {
    const withId = (id: string) => ({ ...event("a", 1, NOW_S), id });
    const events: string[] = [];
    const at = (address: string) => {
      const bus = new MemorySource(address);
      bus.events = events;
      return bus;
    };
    const before = at("http://a");
    before.publish(withId("1"));
    {
      using rig = openRig(directory, [before], NOW_MS);
      await rig.readers[0]!.drain(NEVER);
      rig.core.ingest.checkpointNow();
    }
    const after = at("http://b");
    after.publish(withId("1"), withId("2"));
    using rig = openRig(directory, [after], NOW_MS);
    const { aggregator, state } = rig.core;
    const all = state.all;
    let failures = 0;
    state.all = () => {
      state.all = all;
      failures++;
      throw new StateError("unwritable", "disk I/O error");
    };
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    assert.equal(failures, 1);
    const { aggregated, duplicate } = aggregator.books;
    assert.deepEqual({ aggregated, duplicate }, { aggregated: 2, duplicate: 1 });
  }),
);

Deno.test(
  "property: all that is known of a log moves with it: a bus that moves is aggregated as if it had stayed",
  async () => {
    const events = fc.array(
      fc.record({
        name: fc.constantFrom("a", "b"),
        value: fc.integer({ min: 0, max: 9 }),
        timestamp: fc.integer({ min: -120, max: 0 }).map((ago) => NOW_S + ago),
        id: fc.option(fc.integer({ min: 0, max: 12 }).map(String), { nil: undefined }),
      }),
      { maxLength: 12 },
    );
    const rounds = fc.array(
      fc.record({ events, other: events, address: fc.constantFrom("http://a", "http://b", "http://c") }),
      { minLength: 2, maxLength: 4 },
    );
    const play = async (addresses: string[], load: { events: unknown[]; other: unknown[] }[]) => {
      const seen: unknown[] = [];
      await inTemporaryDirectory(async (directory) => {
        const published: string[] = [];
        const other = new MemorySource("http://other");
        other.log = "other-log";
        for (const [round, address] of addresses.entries()) {
          const bus = new MemorySource(address);
          bus.events = published;
          bus.publish(...load[round]!.events);
          other.publish(...load[round]!.other);
          using rig = openRig(directory, [bus, other], NOW_MS, {
            CORRECTION_HORIZON: "50",
            DEDUP_MAX_IDS: "8",
          });
          const { core: { aggregator, ingest, state }, readers } = rig;
          for (const reader of readers) await reader.drain(NEVER);
          ingest.checkpointNow();
          const { books, dropped, lateArrivals, watermark } = aggregator;
          const ids = state.get("SELECT count(*) AS runs, count(DISTINCT source) AS buses FROM recent_ids");
          seen.push({ ...books }, dropped, lateArrivals, watermark.valueMs, watermark.greatestOf(0), {
            ...ids!,
          });
          seen.push(outboxRows(rig));
        }
      })();
      return seen;
    };
    await fc.assert(
      fc.asyncProperty(rounds, async (load) => {
        const moving = await play(load.map(({ address }) => address), load);
        assert.deepEqual(moving, await play(load.map(() => "http://a"), load));
      }),
      { numRuns: 20 },
    );
  },
);

Deno.test(
  "an address that comes to lead to the log of an earlier one goes on where that was left",
  inTemporaryDirectory(async (directory) => {
    const old = new MemorySource("http://old");
    old.publish(event("a", 1, NOW_S), event("a", 1, NOW_S));
    const kept = new MemorySource("http://kept");
    kept.log = "another-log";
    kept.publish(event("a", 1, NOW_S));
    {
      using rig = openRig(directory, [old, kept], NOW_MS);
      for (const reader of rig.readers) await reader.drain(NEVER);
      rig.core.ingest.checkpointNow();
    }
    kept.log = old.log;
    kept.events = [...old.events, JSON.stringify(event("a", 1, NOW_S))];
    using rig = openRig(directory, [kept], NOW_MS);
    await rig.readers[0]!.drain(NEVER);
    assert.equal(rig.core.aggregator.books.aggregated, 4);
  }),
);

Deno.test(
  "the same log under two addresses is read once, and the second address is named",
  inTemporaryDirectory(async (directory) => {
    const buses = [new MemorySource("http://one"), new MemorySource("http://two")];
    for (const bus of buses) bus.publish(event("a", 1, NOW_S));
    using rig = openRig(directory, buses, NOW_MS);
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    const second = await rig.readers[1]!.drain(NEVER);
    assert.equal(second.drained, false);
    assert.match("reason" in second ? second.reason : "", /http:\/\/one.*VABUS_URL/);
    assert.equal(rig.core.aggregator.books.aggregated, 1);
  }),
);

Deno.test(
  "a reply that cannot be read is asked for again, never skipped",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", 1, NOW_S), '{"name":"a","value":[1,"timestamp":1}', event("a", 1, NOW_S));
    using rig = openRig(directory, [bus], NOW_MS);
    const result = await rig.readers[0]!.drain(NEVER);
    assert.equal(result.drained, false);
    assert.ok(bus.requests.every(({ ack }) => ack === undefined));
    assert.equal(rig.core.aggregator.books.received, 1);
    bus.events[1] = JSON.stringify(event("a", 1, NOW_S));
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    assert.equal(rig.core.aggregator.books.aggregated, 3);
  }),
);

for (
  const [contradiction, answer] of [
    ["a gap after the events", {
      kind: "events",
      body: new TextEncoder().encode('{"log":"first-log","offset":5,"next":9,"events":[]}'),
    }],
    ["410 for an offset that is still there", { kind: "trimmed", log: "first-log", first: 5, next: 9 }],
    ["416 for an offset before the end", { kind: "reset", log: "first-log", first: 0, next: 5 }],
  ] as [string, FetchReply][]
) {
  Deno.test(
    `a bus that contradicts itself moves nothing: ${contradiction}`,
    inTemporaryDirectory(async (directory) => {
      const bus = new MemorySource();
      for (let i = 0; i < 5; i++) bus.publish(event("a", 1, NOW_S));
      using rig = openRig(directory, [bus], NOW_MS);
      let isLying = true;
      bus.intervene = ({ offset }) => offset === 5 && isLying ? answer : undefined;
      const result = await rig.readers[0]!.drain(NEVER);
      assert.equal(result.drained, false);
      assert.equal(nextOffset(rig), 5);
      isLying = false;
      for (let i = 0; i < 5; i++) bus.publish(event("a", 1, NOW_S));
      assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
      assert.equal(rig.core.aggregator.books.aggregated, 10);
      assert.equal(rig.core.ingest.lostEvents, 0);
    }),
  );
}

Deno.test(
  "an address that comes to lead to the log of another bus is not read: its events would count twice",
  inTemporaryDirectory(async (directory) => {
    const buses = [new MemorySource("http://one"), new MemorySource("http://two")] as const;
    buses[1].log = "second-log";
    for (const bus of buses) bus.publish(event("a", 1, NOW_S));
    using rig = openRig(directory, buses, NOW_MS);
    for (const reader of rig.readers) await reader.drain(NEVER);
    for (const isTrimmed of [false, true]) {
      buses[0].intervene = (request) => {
        if (isTrimmed) return { kind: "trimmed", log: "second-log", first: 0, next: 1 };
        return buses[1].answer(request);
      };
      const result = await rig.readers[0]!.drain(NEVER);
      assert.match("reason" in result ? result.reason : "", /http:\/\/two.*VABUS_URL/);
    }
    assert.equal(rig.core.aggregator.books.aggregated, 2);
  }),
);

Deno.test(
  "Retry-After is honoured",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", 1, NOW_S));
    using rig = openRig(directory, [bus], NOW_MS);
    bus.intervene = () => {
      if (bus.requests.length > 1) return undefined;
      throw new SourceError("unavailable", "busy", 77_000);
    };
    await rig.readers[0]!.drain(NEVER);
    assert.ok(rig.clock.ms - NOW_MS >= 77_000);
    assert.equal(rig.core.aggregator.books.aggregated, 1);
  }),
);

Deno.test(
  "windows close by the wall clock only after successful empty polls",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", 5, NOW_S - 100));
    using rig = openRig(directory, [bus], NOW_MS, { IDLE_TIMEOUT: "10", MAX_WAIT: "86400" });
    const stop = new AbortController();
    let polls = 0;
    bus.intervene = ({ offset }) => {
      if (offset === undefined) return undefined;
      polls++;
      rig.clock.ms += 4000;
      // Nine seconds of silence with a failure in between are not ten seconds of silence.
      if (polls === 3) throw new SourceError("unavailable", "gone");
      rig.core.ingest.checkpointNow();
      if (polls === 5) assert.deepEqual(outboxRows(rig), []);
      if (polls === 8) stop.abort();
      return undefined;
    };
    await rig.readers[0]!.run(stop.signal);
    rig.core.ingest.checkpointNow();
    assert.deepEqual(outboxRows(rig), [{ name: "a", start: 999_900, value: 5, count: 1 }]);
  }),
);

Deno.test(
  "fetching stops at a full outbox and goes on when it has emptied",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 40; i++) bus.publish(event("a", 1, NOW_S - 10_000 + 20 * i));
    using rig = openRig(directory, [bus], NOW_MS, {
      VABUS_BATCH_SIZE: "2",
      OUTBOX_MAX_ROWS: "5",
      CHECKPOINT_INTERVAL: "0.01",
    });
    const { ingest, outbox } = rig.core;
    const stop = new AbortController();
    let fetchedWhenFull: number | undefined;
    const { sleep } = rig.clock;
    rig.clock.sleep = async (ms) => {
      await sleep(ms);
      if (ingest.obstacle?.name !== "outbox_full") return;
      fetchedWhenFull ??= rig.core.aggregator.books.received;
      if (rig.core.aggregator.books.received > fetchedWhenFull) stop.abort();
      else outbox.advance("sqlite", outbox.endId());
    };
    bus.intervene = () => {
      rig.clock.ms += 1000;
      return undefined;
    };
    await rig.readers[0]!.run(stop.signal);
    assert.ok(fetchedWhenFull! < 40, `${fetchedWhenFull}`);
    assert.ok(rig.core.aggregator.books.received > fetchedWhenFull!);
  }),
);

Deno.test(
  "fetching goes on after the state has failed, also when there is nothing left to write",
  inTemporaryDirectory((directory) => {
    using rig = openRig(directory, [new MemorySource()], NOW_MS);
    const { state, ingest } = rig.core;
    const all = state.all;
    state.all = () => {
      throw new StateError("unwritable", "disk I/O error");
    };
    assert.equal(ingest.checkpointNow(), false);
    assert.equal(ingest.obstacle?.name, "state_not_writable");
    state.all = all;
    assert.equal(ingest.checkpointNow(), true);
    assert.equal(ingest.obstacle, undefined);
    return Promise.resolve();
  }),
);

for (
  const [what, lose] of Object.entries({
    "is removed with its directory": (path: string) =>
      Deno.renameSync(dirname(path), `${dirname(path)}.away`),
    "is removed": (path: string) => Deno.renameSync(path, `${path}.away`),
    "is replaced by a copy of itself": (path: string) => {
      Deno.copyFileSync(path, `${path}.copy`);
      Deno.renameSync(path, `${path}.away`);
      Deno.renameSync(`${path}.copy`, path);
    },
    "loses its write-ahead log": (path: string) => Deno.renameSync(`${path}-wal`, `${path}-wal.away`),
  })
) {
  Deno.test(
    `a state that ${what} under the handler stops the reading: nothing more is acknowledged`,
    inTemporaryDirectory(async (directory) => {
      const source = new MemorySource();
      source.publish(...[0, 1, 2].map((value) => ({ name: "a", value, timestamp: NOW_S })));
      using rig = openRig(`${directory}/state`, [source], NOW_MS);
      const { ingest, state } = rig.core;
      const [reader] = rig.readers;
      await reader!.drain(NEVER);
      assert.equal(ingest.checkpointNow(), true);
      lose(state.path);
      const before = source.requests.length;
      // Noticed with nothing new, too.
      assert.equal(ingest.checkpointNow(), false);
      assert.equal(ingest.obstacle?.name, "state_gone");
      assert.match(ingest.obstacle.detail, /was (removed|replaced) while the handler runs.*restore/s);
      source.publish({ name: "a", value: 3, timestamp: NOW_S });
      assert.equal((await reader!.drain(NEVER)).drained, false);
      await reader!.farewell();
      assert.equal(source.requests.length, before);
      assert.equal(rig.log.filter((line) => /fetching stops: /.test(line)).length, 1);
    }),
  );
}

Deno.test(
  "a state that a sink knows another life of stops the reading, and is acknowledged no more, until the sink is claimed",
  inTemporaryDirectory(async (directory) => {
    const source = new MemorySource();
    source.publish({ name: "a", value: 1, timestamp: NOW_S });
    using rig = openRig(directory, [source], NOW_MS);
    const { ingest, outbox, state } = rig.core;
    const claimant = outbox.claimant("sqlite");
    await rig.readers[0]!.drain(NEVER);
    assert.equal(ingest.checkpointNow(), true);
    const foreign = { stateId: state.stateId, boot: 7, life: "another", nextId: 0 };
    assert.match(claimant.objection(foreign) ?? "", /number 7/);
    assert.equal(ingest.obstacle?.name, "state_disputed");
    const before = source.requests.length;
    assert.equal((await rig.readers[0]!.drain(NEVER)).drained, false);
    await rig.readers[0]!.farewell();
    assert.equal(source.requests.length, before);
    claimant.claimed();
    assert.equal(ingest.obstacle, undefined);
  }),
);

Deno.test(
  "a state that was moved away under the handler and comes back is used again",
  inTemporaryDirectory(async (directory) => {
    const source = new MemorySource();
    using rig = openRig(`${directory}/state`, [source], NOW_MS);
    const { ingest, aggregator } = rig.core;
    Deno.renameSync(`${directory}/state`, `${directory}/away`);
    assert.equal(ingest.checkpointNow(), false);
    Deno.renameSync(`${directory}/away`, `${directory}/state`);
    assert.equal(ingest.checkpointNow(), true);
    source.publish({ name: "a", value: 1, timestamp: NOW_S });
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    assert.equal(ingest.checkpointNow(), true);
    assert.equal(aggregator.books.aggregated, 1);
  }),
);

Deno.test("property: whatever replies do and wherever the handler dies, each event counts once", async () => {
  const faults = fc.constantFrom(
    "none",
    "none",
    "error",
    "cut",
    "stale",
    "crash",
    "checkpoint",
    "otherOffset",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ name: fc.constantFrom("a", "b"), at: fc.integer({ min: 0, max: 60 }) }), {
        minLength: 1,
        maxLength: 40,
      }),
      fc.array(faults, { maxLength: 60 }),
      async (events, plan) => {
        await inTemporaryDirectory(async (directory) => {
          const bus = new MemorySource();
          bus.publish(...events.map(({ name, at }, i) => event(name, 2 ** (i % 20), NOW_S - 100 + at)));
          let turn = 0;
          for (let lives = 0; lives < 100; lives++) {
            using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "3" });
            const crash = new AbortController();
            bus.intervene = (request): FetchReply | undefined => {
              const fault = plan[turn++] ?? "none";
              const right = bus.answer(request);
              if (fault === "error") throw new SourceError("unavailable", "as planned");
              if (fault === "crash") crash.abort();
              if (fault === "checkpoint") rig.core.ingest.checkpointNow();
              if (fault === "cut" && right.kind === "events") {
                return { kind: "events", body: right.body.slice(0, right.body.length - 1 - turn % 20) };
              }
              if (fault === "stale") return bus.answer({ ...request, offset: 0 });
              if (fault === "otherOffset" && request.offset !== undefined) {
                return bus.answer({ ...request, offset: Math.max(0, request.offset - 1) });
              }
              return right;
            };
            const result = await rig.readers[0]!.drain(crash.signal);
            if (!result.drained) continue;
            rig.core.ingest.checkpointNow(true);
            const expected = new Map<string, { name: string; start: number; value: number; count: number }>();
            events.forEach(({ name, at }, i) => {
              const start = Math.floor((NOW_S - 100 + at) / 10) * 10;
              const row = expected.get(`${name} ${start}`) ?? { name, start, value: 0, count: 0 };
              expected.set(`${name} ${start}`, {
                ...row,
                value: row.value + 2 ** (i % 20),
                count: row.count + 1,
              });
            });
            assert.deepEqual(
              outboxRows(rig),
              [...expected.values()].sort((a, b) => a.start - b.start || (a.name < b.name ? -1 : 1)),
            );
            assert.equal(rig.core.aggregator.books.received, events.length);
            return;
          }
          assert.fail("never drained");
        })();
      },
    ),
    { numRuns: 20 },
  );
});

Deno.test(
  "what is readable before an event that is no JSON comes in; the event is given up only by an operator's word",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 20; i++) bus.publish(i === 13 ? `{"name":"half` : event("a", 1, NOW_S));
    {
      using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "16" });
      assert.equal((await rig.readers[0]!.drain(NEVER)).drained, false);
      assert.equal(rig.core.aggregator.books.aggregated, 13);
      assert.match(rig.core.ingest.partitions[0]!.failure!, /--skip-to http:\/\/bus=14$/);
      rig.core.ingest.checkpointNow();
    }
    for (let start = 0; start < 2; start++) {
      using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "16" });
      rig.core.ingest.giveUpBefore(0, 14);
      assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
      rig.core.ingest.checkpointNow();
      assert.equal(rig.core.aggregator.books.aggregated, 19);
      assert.equal(rig.core.ingest.lostEvents, 1);
    }
  }),
);

Deno.test(
  "a bus that refuses its own oldest event is asked again, and its place is kept",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", 1, NOW_S - 100));
    {
      using rig = openRig(directory, [bus], NOW_MS);
      await rig.readers[0]!.drain(NEVER);
      rig.core.ingest.checkpointNow();
    }
    bus.log = "second-log";
    let refusals = 0;
    bus.intervene = ({ offset }): FetchReply | undefined =>
      offset === undefined && refusals++ < 2 ? { kind: "reset", log: bus.log, first: 0, next: 0 } : undefined;
    using rig = openRig(directory, [bus], NOW_MS);
    await rig.readers[0]!.drain(NEVER);
    assert.equal(rig.core.aggregator.books.aggregated, 2);
    assert.equal(rig.core.ingest.lostEvents, 0);
    assert.match(rig.log.join("\n"), /does not have its oldest event/);
  }),
);

Deno.test(
  "property: one drain finds the event that cannot be cut out, wherever it is and however many were asked for",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 5000 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.nat(),
        fc.constantFrom(1, 2, 1000, 10_000, 1_000_000),
        fc.constantFrom("head", "healthz", "nowhere"),
        async (first, count, at, batchSize, says) => {
          await inTemporaryDirectory(async (directory) => {
            const bus = new MemorySource();
            bus.first = first;
            const bad = at % count;
            for (let i = 0; i < count; i++) bus.publish(i === bad ? '{"name":["half}' : event("a", 1, NOW_S));
            if (says !== "head") {
              bus.intervene = (request) => {
                const { log, offset, next, events } = wholeReply(bus, request);
                return {
                  kind: "events",
                  body: ENCODER.encode(
                    `{"events":[${events}],"log":"${log}","offset":${offset},"next":${next}}`,
                  ),
                };
              };
            }
            if (says === "nowhere") bus.oldest = () => Promise.reject(new SourceError("garbage", "404"));
            {
              using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: `${batchSize}` });
              const result = await rig.readers[0]!.drain(NEVER);
              assert.equal(result.drained, false);
              const reason = "reason" in result ? result.reason : "";
              if (says === "nowhere" && bad === 0) assert.doesNotMatch(reason, /--skip-to/);
              else assert.match(reason, new RegExp(`--skip-to http://bus=${first + bad + 1}$`));
              assert.equal(rig.core.aggregator.books.received, bad);
              rig.core.ingest.checkpointNow();
            }
            if (says === "nowhere") return;
            // What was learnt of the log's beginning is in the state: nothing before it counts as lost.
            using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: `${batchSize}` });
            rig.core.ingest.giveUpBefore(0, first + bad + 1);
            assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
            assert.equal(rig.core.aggregator.books.received, count - 1);
            assert.equal(rig.core.ingest.lostEvents, 1);
          })();
        },
      ),
      {
        numRuns: 30,
        seed: 1003,
        // The very first event: nothing is known of the log yet.
        examples: [[5, 3, 0, 1000, "head"], [5, 3, 0, 1000, "healthz"], [5, 3, 0, 2, "nowhere"]],
      },
    );
  },
);

Deno.test(
  "an answer that something on the way cuts off beyond a size is asked for in parts",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 5000; i++) bus.publish(event("a", 1, NOW_S));
    bus.intervene = ({ limit }) => {
      if (limit > 40) throw new SourceError("incomplete", "http://bus: the answer was cut off");
      return undefined;
    };
    using rig = openRig(directory, [bus], NOW_MS);
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    assert.equal(rig.core.aggregator.books.received, 5000);
    assert.equal(rig.clock.ms, NOW_MS, "it has waited");
  }),
);

Deno.test(
  "an element that is not JSON, or not UTF-8, is a dead letter at its own offset, and costs no other event",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.first = 40;
    bus.publish(
      event("a", 1, NOW_S),
      '{"name":"a","value":NaN,"timestamp":1}',
      event("a", 1, NOW_S),
      "@",
      event("a", 1, NOW_S),
    );
    bus.intervene = (request) => {
      const right = bus.answer(request);
      if (right.kind !== "events") return right;
      return { kind: "events", body: right.body.map((byte) => byte === 0x40 ? 0xfc : byte) };
    };
    using rig = openRig(directory, [bus], NOW_MS);
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    rig.core.ingest.checkpointNow();
    const { received, aggregated, invalid } = rig.core.aggregator.books;
    assert.deepEqual({ received, aggregated, invalid }, { received: 5, aggregated: 3, invalid: 2 });
    const deadLetters = readDeadLetters(rig.core.state, { limit: 9 });
    assert.deepEqual(
      deadLetters.map(({ offset, detail, raw }) => [offset, detail, Buffer.from(raw!).toString("latin1")]),
      [
        [41, "not JSON", '{"name":"a","value":NaN,"timestamp":1}'],
        [43, "not UTF-8", "\xfc"],
      ],
    );
    assert.equal(bus.requests.length, 2);
  }),
);

const ENCODER = new TextEncoder();

/** What the bus says to a request for events that it has. */
function wholeReply(bus: MemorySource, { offset = bus.first, limit }: FetchRequest) {
  const events = bus.events.slice(offset - bus.first, offset - bus.first + limit);
  return { log: bus.log, offset, next: offset + events.length, events };
}

const AT_ONCE: Record<string, (request: FetchRequest, asked: number) => FetchReply> = {
  "that it has nothing": ({ offset = 0 }) => reply("log", offset, []),
  "that what is asked for was trimmed": ({ offset = 0 }) => ({
    kind: "trimmed",
    log: "log",
    first: offset + 1,
    next: offset + 2,
  }),
  "another log each time": ({ offset = 0 }, asked) => reply(`log ${asked}`, offset, []),
};

for (const [what, answer] of Object.entries(AT_ONCE)) {
  Deno.test(
    `a bus that says at once ${what} is asked about once a second`,
    inTemporaryDirectory(async (directory) => {
      const bus = new MemorySource();
      using rig = openRig(directory, [bus], NOW_MS);
      const stop = new AbortController();
      bus.intervene = (request) => {
        if (rig.clock.ms > NOW_MS + 600_000 || bus.requests.length > 10_000) stop.abort();
        return answer(request, bus.requests.length);
      };
      await rig.readers[0]!.run(stop.signal);
      assert.ok(bus.requests.length < 700, `${bus.requests.length} requests in ten minutes`);
    }),
  );
}

Deno.test(
  "a bus that says at once that it has nothing is idle as soon as one that waits before it says so",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", 5, NOW_S - 100));
    using rig = openRig(directory, [bus], NOW_MS, { IDLE_TIMEOUT: "10", MAX_WAIT: "86400" });
    const stop = new AbortController();
    bus.intervene = () => {
      const seconds = (rig.clock.ms - NOW_MS) / 1000;
      rig.core.ingest.checkpointNow();
      if (seconds < 9) assert.deepEqual(outboxRows(rig), []);
      if (seconds > 12) stop.abort();
      return undefined;
    };
    await rig.readers[0]!.run(stop.signal);
    assert.deepEqual(outboxRows(rig), [{ name: "a", start: 999_900, value: 5, count: 1 }]);
  }),
);

Deno.test(
  "a bus that has events is never paused for",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    for (let i = 0; i < 100; i++) bus.publish(event("a", 1, NOW_S));
    using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "1" });
    const stop = new AbortController();
    let doneMs: number | undefined;
    bus.intervene = ({ offset }) => {
      if (offset === 100) doneMs ??= rig.clock.ms;
      if (doneMs !== undefined) stop.abort();
      return undefined;
    };
    await rig.readers[0]!.run(stop.signal);
    assert.equal(doneMs, NOW_MS);
  }),
);

Deno.test(
  "a reader that has ended is not stuck, however long ago that was",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    using rig = openRig(directory, [bus], NOW_MS);
    const [reader] = rig.readers;
    const stop = new AbortController();
    let wasStuck: string | undefined;
    bus.intervene = () => {
      rig.clock.ms += 3_600_000;
      wasStuck = reader!.pulses().at(-1)!.overdue(0);
      stop.abort();
      return undefined;
    };
    await reader!.run(stop.signal);
    assert.equal(wasStuck, "the answer of the bus");
    assert.equal(reader!.pulses().at(-1)!.overdue(0), undefined);
  }),
);

Deno.test(
  "pauses grow from failure to failure, and begin anew once the bus has answered",
  inTemporaryDirectory(async (directory) => {
    const bus = new MemorySource();
    bus.publish(event("a", 1, NOW_S), event("a", 1, NOW_S));
    using rig = openRig(directory, [bus], NOW_MS, { VABUS_BATCH_SIZE: "1" });
    const pauses: number[] = [];
    rig.clock.sleep = (ms) => {
      pauses.push(ms);
      return Promise.resolve();
    };
    const isAway = [true, true, true, false, true, true, true];
    bus.intervene = () => {
      if (isAway.shift()) throw new SourceError("unavailable", "away");
      return undefined;
    };
    await rig.readers[0]!.drain(NEVER);
    assert.deepEqual(pauses, [100, 100, 200, 100, 100, 200]);
  }),
);
