import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "../support/fast_check.ts";
import { type ChunkStore, EventLog, type LogOptions } from "../../src/bus/event_log.ts";
import { LogFullError, UnwritableError } from "../../src/bus/log_errors.ts";
import { MemoryStore } from "../../src/bus/memory_store.ts";
import { splitArray } from "../../src/bus/raw_events.ts";
import { openStores } from "../../src/bus/sqlite_store.ts";
import { temporaryDirectory } from "../support/executable.ts";

const EXPIRY_MS = 1000;
const ROOMY = { maxEvents: 1000, maxBytes: 100_000, whenFull: "drop-oldest" } as const;
type Bounds = Pick<LogOptions, "maxEvents" | "maxBytes" | "whenFull">;
const ALL = 1e9;
const NEVER = new AbortController().signal;

interface Rig {
  readonly log: EventLog;
  /** Oldest offsets after each trimming of unacknowledged events. */
  readonly losses: number[];
  /** Consumers that could not be remembered. */
  readonly strangers: string[];
  /** Time in milliseconds; tests move it on. */
  readonly clock: { nowMs: number };
}

function open(store: ChunkStore, bounds: Bounds, clock = { nowMs: 0 }): Rig {
  const losses: number[] = [];
  const strangers: string[] = [];
  const log = new EventLog(store, {
    ...bounds,
    consumerExpiryMs: EXPIRY_MS,
    nowMs: () => clock.nowMs,
    onLoss: (first) => losses.push(first),
    onStranger: (name) => strangers.push(name),
  });
  return { log, losses, strangers, clock };
}

/** Runs a test of the contract over each store. */
function contract(name: string, bounds: Bounds, test: (rig: Rig) => void | Promise<void>): void {
  const run = async (store: ChunkStore) => {
    const rig = open(store, bounds);
    try {
      await test(rig);
    } finally {
      rig.log.close();
    }
  };
  Deno.test(`memory: ${name}`, () => run(new MemoryStore()));
  Deno.test(`sqlite: ${name}`, async () => {
    await using directory = await temporaryDirectory();
    await run(openStores(`${directory.path}/bus.sqlite`)("events"));
  });
}

function publish(log: EventLog, ...numbers: number[]): void {
  log.append(splitArray(new TextEncoder().encode(JSON.stringify(numbers.map((n) => ({ n }))))));
}

