/** How a delivery opens its sink, pauses, ends, and what it says is left. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/platform/clock/clock.ts";
import {
  type OutboxBatch,
  type Sink,
  type SinkContext,
  SinkError,
  UnexplainedRefusal,
} from "../../src/contract/sink.ts";
import { deliveryTo, HastyClock, Ledger } from "./delivery_rig.ts";
import { MemoryOutbox } from "./memory_outbox.ts";
import { rowsOf } from "../support/rows_of.ts";

const NEVER = new AbortController().signal;
const FIRED = AbortSignal.abort();

interface Script {
  readonly repeat?: Sink["repeat"];
  readonly open?: (context: SinkContext) => number;
  readonly write?: (batch: OutboxBatch) => void;
}

/** A sink that does as the script says, and notes what is done to it. */
class NotingSink implements Sink {
  readonly id = "s";
  readonly notes: string[] = [];
  readonly repeat: Sink["repeat"];
  context: SinkContext | undefined;

  constructor(private readonly script: Script = {}) {
    this.repeat = script.repeat ?? "upsert";
  }

  open(context: SinkContext): Promise<number> {
    this.context = context;
    this.notes.push("open");
    return Promise.try(() => this.script.open?.(context) ?? context.cursor);
  }

  write(batch: OutboxBatch): Promise<void> {
    this.notes.push(`write ${batch.firstId}-${batch.nextId}`);
    return Promise.try(() => this.script.write?.(batch));
  }

  probe = () => Promise.resolve("here");

  close(): Promise<void> {
    this.notes.push("close");
    return Promise.resolve();
  }
}

function failure(kind: "unavailable" | "misconfigured"): () => never {
  return () => {
    throw new SinkError(kind, `is ${kind}`);
  };
}

Deno.test("a sink is opened with what the outbox knows of it, once, and closed at the end", async () => {
  const outbox = MemoryOutbox.of(9);
  outbox.advance("s", 2);
  const sink = new NotingSink();
  assert.equal(await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER), undefined);
  assert.deepEqual(sink.notes, ["open", "write 2-9", "close"]);
  const { stateId, cursor, endId, confirmed, claimant } = sink.context!;
  assert.deepEqual([stateId, cursor, endId, confirmed, claimant.life], ["state", 2, 9, {
    any: false,
    newest: [],
  }, "life"]);
});

Deno.test("what a sink reports while it is open is an alarm of its own", async () => {
  const outbox = MemoryOutbox.of(1);
  const sink = new NotingSink();
  await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER);
  const [written] = outbox.aggregates;
  sink.context!.alarm({ kind: "rows_missing", detail: "gone", count: 1 });
  sink.context!.contradicted([{ written: written!, held: { ...written!, value: 5 } }]);
  assert.deepEqual(outbox.alarms.map(({ sink, alarm }) => [sink, alarm.kind]), [
    ["s", "rows_missing"],
    ["s", "rows_differ"],
  ]);
});

Deno.test("a sink that is ahead moves the cursor, never beyond the end, and one that is behind does not", async () => {
  for (
    const [says, first] of [[1, "write 2-4"], [2, "write 2-4"], [3, "write 3-4"], [99, undefined]] as const
  ) {
    const outbox = MemoryOutbox.of(4);
    outbox.advance("s", 2);
    const sink = new NotingSink({ open: () => says });
    await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER);
    assert.deepEqual(sink.notes, ["open", ...(first === undefined ? [] : [first]), "close"], `${says}`);
    assert.equal(outbox.cursor("s"), 4);
  }
});

Deno.test("a batch without aggregates moves the cursor and is not written", async () => {
  const outbox = MemoryOutbox.of(3);
  outbox.read = (_sink, fromId) =>
    fromId >= 3 ? undefined : { firstId: fromId, nextId: 3, ids: [], aggregates: [] };
  const sink = new NotingSink();
  await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER);
  assert.deepEqual(sink.notes, ["open", "close"]);
  assert.equal(outbox.cursor("s"), 3);
});

