import assert from "node:assert/strict";
import { ReadTurns } from "../../src/ingest/read_turns.ts";
import type { EventBatch } from "../../src/event/event_batch.ts";

const NEVER = new AbortController().signal;

/** Time that goes on when it is told to; whoever sleeps waits for that. */
class HandClock {
  private ms = 0;
  private sleepers: { readonly endMs: number; readonly wake: () => void }[] = [];
  sleeps = 0;

  nowMs = () => this.ms;
  monotonicMs = () => this.ms;
  sleep = (ms: number) => {
    this.sleeps++;
    return new Promise<void>((wake) => this.sleepers.push({ endMs: this.ms + ms, wake }));
  };

  /** In steps, so that each sleeper may sleep again. */
  async pass(ms: number): Promise<void> {
    for (const endMs = this.ms + ms; this.ms < endMs;) {
      this.ms += 10;
      const awake = this.sleepers.filter((sleeper) => sleeper.endMs <= this.ms);
      this.sleepers = this.sleepers.filter((sleeper) => !awake.includes(sleeper));
      for (const { wake } of awake) wake();
      await settled();
    }
  }
}

/** Lets all that is resolved go on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

Deno.test("as few partitions as may be read at once do not wait for each other, and rest each by itself", async () => {
  const clock = new HandClock();
  const turns = new ReadTurns(clock, 2);
  turns.count = 2;
  const batches = [await turns.take("a"), await turns.take("b")];
  assert.notEqual(batches[0], batches[1]);
  assert.deepEqual([turns.areShared, turns.longestRest(1000)], [false, 1000]);
  let hasRested = false;
  void turns.rest("a", 50, NEVER).then(() => hasRested = true);
  turns.arrived("a");
  await clock.pass(40);
  assert.equal(hasRested, false, "it waits at its source, which knows when something comes");
  await clock.pass(20);
  assert.equal(hasRested, true);
});

Deno.test("more partitions take turns in the order in which they came, each with one of a bounded number of batches", async () => {
  const turns = new ReadTurns(new HandClock(), 2);
  turns.count = 5;
  const order: string[] = [];
  const batches = new Map<string, EventBatch>();
  for (const id of ["a", "b", "c", "d", "e"]) {
    void turns.take(id).then((batch) => {
      order.push(id);
      batches.set(id, batch);
    });
  }
  await settled();
  assert.deepEqual(order, ["a", "b"]);
  turns.give(batches.get("b")!);
  await settled();
  assert.deepEqual(order, ["a", "b", "c"]);
  for (const id of ["c", "a", "d", "e"]) {
    turns.give(batches.get(id)!);
    await settled();
  }
  assert.deepEqual(order, ["a", "b", "c", "d", "e"]);
  assert.equal(new Set(batches.values()).size, 2);
});

Deno.test("those that share turns rest by one timer, until their time or until something arrives", async () => {
  const clock = new HandClock();
  const turns = new ReadTurns(clock, 1);
  turns.count = 100;
  const rested: string[] = [];
  for (let i = 0; i < 50; i++) void turns.rest(`${i}`, 100, NEVER).then(() => rested.push("early"));
  for (let i = 50; i < 100; i++) void turns.rest(`${i}`, 1000, NEVER).then(() => rested.push("late"));
  await clock.pass(60);
  turns.arrived("70");
  await settled();
  assert.deepEqual(rested, ["late"]);
  await clock.pass(80);
  assert.equal(rested.length, 51);
  await clock.pass(1000);
  assert.equal(rested.length, 100);
  assert.ok(clock.sleeps < 60, `${clock.sleeps} timers`);
  const { sleeps } = clock;
  await clock.pass(1000);
  assert.equal(clock.sleeps, sleeps, "nobody rests, and no timer runs");
});

Deno.test("what arrives while a partition is read, or waits for its turn, is not forgotten", async () => {
  const clock = new HandClock();
  const turns = new ReadTurns(clock, 1);
  turns.count = 2;
  const batch = await turns.take("a");
  turns.arrived("a");
  turns.give(batch);
  await turns.rest("a", 1000, NEVER);
  assert.equal(clock.sleeps, 0);
  turns.give(await turns.take("a"));
  let hasRested = false;
  void turns.rest("a", 1000, NEVER).then(() => hasRested = true);
  await clock.pass(100);
  assert.equal(hasRested, false, "it was read since");
  turns.gone("a");
  await settled();
  assert.equal(hasRested, true, "nobody waits for one that has gone away");
});

Deno.test("the more partitions take turns the longer an idle one may pause: a thousand looks a second in all", () => {
  const turns = new ReadTurns(new HandClock(), 2);
  const longest = (count: number, ms: number) => {
    turns.count = count;
    return turns.longestRest(ms);
  };
  assert.deepEqual([longest(2, 1), longest(3, 1), longest(3, 5), longest(5000, 1000)], [1, 3, 5, 5000]);
});

Deno.test("a batch that is given back is read into again, and what arrived where turns are not shared is not kept", async () => {
  const turns = new ReadTurns(new HandClock(), 2);
  turns.count = 2;
  const batch = await turns.take("a");
  turns.arrived("a");
  turns.give(batch);
  assert.equal(await turns.take("b"), batch);
  turns.count = 3;
  let hasRested = false;
  void turns.rest("a", 1000, NEVER).then(() => hasRested = true);
  await settled();
  assert.equal(hasRested, false);
  await turns.rest("b", 1000, AbortSignal.abort());
});

Deno.test("what has gone away leaves nothing to one that comes by the same name", async () => {
  const turns = new ReadTurns(new HandClock(), 1);
  turns.count = 2;
  turns.arrived("a");
  turns.gone("a");
  let hasRested = false;
  void turns.rest("a", 1000, NEVER).then(() => hasRested = true);
  await settled();
  assert.equal(hasRested, false);
});

Deno.test("all pauses can be ended at once, and the timer serves those that come later", async () => {
  const clock = new HandClock();
  const turns = new ReadTurns(clock, 1);
  turns.count = 3;
  const rested: string[] = [];
  const rest = (id: string, ms: number) => void turns.rest(id, ms, NEVER).then(() => rested.push(id));
  rest("a", 1000);
  rest("b", 1000);
  turns.arrivedAll();
  await settled();
  assert.deepEqual(rested, ["a", "b"]);
  await clock.pass(100);
  for (const id of ["c", "d"]) {
    rest(id, 20);
    await clock.pass(20);
    assert.equal(rested.at(-1), id, "a single one, at its time");
    await clock.pass(100);
  }
});
