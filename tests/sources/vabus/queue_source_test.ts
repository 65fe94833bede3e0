import assert from "node:assert/strict";
import { SourceReader } from "../../../src/ingest/source_reader.ts";
import { QueueSource } from "../../../src/sources/vabus/queue_source.ts";
import { readBookEntries } from "../../../src/state/checkpoint/book_entries.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import type { QueueBus } from "../../../src/sources/vabus/queue_client.ts";
import { SourceError } from "../../../src/contract/source.ts";
import { LoneClock, MemorySource, openRig, type Rig } from "../../ingest/rig.ts";
import { SILENT } from "../../support/logs.ts";

const NOW_MS = 2_000_000_000;
const OPTIONS = { batchSize: 10, waitMs: 10_000 };
const NEVER = new AbortController().signal;

/** A queue in memory. It throws its elements that are errors. */
class MemoryQueue implements QueueBus {
  readonly name = "http://queue";
  asked = 0;
  onTake = () => {};

  constructor(readonly answers: (string | SourceError)[]) {}

  take(): Promise<Uint8Array | undefined> {
    this.asked++;
    this.onTake();
    const answer = this.answers.shift();
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(answer === undefined ? undefined : new TextEncoder().encode(answer));
  }

  probe = () => Promise.resolve("memory");
  time = () => Promise.resolve(undefined);
  close = () => {};
}

interface Scene {
  readonly rig: Rig;
  readonly queue: MemoryQueue;
  readonly reader: SourceReader;
  /** Of the reader. */
  readonly clock: LoneClock;
  /** Ms that the reader has slept each time. */
  readonly pauses: number[];
}

/** A handler with one queue that holds the answers. */
async function withQueue(
  answers: (string | SourceError)[],
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const queue = new MemoryQueue(answers);
    using rig = openRig(directory, [new MemorySource(queue.name)], NOW_MS, {
      CHECKPOINT_INTERVAL: "3600",
    });
    const pauses: number[] = [];
    const clock = new LoneClock(NOW_MS);
    const sleep = clock.sleep;
    clock.sleep = (ms) => {
      pauses.push(ms);
      return sleep(ms);
    };
    const logger = SILENT;
    const reader = new SourceReader(
      new QueueSource(queue),
      0,
      rig.core.ingest,
      OPTIONS,
      clock,
      () => 0.5,
      logger,
    );
    await work({ rig, queue, reader, clock, pauses });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const event = (name: string) => JSON.stringify({ name, value: 1, timestamp: NOW_MS / 1000 });
const booked = ({ core }: Rig) => {
  const entries = readBookEntries(core.state);
  const [received, aggregated, invalid] = ["received", "aggregated", "invalid"].map((name) =>
    entries.get(name) ?? 0
  );
  return { received, aggregated, invalid };
};

Deno.test("each event of a queue is in a checkpoint before the next one is asked for", () =>
  withQueue([event("a"), event("b"), event("c")], async ({ rig, queue, reader }) => {
    const kept: number[] = [];
    queue.onTake = () => kept.push(booked(rig).aggregated);
    assert.deepEqual(await reader.drain(NEVER), { drained: true });
    assert.deepEqual(kept, [0, 1, 2, 3]);
  }));

Deno.test("what a queue hands out and nobody can read is a dead letter as it came, and counted", () =>
  withQueue(['{"name":"a","va', event("b"), "[]", ""], async ({ rig, reader }) => {
    assert.deepEqual(await reader.drain(NEVER), { drained: true });
    assert.deepEqual(booked(rig), { received: 4, aggregated: 1, invalid: 3 });
    const deadLetters = readDeadLetters(rig.core.state, { limit: 9 });
    assert.deepEqual(deadLetters.map(({ reason, raw }) => [reason, new TextDecoder().decode(raw)]), [
      ["invalid", '{"name":"a","va'],
      ["invalid", "[]"],
      ["invalid", ""],
    ]);
  }));

Deno.test("a queue is asked for nothing more until the event that it has forgotten is on disk", () =>
  withQueue([event("a"), event("b")], async ({ rig, queue, reader, pauses }) => {
    const { state } = rig.core;
    const transaction = state.transaction.bind(state);
    let failures = 3;
    state.transaction = (work) => {
      if (failures-- > 0) throw new StateError("unwritable", "the disk is full");
      return transaction(work);
    };
    const asked: number[] = [];
    queue.onTake = () => asked.push(booked(rig).aggregated);
    assert.deepEqual(await reader.drain(NEVER), { drained: true });
    assert.deepEqual(asked, [0, 1, 2]);
    assert.deepEqual(pauses.filter((ms) => ms > 0), [1000, 1000, 1000]);
  }));

Deno.test("an empty queue is asked again after 20 ms, then ever less often, up to a second; an event begins that anew", () =>
  withQueue([], async ({ rig, queue, reader, clock, pauses }) => {
    const stop = new AbortController();
    const { partitions } = rig.core.ingest;
    let idleMs = 0;
    queue.onTake = () => {
      if (queue.asked === 9) {
        idleMs = partitions[0]!.idleMs;
        queue.answers.push(event("a"));
      }
      if (queue.asked === 12) stop.abort();
    };
    await reader.run(stop.signal);
    clock.ms += 3_600_000;
    assert.ok(reader.pulses().every((pulse) => pulse.overdue(0) === undefined));
    assert.deepEqual(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000, 20, 40, 80]);
    // Each pause but the one that this asking has ended, which counts with it.
    assert.equal(idleMs, 2260);
    assert.equal(partitions[0]!.idleMs, 60);
  }));

