import assert from "node:assert/strict";
import {
  type Outcome,
  type Partition,
  type Progress,
  type ReadRequest,
  type Source,
  type SourceContext,
  SourceError,
} from "../../src/contract/source.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { LogHistory } from "../../src/event/log_history.ts";
import { type Clock, systemClock } from "../../src/platform/clock/clock.ts";
import { createLogger } from "../../src/platform/log/logger.ts";

/** A bus of one kind with one partition, empty at first and used by one step alone. What it cannot do is left out. */
export interface TestBus {
  /** A new source for this bus, not yet open: as after another start. */
  createSource(): Source;
  /** Publishes that many events more: named `e0`, `e1` and so on over the life of the bus. */
  publish(count: number): Promise<void>;
  /** Has the bus forget its oldest events, up to this one; it may publish others for that. */
  forgetBefore?(event: number): Promise<void>;
  /** The bus begins a new history. Events are numbered on. */
  restart?(): Promise<void>;
  /** The end of the history is gone, from this event on; what is published next is numbered on. */
  rollBackTo?(event: number): Promise<void>;
  /** Has the bus answer this once, whatever it is asked. */
  answerOnce?(bytes: Uint8Array): void;
  /** From now on nothing is there. */
  goAway?(): Promise<void>;
  remove(): Promise<void>;
}

const NEVER = new AbortController().signal;
const QUIET = createLogger({ level: "error", format: "text", write: () => {}, now: () => 0 });
const LIMIT = 4;
/** Each of them broken at another layer. */
const HOSTILE_ANSWERS: readonly string[] = [
  "",
  "\0\x01\x02",
  "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{}",
  "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
  "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<p>\n",
  "HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n",
  "HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
  'HTTP/1.1 410 Gone\r\ncontent-length: 31\r\n\r\n{"log":7,"first":-1,"next":null}',
  "HTTP/1.1 302 Away\r\nlocation: http://elsewhere\r\ncontent-length: 0\r\n\r\n",
];

/** Reads as the reader does: takes what an outcome leads to for the next read. */
export class Reading {
  progress: Progress = { lineage: undefined, position: undefined, history: new LogHistory() };
  readonly batch = new EventBatch();
  partition!: Partition;

  private constructor(readonly source: Source) {}

  static async open(source: Source, from?: Progress, context: Partial<SourceContext> = {}): Promise<Reading> {
    const reading = new Reading(source);
    if (from !== undefined) reading.progress = from;
    const partitions = await source.open({ ...contextOf(reading.progress), ...context }, NEVER);
    assert.equal(partitions.length, 1);
    reading.partition = partitions[0]!;
    return reading;
  }

  /** Without going on from there. */
  async look(request: Partial<ReadRequest> = {}, signal = NEVER): Promise<Outcome> {
    return await this.partition.read(
      this.progress,
      this.batch,
      { limit: LIMIT, waitMs: 0, isAfterRest: false, ...request },
      signal,
    );
  }

  async read(request: Partial<ReadRequest> = {}, signal = NEVER): Promise<Outcome> {
    const outcome = await this.look(request, signal);
    this.goOn(outcome);
    return outcome;
  }

  /** The names of all events up to the end; what was lost, as a number, between them. */
  async readAll(): Promise<(string | number)[]> {
    const all: (string | number)[] = [];
    for (;;) {
      const outcome = await this.read();
      if ("lost" in outcome && outcome.lost > 0) all.push(outcome.lost);
      if (outcome.kind === "idle") return all;
      if (outcome.kind === "events") {
        const names = namesOf(this.batch);
        assert.ok(this.batch.total > 0 && this.batch.total <= LIMIT, `${this.batch.total} of ${LIMIT}`);
        all.push(...names);
      }
    }
  }

  private goOn(outcome: Outcome): void {
    if (outcome.kind === "moved" || outcome.kind === "exchanged") assert.fail("nobody knows other lineages");
    const { lineage, next, offset } = outcome;
    const { progress } = this;
    const history = lineage === progress.lineage || progress.lineage === undefined
      ? progress.history
      : new LogHistory();
    if (outcome.kind === "events" && offset !== undefined) {
      history.note(this.batch, offset - this.batch.total);
    } else if (offset !== undefined) history.goOnAt(offset);
    this.progress = { lineage, position: next, history };
  }
}

function contextOf({ position }: Progress): SourceContext {
  return {
    resume: new Map(position === undefined ? [] : [["", position]]),
    heardTime: () => {},
    mayReadAhead: () => true,
    lineages: { readerOf: () => undefined, isKnown: () => false },
    clock: systemClock as Clock,
    logger: QUIET,
  };
}

