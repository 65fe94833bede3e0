import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { systemClock } from "../../src/platform/clock/clock.ts";
import { Router } from "../../src/delivery/router.ts";
import { type OutboxBatch, type Sink, type SinkContext, SinkError } from "../../src/contract/sink.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { deliveryTo, HastyClock, Ledger } from "./delivery_rig.ts";
import { MemoryOutbox } from "./memory_outbox.ts";
import { rowsOf } from "../support/rows_of.ts";

/** What a sink does with an attempt. */
type Fate = "ok" | "unavailable" | "misconfigured" | "applied but failed" | "hang";

const NEVER = new AbortController().signal;
const FIRED = AbortSignal.abort();

/** Keeps aggregates by name. Each attempt fails as scripted. */
class ScriptedSink implements Sink {
  readonly repeat = "upsert";
  readonly rows = new Map<string, number>();
  readonly batches: number[] = [];
  opened = 0;
  isOpen = false;
  poison: (name: string) => boolean = () => false;
  openAt = (context: SinkContext) => context.cursor;

  constructor(readonly id: string, private readonly fates: Fate[] = []) {}

  async open(context: SinkContext): Promise<number> {
    await this.meet(() => {});
    this.opened++;
    this.isOpen = true;
    return this.openAt(context);
  }

  async write(batch: OutboxBatch): Promise<void> {
    assert.ok(this.isOpen, "written to while closed");
    assert.equal(batch.ids.length, batch.aggregates.length);
    await this.meet(() => {
      const bad = rowsOf(batch).find(({ name }) => this.poison(name));
      if (bad) throw new SinkError("rejected", `cannot stand ${bad.name}`);
      this.batches.push(batch.aggregates.length);
      for (const { name } of batch.aggregates) this.rows.set(name, (this.rows.get(name) ?? 0) + 1);
    });
  }

  probe = () => Promise.resolve("here");

  close(): Promise<void> {
    this.isOpen = false;
    return Promise.resolve();
  }

  private async meet(apply: () => void): Promise<void> {
    const fate = this.fates.shift() ?? "ok";
    if (fate === "hang") await new Promise(() => {});
    if (fate === "unavailable" || fate === "misconfigured") throw new SinkError(fate, `is ${fate}`);
    apply();
    if (fate === "applied but failed") throw new SinkError("unavailable", "the answer was lost");
  }
}

Deno.test("delivers all in order, then ends when it shall finish", async () => {
  const outbox = MemoryOutbox.of(20);
  const sink = new ScriptedSink("s");
  const ledger = new Ledger();
  const clock = new HastyClock();
  const delivery = deliveryTo(sink, outbox, clock, ledger);
  assert.equal(await delivery.run(FIRED, NEVER), undefined);
  clock.ms += 3_600_000;
  assert.equal(delivery.pulse.overdue(0), undefined);
  assert.deepEqual([...sink.rows.keys()], outbox.aggregates.map(({ name }) => name));
  assert.deepEqual(sink.batches, [8, 8, 4]);
  assert.equal(outbox.cursor("s"), 20);
  assert.equal(ledger.delivered_, 20);
  assert.equal(sink.isOpen, false);
});

Deno.test("the memory of a batch is freed once all of it is settled, and not where the sink may go on with it", async () => {
  const freed: number[] = [];
  const outbox = MemoryOutbox.of(12);
  const read = outbox.read.bind(outbox);
  outbox.read = (...of) => {
    const batch = read(...of);
    const rows = batch && rowsOf(batch);
    const release = () => void freed.push(rows!.splice(0).length);
    return batch && { ...batch, aggregates: Object.assign(rows!, { release }) };
  };
  const sink = new ScriptedSink("s", ["ok", "unavailable"]);
  sink.poison = (name) => name === "n6";
  assert.equal(await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER), undefined);
  assert.equal(outbox.rejected.length, 1);
  assert.equal(sink.rows.size, 11);
  assert.deepEqual(freed, [8, 4]);
});

Deno.test("a sink that answers at once keeps neither signals nor timers waiting", async () => {
  const outbox = MemoryOutbox.of(800);
  const sink = new ScriptedSink("s");
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 0);
  assert.match((await deliveryTo(sink, outbox, systemClock).run(NEVER, stop.signal))!, /aggregates wait/);
});

Deno.test("a sink that is away is opened anew until it takes everything", async () => {
  const outbox = MemoryOutbox.of(3);
  const sink = new ScriptedSink("s", ["unavailable", "ok", "unavailable", "unavailable", "ok", "ok"]);
  const clock = new HastyClock();
  const log: string[] = [];
  const stop = new AbortController();
  const delivery = deliveryTo(sink, outbox, clock, new Ledger(), log);
  const running = delivery.run(NEVER, stop.signal);
  while (outbox.cursor("s") < 3) await clock.sleep(0, NEVER);
  stop.abort();
  await running;
  assert.deepEqual(sink.rows.get("n0"), 1);
  assert.equal(sink.opened, 3 - 1);
  assert.equal(log.filter((line) => line.includes("works again")).length >= 1, true);
});

