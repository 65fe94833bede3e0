import assert from "node:assert/strict";
import { type PartitionId, type Replay, type Source, SourceError } from "../../src/contract/source.ts";
import { LogHistory } from "../../src/event/log_history.ts";
import { testOtherHistories } from "./source_history_contract.ts";
import { testPartitions } from "./source_partition_contract.ts";
import { events, namesOf, Reading } from "./source_reading.ts";

/**
 * A bus of one kind with one partition at first, empty, and used by one step alone. What it cannot do is left
 * out.
 */
export interface TestBus {
  /** A new source for this bus, not yet open: as after another start. */
  createSource(): Source;
  /** Publishes that many events more: named `e0`, `e1` and so on over the life of the bus. */
  publish(count: number): Promise<void>;
  /** Makes the bus drop its oldest events, up to this one. It may publish others for that. */
  forgetBefore?(event: number): Promise<void>;
  /** Makes the bus begin a new history. The names of events are numbered on. */
  restart?(): Promise<void>;
  /** Removes the end of the history, from this event on. The names of events are numbered on. */
  rollBackTo?(event: number): Promise<void>;
  /**
   * Gives the bus these partitions from now on. The first has the id of the partition at the start. Resolves
   * once the bus's sources have reported the change.
   */
  change?(...ids: readonly PartitionId[]): Promise<void>;
  /** Publishes that many more events in one partition. The names of events are numbered on. */
  publishIn?(id: PartitionId, count: number): Promise<void>;
  /** Makes the bus answer the next request with this. */
  answerOnce?(bytes: Uint8Array): void;
  /** Whether its answers are those of HTTP. */
  readonly speaksHttp?: true;
  /** Makes the bus disappear. */
  goAway?(): Promise<void>;
  remove(): Promise<void>;
}

const NEVER = new AbortController().signal;
/** Answers that are broken at different layers. */
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

/** Checks that a failure is a {@link SourceError} whose message is one line for the operator. */
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

/** The contract of sources as steps of `t`, each on its own bus. */
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
  await testNeverCommitted(step, replay);
  if (replay !== "none") await testReplay(step, replay);
  if (probed.change) await testPartitions(step);
  await testOtherHistories(step, probed);
}

export type Step = (
  name: string,
  test: (bus: TestBus, reading: Reading) => Promise<void>,
) => Promise<boolean>;

async function testReading(step: Step): Promise<void> {
  await step("gives each event once, in order, never more at once than asked for", async (bus, reading) => {
    await bus.publish(11);
    assert.deepEqual(await reading.readAll(), events(0, 11));
    await bus.publish(2);
    assert.deepEqual(await reading.readAll(), events(11, 13));
  });

  await step("says how much is left, where it knows", async (bus, reading) => {
    await bus.publish(11);
    const { kind } = await reading.read();
    const read = kind === "events" ? namesOf(reading.batch).length : 0;
    const left = () => reading.partition.unreadAfter?.(reading.progress.position ?? "");
    assert.ok((left() ?? Infinity) >= 11 - read, `${left()} are left after ${read} of 11`);
    await reading.readAll();
    assert.ok((left() ?? 0) === 0, `${left()} are left at the end`);
  });

  await step(
    "is idle where there is nothing, and waits no longer than it is told",
    async (_bus, reading) => {
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
          // The HTTP client itself repeats a request that was not answered.
          const { kind } = await reading.read();
          if (kind === "events") taken.push(...namesOf(reading.batch));
        } catch (thrown) {
          const error = await sourceErrorOf(Promise.reject(thrown));
          if (bus.speaksHttp && answer.includes("retry-after")) assert.equal(error.retryAfterMs, 7000);
        }
      }
      taken.push(...await reading.readAll());
      assert.deepEqual(taken, events(0, 5));
    },
  );
}

async function testNeverCommitted(step: Step, replay: Replay): Promise<void> {
  await step(
    "handed over but never committed, opened again: all the same, or gone where that is said",
    async (bus, reading) => {
      await bus.publish(6);
      const { progress: nowhere } = reading;
      assert.deepEqual(await reading.readAll(), events(0, 6));
      const source = bus.createSource();
      const next = await Reading.open(source, { ...nowhere, history: new LogHistory() });
      await next.partition.committed(next.progress);
      assert.deepEqual(await next.readAll(), replay === "none" ? [] : events(0, 6));
      await source.close();
    },
  );

  await step("committed, opened again: goes on behind it", async (bus, reading) => {
    await bus.publish(6);
    await reading.read();
    await reading.partition.committed(reading.progress);
    const read = namesOf(reading.batch).length;
    const source = bus.createSource();
    const next = await Reading.open(source, { ...reading.progress, history: new LogHistory() });
    await next.partition.committed(next.progress);
    assert.deepEqual(await next.readAll(), events(read, 6));
    await source.close();
  });
}

async function testReplay(step: Step, replay: Replay): Promise<void> {
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
      if (replay === "from-position") {
        const source = bus.createSource();
        const next = await Reading.open(source, { ...from, history: new LogHistory() });
        assert.deepEqual(await next.readAll(), events(namesOf(reading.batch).length, 9));
        await source.close();
      }
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
