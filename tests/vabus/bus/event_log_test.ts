import assert from "node:assert/strict";
import { type ChunkStore, EventLog } from "../../../src/vabus/bus/event_log.ts";
import { MemoryStore } from "../../../src/vabus/bus/memory_store.ts";
import { splitArray } from "../../../src/vabus/bus/raw_events.ts";
import { openDatabase, SqliteStore } from "../../../src/vabus/bus/sqlite_store.ts";

const ROOMY = { maxEvents: 1000, maxBytes: 100_000 };
const NEVER = new AbortController().signal;

interface Rig {
  readonly log: EventLog;
  /** Oldest offsets after each trimming that cost unacknowledged events. */
  readonly losses: number[];
}

/** Runs a test of the contract over each store. */
function contract(name: string, bounds: typeof ROOMY, test: (rig: Rig) => void | Promise<void>): void {
  const run = async (store: ChunkStore) => {
    const losses: number[] = [];
    const log = new EventLog(store, bounds, (first) => losses.push(first));
    try {
      await test({ log, losses });
    } finally {
      log.close();
    }
  };
  Deno.test(`memory: ${name}`, () => run(new MemoryStore()));
  Deno.test(`sqlite: ${name}`, () => run(new SqliteStore(openDatabase(":memory:"), "events")));
}

function publish(log: EventLog, ...numbers: number[]): void {
  log.append(splitArray(new TextEncoder().encode(JSON.stringify(numbers))));
}

function read(log: EventLog, offset: number, limit: number): { events: number[]; next: number } {
  const { pieces, next } = log.read(offset, limit);
  const text = pieces.map((piece) => new TextDecoder().decode(piece)).join(",");
  return { events: JSON.parse(`[${text}]`), next };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

contract("a new log is empty and has an identity", ROOMY, ({ log }) => {
  assert.deepEqual([log.first, log.next], [0, 0]);
  assert.match(log.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(read(log, 0, 10), { events: [], next: 0 });
  assert.equal(log.take(), undefined);
});

contract("any range is read across the borders of what was published", ROOMY, ({ log }) => {
  for (const [from, to] of [[0, 3], [3, 4], [4, 4], [4, 20]] as const) publish(log, ...range(from, to));
  assert.deepEqual([log.first, log.next], [0, 20]);
  for (let offset = 0; offset <= 20; offset++) {
    for (let limit = 1; limit <= 21; limit++) {
      const next = Math.min(20, offset + limit);
      assert.deepEqual(read(log, offset, limit), { events: range(offset, next), next });
    }
  }
});

contract("taking removes the oldest event", ROOMY, ({ log }) => {
  publish(log, 0, 1);
  publish(log, 2);
  for (const expected of [0, 1, 2]) {
    assert.equal(new TextDecoder().decode(log.take()), String(expected));
    assert.equal(log.first, expected + 1);
  }
  assert.equal(log.take(), undefined);
  publish(log, 3);
  assert.deepEqual(read(log, 3, 10), { events: [3], next: 4 });
});

contract("nothing goes before its room is needed", { ...ROOMY, maxEvents: 10 }, ({ log, losses }) => {
  publish(log, ...range(0, 6));
  log.acknowledge("a", 6);
  publish(log, ...range(6, 10));
  assert.deepEqual([log.first, losses], [0, []]);
});

contract("exactly as much goes as the count demands", { ...ROOMY, maxEvents: 10 }, ({ log, losses }) => {
  publish(log, ...range(0, 6));
  publish(log, ...range(6, 10));
  log.acknowledge("a", 2);
  log.acknowledge("b", 10);
  publish(log, ...range(10, 12));
  assert.deepEqual([log.first, log.next, losses], [2, 12, []]);
  assert.deepEqual(read(log, 2, 100).events, range(2, 12));
  publish(log, 12);
  assert.deepEqual([log.first, losses], [3, [3]], "the oldest goes though a has not acknowledged it");
});

contract(
  "a consumer that never acknowledged anything is known",
  { ...ROOMY, maxEvents: 2 },
  ({ log, losses }) => {
    log.acknowledge("a", 2);
    log.acknowledge("b", 0);
    publish(log, 0, 1, 2);
    assert.deepEqual([log.first, losses], [1, [1]]);
  },
);

contract("an acknowledgement is never taken back", { ...ROOMY, maxEvents: 2 }, ({ log, losses }) => {
  publish(log, 0, 1);
  log.acknowledge("a", 2);
  log.acknowledge("a", 0);
  publish(log, 2);
  assert.deepEqual([log.first, losses], [1, []]);
});

contract("the oldest go when the bytes demand it", { maxEvents: 1000, maxBytes: 50 }, ({ log, losses }) => {
  for (let i = 0; i < 10; i++) publish(log, 1111111111);
  assert.deepEqual([log.first, log.next], [5, 10]);
  assert.deepEqual(read(log, 5, 100).events.length, 5);
  assert.deepEqual(losses, [1], "told once, not each time");
});

contract("more than fits leaves the newest", { ...ROOMY, maxEvents: 3 }, ({ log }) => {
  publish(log, ...range(0, 10));
  assert.deepEqual(read(log, log.first, 100), { events: [7, 8, 9], next: 10 });
});

contract("who waits is woken by the first event", ROOMY, async ({ log }) => {
  const waiting = log.waitFor(0, 60_000, NEVER);
  publish(log, 0);
  await waiting;
  await log.waitFor(0, 60_000, NEVER);
});

contract("who waits is let go by the signal and by closing", ROOMY, async ({ log }) => {
  const gone = new AbortController();
  const waiting = log.waitFor(0, 60_000, gone.signal);
  gone.abort();
  await waiting;
  await log.waitFor(0, 60_000, gone.signal);
  const other = log.waitFor(0, 60_000, NEVER);
  log.close();
  await other;
});

contract("waiting ends when its time is over", ROOMY, async ({ log }) => {
  await log.waitFor(0, 1, NEVER);
  await log.waitFor(0, 0, NEVER);
});

Deno.test("sqlite: everything is there again after reopening, each log under its name", async () => {
  const directory = await Deno.makeTempDir();
  const open = (bounds: typeof ROOMY) => {
    const losses: number[] = [];
    const database = openDatabase(`${directory}/bus.sqlite`);
    const events = new EventLog(new SqliteStore(database, "events"), bounds, (first) => losses.push(first));
    const metrics = new EventLog(new SqliteStore(database, "metrics"), bounds, () => {});
    return { events, metrics, losses, close: () => [events, metrics].forEach((log) => log.close()) };
  };
  try {
    const before = open(ROOMY);
    publish(before.events, ...range(0, 10));
    publish(before.events, ...range(10, 20));
    publish(before.metrics, 1000);
    before.events.acknowledge("a", 18);
    for (let i = 0; i < 13; i++) before.events.take();
    const { id } = before.events;
    before.close();

    const after = open({ ...ROOMY, maxEvents: 3 });
    assert.equal(after.events.id, id);
    assert.notEqual(after.metrics.id, id);
    assert.deepEqual([after.events.first, after.events.next], [13, 20]);
    assert.deepEqual(read(after.events, 13, 100).events, range(13, 20));
    assert.deepEqual(read(after.metrics, 0, 100).events, [1000]);
    publish(after.events, 20);
    assert.deepEqual([after.events.first, after.losses], [18, []]);
    publish(after.events, 21);
    assert.deepEqual([after.events.first, after.losses], [19, [19]]);
    after.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