Deno.test("the outbox is told of each batch that is settled, be it written or refused", async () => {
  const outbox = MemoryOutbox.of(10);
  const settled: string[] = [];
  outbox.delivered = (...[sink, batch]: [sink?: string, batch?: OutboxBatch]) =>
    void settled.push(`${sink} ${batch?.firstId}-${batch?.nextId}`);
  const sink = new NotingSink({
    write: (batch) => {
      if (rowsOf(batch).some(({ name }) => name === "n9")) throw new SinkError("rejected", "no");
    },
  });
  await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER);
  assert.deepEqual(settled, ["s 0-8", "s 8-10"]);
  assert.deepEqual(outbox.rejected.map(({ name }) => name), ["n9"]);
});

Deno.test("the end says what is left and why", async () => {
  const ends: [
    count: number,
    script: Script,
    finish: AbortSignal,
    stop: AbortSignal,
    text: string | undefined,
  ][] = [
    [0, {}, FIRED, NEVER, undefined],
    [0, { open: failure("unavailable") }, FIRED, NEVER, undefined],
    [0, { open: failure("misconfigured") }, FIRED, NEVER, "s: nothing waits yet, but is misconfigured"],
    [1, { open: failure("misconfigured") }, FIRED, NEVER, "s: up to 1 aggregate waits; is misconfigured"],
    [2, { open: failure("unavailable") }, FIRED, NEVER, "s: up to 2 aggregates wait; is unavailable"],
    [2, {}, NEVER, FIRED, "s: up to 2 aggregates wait; there was no time left to deliver them"],
  ];
  for (const [count, script, finish, stop, text] of ends) {
    const sink = new NotingSink(script);
    const delivery = deliveryTo(sink, MemoryOutbox.of(count), new HastyClock());
    assert.equal(await delivery.run(finish, stop), text);
    assert.equal(sink.notes.at(-1), "close");
  }
});

Deno.test("failures are counted by what is to be done about them", async () => {
  for (const kind of ["unavailable", "misconfigured"] as const) {
    const ledger = new Ledger();
    await deliveryTo(new NotingSink({ open: failure(kind) }), MemoryOutbox.of(1), new HastyClock(), ledger)
      .run(FIRED, NEVER);
    assert.deepEqual([...new Set(ledger.failures)], [kind]);
    assert.equal(ledger.failures.length, kind === "unavailable" ? 3 : 1);
  }
});

Deno.test("the first delivery is told once", async () => {
  const log: string[] = [];
  const outbox = MemoryOutbox.of(20);
  await deliveryTo(new NotingSink(), outbox, new HastyClock(), new Ledger(), log).run(FIRED, NEVER);
  assert.deepEqual(log.map((line) => line.slice(25)), [
    'INFO  the first aggregates have reached the sink sink="s"',
  ]);
});

Deno.test("a sink that cannot take a row twice is never put on trial", async () => {
  for (const [repeat, condemned] of [["upsert", ["n0"]], ["positioned", []], ["append", []]] as const) {
    const outbox = MemoryOutbox.of(2);
    const sink = new NotingSink({
      repeat,
      write: (batch) => {
        if (rowsOf(batch).some(({ name }) => name === "n0")) {
          throw new UnexplainedRefusal("(X)", "unavailable", "why not");
        }
      },
    });
    const end = await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER);
    assert.deepEqual(outbox.rejected.map(({ name }) => name), condemned, repeat);
    assert.equal(end, repeat === "upsert" ? undefined : "s: up to 2 aggregates wait; why not");
  }
});