/** The names of the events of a batch, in their order, without what is none. */
export function namesOf(batch: EventBatch): string[] {
  return Array.from({ length: batch.count }, (_, i) => {
    const [start, length] = [batch.nameStart[i]!, batch.nameLength[i]!];
    const bytes = start >= 0
      ? batch.bytes.subarray(start, start + length)
      : batch.extra.subarray(~start, ~start + length);
    return new TextDecoder().decode(bytes);
  });
}

/** e`from` up to, and without, e`to`. */
function events(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `e${from + i}`);
}

/** Whatever fails does so with a {@link SourceError}, whose message is a line for the operator. */
async function sourceErrorOf(work: Promise<unknown>): Promise<SourceError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof SourceError, `not a SourceError: ${error}`);
    assert.match(error.message, /\w/);
    assert.doesNotMatch(error.message, /\p{Cc}/u);
    return error;
  }
  assert.fail("it has not failed");
}

/** What every source promises, run as steps of `t`, each on a bus of its own. */
export async function testSourceContract(
  t: Deno.TestContext,
  createBus: () => Promise<TestBus>,
): Promise<void> {
  const step = (name: string, test: (bus: TestBus, reading: Reading) => Promise<void>) =>
    t.step(name, async () => {
      const bus = await createBus();
      const source = bus.createSource();
      try {
        await test(bus, await Reading.open(source));
      } finally {
        await source.close();
        await bus.remove();
      }
    });
  const probed = await createBus();
  const source = probed.createSource();
  const { replay } = (await Reading.open(source)).partition;
  await source.close();
  await probed.remove();

  await testReading(step);
  await testInterruption(step);
  if (replay === "from-position") await testReplay(step);
  await testOtherHistories(step, probed);
}

type Step = (name: string, test: (bus: TestBus, reading: Reading) => Promise<void>) => Promise<boolean>;

async function testReading(step: Step): Promise<void> {
  await step("gives each event once, in order, never more at once than asked for", async (bus, reading) => {
    await bus.publish(11);
    assert.deepEqual(await reading.readAll(), events(0, 11));
    await bus.publish(2);
    assert.deepEqual(await reading.readAll(), events(11, 13));
  });

  await step(
    "is idle where there is nothing, and waits no longer than it is told",
    async (_place, reading) => {
      for (const waitMs of [0, 0, 20]) {
        const { kind } = await reading.read({ waitMs });
        assert.equal(kind, "idle");
      }
    },
  );

  await step(
    "is the same source after another start, in its name and its partition",
    async (bus, reading) => {
      const again = bus.createSource();
      assert.equal(again.id, reading.source.id);
      assert.equal((await Reading.open(again)).partition.id, reading.partition.id);
      await again.close();
    },
  );

  await step("probes, and tells the time, without taking anything", async (bus, reading) => {
    await bus.publish(1);
    assert.match(await reading.source.probe(NEVER), /\w/);
    await reading.source.time?.(NEVER);
    assert.deepEqual(await reading.readAll(), events(0, 1));
  });

  await step("is told what is durable at any time, or never", async (bus, reading) => {
    await reading.partition.committed(reading.progress);
    await bus.publish(6);
    const { progress: before } = reading;
    await reading.read();
    await reading.partition.committed(before);
    await reading.partition.committed(reading.progress);
    await reading.partition.committed(reading.progress);
    const [first] = namesOf(reading.batch);
    assert.equal(first, "e0");
    const read = namesOf(reading.batch).length;
    assert.deepEqual(await reading.readAll(), events(read, 6));
    await reading.partition.farewell?.(reading.progress, NEVER);
  });
}

async function testInterruption(step: Step): Promise<void> {
  await step(
    "ends a read that waits soon after the signal, and goes on afterwards",
    async (bus, reading) => {
      await reading.read();
      const stop = new AbortController();
      const waiting = reading.look({ waitMs: 300_000 }, stop.signal).then(
        (outcome) => assert.equal(outcome.kind, "idle"),
        (error) => assert.ok(error instanceof SourceError, `${error}`),
      );
      stop.abort();
      await waiting;
      await bus.publish(3);
      assert.deepEqual(await reading.readAll(), events(0, 3));
    },
  );

  await step(
    "says that a bus is away with the right kind of error, and moves nothing",
    async (bus, reading) => {
      if (bus.goAway === undefined) return;
      await bus.publish(2);
      await bus.goAway();
      const { kind } = await sourceErrorOf(reading.look());
      assert.equal(kind, "unavailable");
      await sourceErrorOf(reading.source.probe(NEVER));
      await reading.partition.farewell?.(reading.progress, NEVER);
    },
  );

  await step(
    "survives whatever it is answered, and reads on as if nothing had been",
    async (bus, reading) => {
      if (bus.answerOnce === undefined) return;
      await bus.publish(5);
      const taken: (string | number)[] = [];
      for (const answer of HOSTILE_ANSWERS) {
        bus.answerOnce(new TextEncoder().encode(answer));
        try {
          // Below HTTP, a request that nobody has answered is sent again.
          const { kind } = await reading.read();
          if (kind === "events") taken.push(...namesOf(reading.batch));
        } catch (thrown) {
          const error = await sourceErrorOf(Promise.reject(thrown));
          if (answer.includes("retry-after")) assert.equal(error.retryAfterMs, 7000);
        }
      }
      taken.push(...await reading.readAll());
      assert.deepEqual(taken, events(0, 5));
    },
  );
}