function read(
  log: EventLog,
  offset: number,
  limit: number,
  maxBytes = ALL,
): { events: number[]; next: number } {
  const { pieces, next } = log.read(offset, limit, maxBytes);
  const text = pieces.map((piece) => new TextDecoder().decode(piece)).join(",");
  return { events: JSON.parse(`[${text}]`).map(({ n }: { n: number }) => n), next };
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
    assert.equal(new TextDecoder().decode(log.take()), `{"n":${expected}}`);
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
    publish(log, 0, 1);
    publish(log, 2);
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

const LARGE = 3000;

function publishLarge(log: EventLog, n: number): void {
  log.append(splitArray(new TextEncoder().encode(`[{"n":${n},"x":"${"x".repeat(LARGE)}"}]`)));
}

contract("the oldest go when the bytes demand it", { ...ROOMY, maxBytes: 6 * LARGE }, ({ log, losses }) => {
  for (let i = 0; i < 10; i++) publishLarge(log, i);
  assert.deepEqual([log.first, log.next], [5, 10]);
  assert.deepEqual(read(log, 5, 100).events, range(5, 10));
  assert.deepEqual(losses, [1], "told once, not each time");
});

contract("tiny events count for what they take", { ...ROOMY, maxBytes: 20_000 }, ({ log }) => {
  for (let i = 0; i < 100; i++) {
    log.append(splitArray(new TextEncoder().encode(`[${Array(100).fill("{}").join(",")}]`)));
  }
  assert.ok(log.next - log.first < 20_000 / (2 + 4), `${log.next - log.first}`);
});

contract("what can never fit is not taken", { ...ROOMY, maxEvents: 3, maxBytes: 2000 }, ({ log }) => {
  const isForGood = (error: unknown) => error instanceof LogFullError && error.isForGood;
  assert.throws(() => publish(log, ...range(0, 4)), isForGood);
  assert.throws(() => publishLarge(log, 0), isForGood);
  assert.deepEqual([log.first, log.next], [0, 0]);
});

contract("a reply has as many events as fit into its bytes, and one at least", ROOMY, ({ log }) => {
  publish(log, ...range(0, 10));
  publishLarge(log, 10);
  publish(log, ...range(11, 20));
  const size = '{"n":0}'.length;
  assert.deepEqual(read(log, 0, 100, 0).events, [0]);
  assert.deepEqual(read(log, 0, 100, 3 * size + 2).events, [0, 1, 2]);
  assert.deepEqual(read(log, 0, 100, 3 * size + 1).events, [0, 1]);
  assert.deepEqual(read(log, 8, 100, 1000).events, [8, 9]);
  assert.deepEqual(read(log, 10, 100, 10).events, [10]);
  assert.deepEqual(read(log, 0, 100).events, range(0, 20));
});

contract(
  "what is published at once is read in part",
  { ...ROOMY, maxEvents: 1e6, maxBytes: 1e9 },
  ({ log }) => {
    const texts = Array.from({ length: 5000 }, (_, n) => `{"n":${n},"x":"${"x".repeat(1000)}"}`);
    log.append(splitArray(new TextEncoder().encode(`[${texts.join(",")}]`)));
    for (const offset of [0, 1, 1020, 1021, 1022, 1023, 1024, 2500, 4999]) {
      const end = Math.min(5000, offset + 1500);
      assert.deepEqual(read(log, offset, 1500), { events: range(offset, end), next: end });
    }
  },
);

contract(
  "a consumer holds what it has not acknowledged",
  { ...ROOMY, maxEvents: 10, whenFull: undefined },
  ({ log, losses }) => {
    publish(log, ...range(0, 10));
    publish(log, 10);
    assert.deepEqual([log.first, losses], [1, [1]], "nobody was known");
    log.acknowledge("a", 4);
    log.acknowledge("b", 9);
    publish(log, 11, 12, 13);
    assert.equal(log.first, 4);
    assert.throws(
      () => publish(log, 14),
      (error) => error instanceof LogFullError && !error.isForGood && /"a"/.test(error.message),
    );
    assert.deepEqual([log.first, log.next], [4, 14]);
    log.acknowledge("a", 14);
    publish(log, 14);
    assert.equal(log.first, 5);
  },
);

contract(
  "who is not heard of counts no more",
  { ...ROOMY, maxEvents: 2, whenFull: undefined },
  ({ log, clock }) => {
    log.acknowledge("a", 0);
    publish(log, 0, 1);
    for (let i = 0; i < 5; i++) {
      clock.nowMs += EXPIRY_MS - 1;
      assert.throws(() => publish(log, 2), LogFullError);
      log.acknowledge("a", 0);
    }
    clock.nowMs += EXPIRY_MS;
    publish(log, 2);
    assert.equal(log.first, 1);
  },
);

contract("consumers are bounded; those that count no more make room", ROOMY, ({ log, clock, strangers }) => {
  for (let i = 0; i < 1001; i++) log.acknowledge(`c${i}`, 0);
  assert.deepEqual(strangers, ["c1000"]);
  clock.nowMs += EXPIRY_MS;
  log.acknowledge("new", 0);
  assert.deepEqual(strangers, ["c1000"]);
});

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant("read" as const), consumer: fc.constantFrom("a", "b"), unread: fc.nat(8) }),
    fc.record({ kind: fc.constant("time" as const), ms: fc.nat(EXPIRY_MS) }),
  ),
  { maxLength: 60 },
);