Deno.test("only the same refusal of the same batch leads to a trial", async () => {
  const outbox = MemoryOutbox.of(2);
  const answers = ["(A)", "(B)", "(A)", "(A)"];
  const sizes: number[] = [];
  const sink = new NotingSink({
    write: ({ aggregates }) => {
      sizes.push(aggregates.length);
      const sameness = answers.shift();
      if (sameness !== undefined) throw new UnexplainedRefusal(sameness, "unavailable", sameness);
    },
  });
  const stop = new AbortController();
  const clock = new HastyClock();
  const running = deliveryTo(sink, outbox, clock).run(NEVER, stop.signal);
  while (outbox.cursor("s") < 2) await clock.sleep(0, NEVER);
  stop.abort();
  await running;
  assert.deepEqual(sizes, [2, 2, 2, 2, 1, 1], "the fourth is the second in a row");
});

Deno.test("a delivery that is paused closes its sink once, and opens it when it goes on", async () => {
  const outbox = MemoryOutbox.of(1);
  const sink = new NotingSink();
  const clock = new HastyClock();
  const stop = new AbortController();
  const delivery = deliveryTo(sink, outbox, clock);
  const running = delivery.run(NEVER, stop.signal);
  while (outbox.cursor("s") < 1) await clock.sleep(0, NEVER);
  delivery.pause(true);
  for (let turn = 0; turn < 20; turn++) await clock.sleep(0, NEVER);
  assert.deepEqual(sink.notes, ["open", "write 0-1", "close"]);
  delivery.pause(false);
  while (sink.notes.at(-1) !== "open") await clock.sleep(0, NEVER);
  stop.abort();
  assert.equal(await running, undefined);
  assert.equal(delivery.pulse.overdue(-1e9), undefined, "nothing is expected of it any more");
});

Deno.test("what a sink has postponed is tried again later, where it may have a row twice", async () => {
  for (const [repeat, writes, left] of [["upsert", 3, 0], ["positioned", 1, 1]] as const) {
    const outbox = MemoryOutbox.of(1);
    let [tried, isReady] = [0, false];
    const sink = new NotingSink({
      repeat,
      write: () => {
        tried++;
        if (!isReady) throw new SinkError("postponed", "later");
      },
    });
    const clock = new HastyClock();
    const stop = new AbortController();
    const running = deliveryTo(sink, outbox, clock).run(NEVER, stop.signal);
    while (outbox.rejected.length < 1) await clock.sleep(0, NEVER);
    isReady = true;
    for (let turn = 0; turn < 100; turn++) await clock.sleep(1000, NEVER);
    stop.abort();
    await running;
    assert.deepEqual([tried, outbox.rejected.length], [writes, left], repeat);
  }
});

Deno.test("an attempt that the end cuts off is no failure of the sink", async () => {
  const stop = new AbortController();
  const ledger = new Ledger();
  const sink = new NotingSink({
    write: () => {
      stop.abort();
      throw new SinkError("unavailable", "cut off");
    },
  });
  await deliveryTo(sink, MemoryOutbox.of(1), new HastyClock(), ledger).run(NEVER, stop.signal);
  assert.deepEqual([sink.notes, ledger.failures], [["open", "write 0-1", "close"], []]);
});

Deno.test("a sink that takes over is opened once, and its own failures begin with a short pause", async () => {
  const clock = new HastyClock();
  const outbox = MemoryOutbox.of(1);
  const delivery = deliveryTo(new NotingSink({ open: failure("unavailable") }), outbox, clock);
  const stop = new AbortController();
  const running = delivery.run(NEVER, stop.signal);
  while (!clock.pauses.includes(3200)) await clock.sleep(0, NEVER);
  const known = clock.pauses.length;
  let failures = 2;
  const after = new NotingSink({
    open: ({ cursor }) => failures-- > 0 ? failure("unavailable")() : cursor,
  });
  delivery.exchange(after);
  while (outbox.cursor("s") < 1) await clock.sleep(0, NEVER);
  for (let turn = 0; turn < 5; turn++) await clock.sleep(0, NEVER);
  stop.abort();
  await running;
  assert.deepEqual(after.notes, ["open", "close", "open", "close", "open", "write 0-1", "close"]);
  const pauses = clock.pauses.slice(known).filter((ms) => ms > 0 && ms < 5000);
  assert.deepEqual(pauses.slice(-2), [100, 200]);
});