async function testReplay(step: Step): Promise<void> {
  await step(
    "gives the same again from the same position, in the same life and in the next",
    async (bus, reading) => {
      await bus.publish(9);
      await reading.read();
      const from = reading.progress;
      const first = namesOf((await reading.look(), reading.batch));
      for (let i = 0; i < 2; i++) {
        await reading.look();
        assert.deepEqual(namesOf(reading.batch), first);
      }
      const source = bus.createSource();
      const next = await Reading.open(source, { ...from, history: new LogHistory() });
      assert.deepEqual(await next.readAll(), events(namesOf(reading.batch).length, 9));
      await source.close();
      reading.progress = from;
      assert.deepEqual(await reading.readAll(), events(first.length, 9));
    },
  );

  await step("names numbers of events without gaps, or none", async (bus, reading) => {
    await bus.publish(7);
    let end: number | undefined;
    for (;;) {
      const outcome = await reading.read();
      if (outcome.kind === "idle") break;
      assert.ok(outcome.kind === "events");
      const { offset } = outcome;
      if (offset === undefined) return;
      if (end !== undefined) assert.equal(offset, end + reading.batch.total);
      end = offset;
    }
  });

  await step("wakes up for an event that comes while it waits", async (bus, reading) => {
    await reading.read();
    const waiting = reading.read({ waitMs: 300_000 });
    await bus.publish(1);
    const { kind } = await waiting;
    if (kind === "events") assert.deepEqual(namesOf(reading.batch), ["e0"]);
    else assert.deepEqual(await reading.readAll(), ["e0"]);
  });
}

async function testOtherHistories(step: Step, able: TestBus): Promise<void> {
  if (able.forgetBefore) {
    await step(
      "counts what the bus has forgotten before it was read, and goes on behind it",
      async (bus, reading) => {
        await bus.publish(4);
        await reading.read({ limit: 1 });
        await bus.forgetBefore!(9);
        let next = 1;
        const all = await reading.readAll();
        for (const item of all) {
          if (typeof item === "number") next += item;
          else assert.equal(item, `e${next++}`);
        }
        // What was asked for ahead is not lost.
        assert.ok(all.some((item) => typeof item === "number"), `nothing is lost: ${all}`);
      },
    );

    await step("has lost nothing where all that was forgotten had been read", async (bus, reading) => {
      await bus.publish(10);
      assert.deepEqual(await reading.readAll(), events(0, 10));
      await bus.forgetBefore!(10);
      assert.equal((await reading.readAll()).find((item) => typeof item === "number"), undefined);
    });
  }
  if (able.restart) {
    for (const [count, what] of [[1, "shorter"], [9, "longer"]] as const) {
      await step(
        `says that a bus has begun a new history, ${what} than the one before`,
        async (bus, reading) => {
          await bus.publish(5);
          assert.deepEqual(await reading.readAll(), events(0, 5));
          const { lineage } = reading.progress;
          assert.notEqual(lineage, undefined);
          await bus.restart!();
          await bus.publish(count);
          assert.deepEqual(await reading.readAll(), events(5, 5 + count));
          assert.notEqual(reading.progress.lineage, lineage);
        },
      );
    }
  }
  if (able.rollBackTo) {
    await step(
      "goes back where a bus has other events than were read, and says so",
      async (bus, reading) => {
        await bus.publish(10);
        assert.deepEqual(await reading.readAll(), events(0, 10));
        await bus.rollBackTo!(6);
        await bus.publish(7);
        const { kind } = await reading.look({ isAfterRest: true });
        assert.equal(kind, "returned");
        reading.partition = (await Reading.open(reading.source, reading.progress)).partition;
        assert.deepEqual(await reading.readAll(), events(10, 17));
      },
    );
  }
}