Deno.test("pauses grow from 0.1 to 30 s; the breaker opens after five failures and closes with the first success", async () => {
  const outbox = MemoryOutbox.of(1);
  const sink = new ScriptedSink("s", Array<Fate>(12).fill("unavailable"));
  const clock = new HastyClock();
  const delivery = deliveryTo(sink, outbox, clock);
  const states: string[] = [];
  const { sleep } = clock;
  const pauses: number[] = [];
  const stop = new AbortController();
  clock.sleep = async (ms, signal) => {
    // Only the pauses between attempts end with the service. The time limit of an attempt is a sleep, too.
    if (delivery.standing.error !== undefined && !sink.isOpen && ms !== 5000) {
      pauses.push(ms);
      states.push(delivery.standing.state);
    }
    await sleep(ms, signal);
  };
  const running = delivery.run(NEVER, stop.signal);
  while (outbox.cursor("s") < 1) await sleep(0, NEVER);
  assert.equal(delivery.standing.state, "delivering");
  stop.abort();
  await running;
  assert.deepEqual(pauses.slice(0, 12), [
    100,
    200,
    400,
    800,
    1600,
    3200,
    6400,
    12800,
    25600,
    30000,
    30000,
    30000,
  ]);
  assert.deepEqual(states.slice(0, 6), ["failing", "failing", "failing", "failing", "broken", "broken"]);
});

Deno.test("pauses begin small again after a success", async () => {
  const outbox = MemoryOutbox.of(16);
  const sink = new ScriptedSink("s", [
    "unavailable",
    "unavailable",
    "unavailable",
    "ok",
    "ok",
    "unavailable",
  ]);
  const clock = new HastyClock();
  const stop = new AbortController();
  const running = deliveryTo(sink, outbox, clock).run(NEVER, stop.signal);
  while (outbox.cursor("s") < 16) await systemClock.sleep(1, NEVER);
  stop.abort();
  await running;
  // Other sleeps are the limits of attempts, turns of the event loop, and waits for new aggregates.
  assert.deepEqual(clock.pauses.filter((ms) => ms > 0 && ms < 5000), [100, 200, 400, 100]);
});

Deno.test("a misconfigured sink is tried again slowly and told loudly", async () => {
  const outbox = MemoryOutbox.of(1);
  const sink = new ScriptedSink("s", ["misconfigured"]);
  const clock = new HastyClock();
  const log: string[] = [];
  const stop = new AbortController();
  const delivery = deliveryTo(sink, outbox, clock, new Ledger(), log);
  const running = delivery.run(NEVER, stop.signal);
  while (outbox.cursor("s") < 1) await clock.sleep(0, NEVER);
  stop.abort();
  await running;
  assert.ok(clock.pauses.includes(30_000));
  assert.match(log.join("\n"), /ERROR.*is misconfigured/);
});

Deno.test("a sink that hangs counts as unavailable after its time, and ending does not wait for it", async () => {
  const outbox = MemoryOutbox.of(1);
  const sink = new ScriptedSink("s", ["ok", "hang", "ok", "hang"]);
  const clock = new HastyClock();
  const ledger = new Ledger();
  const stop = new AbortController();
  const running = deliveryTo(sink, outbox, clock, ledger).run(NEVER, stop.signal);
  while (ledger.failures.length < 2) await clock.sleep(0, NEVER);
  stop.abort();
  assert.match(await running ?? "", /no answer within 5 s/);
  assert.deepEqual(ledger.failures.slice(0, 2), ["unavailable", "unavailable"]);
});

Deno.test("what the sink says it already has is not written again", async () => {
  const outbox = MemoryOutbox.of(5);
  const sink = new ScriptedSink("s");
  sink.openAt = () => 3;
  await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER);
  assert.deepEqual([...sink.rows.keys()], ["n3", "n4"]);
});

Deno.test("finishing gives up on a sink that stays away, and says what waits and why", async () => {
  const outbox = MemoryOutbox.of(5);
  const sink = new ScriptedSink("s", Array<Fate>(100).fill("unavailable"));
  const reason = await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER);
  assert.equal(reason, "s: up to 5 aggregates wait; is unavailable");
});