Deno.test("a queue that stays out of reach is given up with its own error when the run shall end by itself", () => {
  const away = () => new SourceError("unavailable", "http://queue: nobody listens");
  return withQueue(
    [event("a"), away(), away(), event("b"), away(), away(), away(), away(), event("c")],
    async (scene) => {
      const { rig, queue, reader, pauses } = scene;
      const result = await reader.drain(NEVER);
      assert.deepEqual(result, { drained: false, reason: "http://queue: nobody listens" });
      assert.equal(booked(rig).aggregated, 2);
      assert.deepEqual(queue.answers.length, 1);
      assert.equal(pauses.length, 6);
    },
  );
});

Deno.test("an event whose answer was cut off is lost, and counted, at the stop too", () => {
  const cut = () => new SourceError("incomplete", "cut off", undefined, { lost: 1 });
  return withQueue([event("a"), cut(), event("b"), cut()], async ({ rig, queue, reader, pauses }) => {
    const stop = new AbortController();
    queue.onTake = () => queue.asked === 4 && stop.abort();
    await reader.run(stop.signal);
    assert.equal(rig.core.ingest.lostEvents, 2);
    assert.ok(pauses[0]! >= 100, `${pauses}`);
    await rig.core.ingest.checkpointInTurns();
    assert.equal(rig.core.ingest.lostEvents, 2);
    assert.deepEqual(booked(rig), { received: 2, aggregated: 2, invalid: 0 });
  });
});

Deno.test("a queue's Retry-After is honoured, and a run that is told to stop asks for nothing", () =>
  withQueue([new SourceError("unavailable", "busy", 7000), event("a")], async ({ queue, reader, pauses }) => {
    assert.deepEqual(await reader.drain(NEVER), { drained: true });
    assert.ok(pauses[0]! >= 7000, `${pauses}`);
    const { asked } = queue;
    const stopped = await reader.drain(AbortSignal.abort());
    assert.deepEqual(stopped, { drained: false, reason: "http://queue: stopped" });
    await reader.run(AbortSignal.abort());
    assert.equal(queue.asked, asked);
  }));

Deno.test("nothing is taken from a queue while the outbox is full", () =>
  withQueue([event("a")], async ({ rig, queue, reader }) => {
    Object.defineProperty(rig.core.ingest["gate"], "obstacle", {
      get: () => ({ name: "outbox_full", detail: "full" }),
    });
    assert.deepEqual(await reader.drain(NEVER), { drained: false, reason: "full" });
    assert.equal(queue.asked, 0);
  }));