Deno.test("only a write that took too long makes batches smaller, and an unexplained refusal makes them full again", async () => {
  const refusal = () => new UnexplainedRefusal("(X)", "unavailable", "why not");
  const cases: [answers: SinkError[], writes: string[]][] = [
    [[new SinkError("unavailable", "away")], ["0-8", "0-8"]],
    [[new SinkError("timed_out", "too long")], ["0-8", "0-4", "4-8"]],
    [[new SinkError("timed_out", "too long"), refusal()], ["0-8", "0-4", "0-8"]],
  ];
  for (const [answers, writes] of cases) {
    const sink = new NotingSink({
      write: () => {
        const error = answers.shift();
        if (error !== undefined) throw error;
      },
    });
    await deliveryTo(sink, MemoryOutbox.of(8), new HastyClock()).run(FIRED, NEVER);
    const written = sink.notes.filter((note) => note.startsWith("write")).map((note) => note.slice(6));
    assert.deepEqual(written, writes);
  }
});

Deno.test("a delivery reports how long the sink took, and when it last took aggregates", async () => {
  const clock = new HastyClock();
  clock.ms = 10_000;
  const took: [seconds: number, nowMs: number][] = [];
  class TimedLedger extends Ledger {
    override delivered = (_sink: string, _batch: OutboxBatch, seconds?: number, nowMs?: number) =>
      void took.push([seconds!, nowMs!]);
  }
  const ledger = new TimedLedger();
  const sink = new NotingSink({ write: () => void (clock.ms += 1500) });
  const delivery = deliveryTo(sink, MemoryOutbox.of(1), clock, ledger);
  assert.equal(delivery.standing.lastDeliveryMs, undefined);
  await delivery.run(FIRED, NEVER);
  assert.deepEqual([took, delivery.standing.lastDeliveryMs], [[[1.5, 11_500]], 11_500]);
});

Deno.test("a delivery with nothing to deliver stands as delivering, and says what it waits for", async () => {
  const sink = new NotingSink();
  const stop = new AbortController();
  const delivery = deliveryTo(sink, MemoryOutbox.of(0), systemClock);
  const running = delivery.run(NEVER, stop.signal);
  while (delivery.standing.state === "starting") await systemClock.sleep(0, NEVER);
  assert.equal(delivery.standing.state, "delivering");
  assert.equal(delivery.pulse.overdue(-3_600_000), "more aggregates in the outbox");
  stop.abort();
  await running;
});

Deno.test("a delivery that finishes pauses between its tries; one that pauses is woken to finish", async () => {
  const clock = new HastyClock();
  const sink = new NotingSink({ open: failure("unavailable") });
  await deliveryTo(sink, MemoryOutbox.of(1), clock).run(FIRED, NEVER);
  assert.equal(clock.ms, 100 + 200);

  const finish = new AbortController();
  const waiting = deliveryTo(
    new NotingSink({ open: failure("misconfigured") }),
    MemoryOutbox.of(1),
    systemClock,
  );
  const running = waiting.run(finish.signal, NEVER);
  while (waiting.pulse.overdue(-3_600_000) !== "the next try to reach the sink") {
    await systemClock.sleep(0, NEVER);
  }
  finish.abort();
  assert.match(await running ?? "", /is misconfigured/);
});

Deno.test("while a sink closes, this is what the delivery waits for", async () => {
  const closing = Promise.withResolvers<void>();
  const stop = AbortSignal.abort();
  const sink = Object.assign(new NotingSink(), { close: () => closing.promise });
  const delivery = deliveryTo(sink, MemoryOutbox.of(0), systemClock);
  const running = delivery.run(NEVER, stop);
  assert.equal(delivery.pulse.overdue(-3_600_000), "the sink to close");
  closing.resolve();
  await running;
});