Deno.test("property: exactly the rows at fault become dead letters, and all others arrive", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 59 })),
      async (count, bad) => {
        const outbox = MemoryOutbox.of(count);
        const sink = new ScriptedSink("s");
        const poisoned = new Set(bad.filter((i) => i < count).map((i) => `n${i}`));
        sink.poison = (name) => poisoned.has(name);
        const ledger = new Ledger();
        assert.equal(await deliveryTo(sink, outbox, new HastyClock(), ledger).run(FIRED, NEVER), undefined);
        assert.deepEqual(outbox.rejected.map(({ name }) => name).sort(), [...poisoned].sort());
        assert.ok(outbox.rejected.every(({ name, error }) => error === `cannot stand ${name}`));
        assert.equal(sink.rows.size, count - poisoned.size);
        assert.equal(ledger.rejected_, poisoned.size);
        assert.equal(ledger.delivered_, count - poisoned.size);
        assert.equal(outbox.cursor("s"), count);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("property: whatever fails, and when, everything arrives", async () => {
  const fates = fc.array(fc.constantFrom<Fate>("ok", "unavailable", "applied but failed", "hang"), {
    maxLength: 25,
  });
  await fc.assert(
    fc.asyncProperty(fates, fates, async (one, two) => {
      const outbox = MemoryOutbox.of(30);
      const sinks = [new ScriptedSink("one", [...one]), new ScriptedSink("two", [...two])];
      const clock = new HastyClock();
      const router = new Router(sinks.map((sink) => deliveryTo(sink, outbox, clock)));
      const running = router.run(NEVER);
      while (sinks.some(({ id }) => outbox.cursor(id) < 30)) await clock.sleep(0, NEVER);
      router.finish();
      assert.deepEqual(await running, []);
      for (const { rows } of sinks) assert.equal(rows.size, 30);
    }),
    { numRuns: 30 },
  );
});

Deno.test("a sink that is down delays only itself", async () => {
  const outbox = MemoryOutbox.of(10);
  const down = new ScriptedSink("down", Array<Fate>(1000).fill("unavailable"));
  const up = new ScriptedSink("up");
  const clock = new HastyClock();
  const router = new Router([down, up].map((sink) => deliveryTo(sink, outbox, clock)));
  const stop = new AbortController();
  const running = router.run(stop.signal);
  while (outbox.cursor("up") < 10) await clock.sleep(0, NEVER);
  assert.deepEqual(router.standings().map(({ state }) => state === "delivering"), [false, true]);
  stop.abort();
  assert.equal((await running).length, 1);
});

Deno.test("new aggregates wake a delivery that rests", async () => {
  const outbox = MemoryOutbox.of(0);
  const sink = new ScriptedSink("s");
  const router = new Router([deliveryTo(sink, outbox, systemClock)]);
  const running = router.run(NEVER);
  while (sink.opened === 0) await systemClock.sleep(1, NEVER);
  outbox.add(...MemoryOutbox.of(3).aggregates);
  while (sink.rows.size < 3) await systemClock.sleep(1, NEVER);
  router.finish();
  assert.deepEqual(await running, []);
});

Deno.test("one that rests looks up at least every 30 s, and reminds the sink every 12 hours to the second", async () => {
  const clock = new HastyClock();
  // Some ten thousand pauses: too many for timers.
  clock.sleep = async (ms, signal) => {
    clock.pauses.push(ms);
    await new Promise((resolve) => setImmediate(resolve));
    if (!signal.aborted) clock.ms += ms;
  };
  // Not opened at once, so that the half minutes do not fall on the hour that the reminder is due.
  const sink: ScriptedSink & Pick<Sink, "keepAlive"> = new ScriptedSink("s", ["unavailable"]);
  const reminders: number[] = [];
  const stop = new AbortController();
  sink.keepAlive = () => {
    reminders.push(clock.ms);
    if (reminders.length === 2) stop.abort();
    return Promise.resolve();
  };
  await deliveryTo(sink, MemoryOutbox.of(0), clock).run(NEVER, stop.signal);
  assert.deepEqual(reminders, [12 * 3600_000, 24 * 3600_000]);
  // Beside the rests there are pauses of nothing, and the limits of what is being waited for.
  const rests = clock.pauses.filter((ms) => ms > 5000);
  assert.ok(rests.every((ms) => ms <= 30_000));
  assert.equal(rests.length, 2 * 12 * 120);
});

Deno.test("a damaged state ends all deliveries with its error", async () => {
  const outbox = MemoryOutbox.of(1);
  outbox.read = () => {
    throw new StateError("damaged", "torn");
  };
  const router = new Router(
    ["a", "b"].map((name) => deliveryTo(new ScriptedSink(name), outbox, new HastyClock())),
  );
  await assert.rejects(router.run(NEVER), { kind: "damaged" });
});

Deno.test("a sink with other settings takes over at once where its predecessor was left, be that open, resting or failing", async () => {
  for (const fates of [[], ["misconfigured"], ["unavailable"]] as Fate[][]) {
    const outbox = MemoryOutbox.of(3);
    const before = new ScriptedSink("s", [...fates]);
    const after = new ScriptedSink("s");
    const stop = new AbortController();
    const delivery = deliveryTo(before, outbox, systemClock);
    const running = delivery.run(NEVER, stop.signal);
    while (delivery.standing.state === "starting" || (fates.length === 0 && outbox.cursor("s") < 3)) {
      await systemClock.sleep(0, NEVER);
    }
    delivery.exchange(after);
    while (!after.isOpen) await systemClock.sleep(0, NEVER);
    assert.equal(before.isOpen, false);
    assert.equal(delivery.sink, after);
    stop.abort();
    await running;
  }
});