Deno.test("whatever is published, nothing goes that a consumer heard of has not acknowledged", () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const { log, clock } = open(new MemoryStore(), { ...ROOMY, maxEvents: 10, whenFull: undefined });
      const consumers = new Map<string, { acknowledged: number; heardMs: number }>();
      for (const step of steps) {
        const { first, next } = log;
        if (step.kind === "time") clock.nowMs += step.ms;
        else if (step.kind === "read") {
          const offset = Math.max(0, next - step.unread);
          log.acknowledge(step.consumer, offset);
          const acknowledged = Math.max(offset, consumers.get(step.consumer)?.acknowledged ?? 0);
          consumers.set(step.consumer, { acknowledged, heardMs: clock.nowMs });
        } else {
          for (const [name, { heardMs }] of consumers) {
            if (clock.nowMs - heardMs >= EXPIRY_MS) consumers.delete(name);
          }
          const least = Math.min(...[...consumers.values()].map(({ acknowledged }) => acknowledged));
          const needed = Math.max(first, next + step.count - 10);
          const isTaken = needed === first || needed <= least;
          const take = () => publish(log, ...range(next, next + step.count));
          if (isTaken) take();
          else assert.throws(take, LogFullError);
          assert.deepEqual([log.first, log.next], isTaken ? [needed, next + step.count] : [first, next]);
          assert.deepEqual(read(log, log.first, 100).events, range(log.first, log.next));
        }
      }
    }),
    { seed: 12_04, numRuns: 500 },
  );
});

Deno.test("sqlite: a consumer counts over restarts, for the time that the bus runs", () => {
  const directory = Deno.makeTempDirSync();
  const bounds = { ...ROOMY, maxEvents: 2, whenFull: undefined };
  // Each start has another origin of its clock.
  const start = (nowMs: number) => open(openStores(`${directory}/bus.sqlite`)("events"), bounds, { nowMs });
  try {
    const first = start(5_000_000);
    first.log.acknowledge("a", 0);
    publish(first.log, 0, 1);
    first.log.close();
    const second = start(17);
    second.clock.nowMs += EXPIRY_MS - 1;
    assert.throws(() => publish(second.log, 2), LogFullError);
    second.clock.nowMs += 1;
    publish(second.log, 2);
    second.log.acknowledge("b", 0);
    second.log.close();
    const third = start(1e12);
    assert.throws(() => publish(third.log, 3), /"b"/);
    third.log.close();
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
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
  const openBoth = (bounds: Bounds) => {
    const storeNamed = openStores(`${directory}/bus.sqlite`);
    const { log: events, losses } = open(storeNamed("events"), bounds);
    const { log: metrics } = open(storeNamed("metrics"), bounds);
    return { events, metrics, losses, close: () => [events, metrics].forEach((log) => log.close()) };
  };
  try {
    const before = openBoth(ROOMY);
    publish(before.events, ...range(0, 10));
    publish(before.events, ...range(10, 20));
    publish(before.metrics, 1000);
    before.events.acknowledge("a", 18);
    for (let i = 0; i < 13; i++) before.events.take();
    const { id } = before.events;
    before.close();

    const after = openBoth({ ...ROOMY, maxEvents: 3 });
    assert.equal(after.events.id, id);
    assert.notEqual(after.metrics.id, id);
    assert.deepEqual([after.events.first, after.events.next], [13, 20]);
    assert.deepEqual(read(after.events, 13, 100).events, range(13, 20));
    assert.deepEqual(read(after.metrics, 0, 100).events, [1000]);
    publish(after.events, 20);
    assert.deepEqual([after.events.first, after.losses], [18, [18]], "who takes has not taken them");
    publish(after.events, 21);
    assert.deepEqual([after.events.first, after.losses], [19, [18]]);
    after.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("sqlite: events for which no room can be made on the disk are refused, and not kept", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/bus.sqlite`;
  const openLog = () => open(openStores(path)("events"), { ...ROOMY, maxEvents: 2 }).log;
  const before = openLog();
  publish(before, 0);
  publish(before, 1);
  before.close();
  const file = new DatabaseSync(path);
  file.exec(
    "CREATE TRIGGER fault BEFORE UPDATE OF first ON log WHEN new.first > old.first " +
      "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
  );
  file.close();
  const log = openLog();
  try {
    assert.throws(() => publish(log, 2), UnwritableError);
    assert.deepEqual([log.first, log.next], [0, 2]);
    assert.deepEqual(read(log, 0, ALL).events, [0, 1]);
  } finally {
    log.close();
  }
  const after = openLog();
  assert.deepEqual([after.first, after.next], [0, 2]);
  after.close();
});
