/** How a topic is read once to its end: what ends the reading, what it says then, and what it leaves. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SinkError } from "../../../src/contract/sink.ts";
import { giveWay } from "../../../src/platform/clock/steps.ts";
import { createLogger } from "../../../src/platform/log/logger.ts";
import type { KafkaSession, PartitionEnds } from "../../../src/sinks/kafka/kafka_session.ts";
import type { GroupPartition } from "../../../src/sinks/kafka/stable_offset.ts";
import { TopicReader } from "../../../src/sinks/kafka/topic_reader.ts";

type Payload = Record<string, unknown>;
type EachBatch = (of: { batch: unknown; heartbeat: () => Promise<void> }) => Promise<void>;

interface World {
  readonly ends?: readonly PartitionEnds[];
  /** What the broker says of the ends when it is asked again. */
  readonly endsNow?: () => Promise<readonly PartitionEnds[]>;
  readonly connect?: () => Promise<void>;
  /** Resolves once the group has a coordinator that is ready. */
  readonly coordinator?: () => Promise<undefined>;
  readonly deleteGroups?: () => Promise<void>;
  readonly take?: (value: string | undefined) => void;
  readonly stallTimeoutMs?: number;
  readonly progressIntervalMs?: number;
  /** Whether nobody waits for the reading any more when it begins. */
  readonly isStopped?: boolean;
}

const endsOf = (partition: number, firstOffset: number, endOffset: number, stableOffset = endOffset) => ({
  partition,
  firstOffset,
  stableOffset,
  endOffset,
});

/** A reader of the topic t that is read from offset 5 to 8 in partition 0, and from 0 to 2 in partition 1. */
async function rig(world: World = {}) {
  const { ends = [endsOf(0, 5, 8), endsOf(1, 0, 2)] } = world;
  const done: string[] = [];
  const log: string[] = [];
  const taken: string[] = [];
  /** The waits for a stall that are under way. */
  const waits: { readonly ms: number; readonly end: () => void }[] = [];
  const listeners = new Map<string, (event: { payload: Payload }) => void>();
  let eachBatch: EachBatch | undefined;
  const consumer = {
    events: { CRASH: "crash", END_BATCH_PROCESS: "end" },
    on: (name: string, listener: (event: { payload: Payload }) => void) => listeners.set(name, listener),
    connect: world.connect ?? (() => Promise.resolve()),
    subscribe: (what: unknown) => Promise.resolve(void done.push(`subscribe ${JSON.stringify(what)}`)),
    run: ({ autoCommit, ...options }: { autoCommit: boolean; eachBatch: EachBatch }) => {
      eachBatch = options.eachBatch;
      return Promise.resolve(void done.push(`run ${autoCommit}`));
    },
    disconnect: () => Promise.resolve(void done.push("disconnect")),
  };
  const session = {
    createConsumer: (group: string) => (done.push(`consumer ${group}`), consumer),
    committedOffset: (of: GroupPartition) => {
      done.push(`coordinator of ${of.groupId}`);
      return world.coordinator?.() ?? Promise.resolve(undefined);
    },
    topicEnds: (topic: string) => (assert.equal(topic, "t"), world.endsNow?.() ?? Promise.resolve(ends)),
    admin: {
      deleteGroups: (groups: readonly string[]) => {
        done.push(`delete ${groups.join()}`);
        return world.deleteGroups?.() ?? Promise.resolve();
      },
    },
  } as unknown as KafkaSession;
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wait = { ms, end: resolve };
      waits.push(wait);
      signal.addEventListener("abort", () => {
        waits.splice(waits.indexOf(wait), 1);
        resolve();
      });
    });
  const { stallTimeoutMs, progressIntervalMs } = world;
  const options = {
    topic: "t",
    bootstrapServers: ["k1:9092", "k2:9092"],
    clock: { sleep },
    ...(stallTimeoutMs !== undefined && { stallTimeoutMs }),
    ...(progressIntervalMs !== undefined && { progressIntervalMs }),
  };
  const logger = createLogger({
    level: "debug",
    format: "text",
    write: (line) => log.push(line.slice(25)),
    now: () => 0,
  });
  const stop = new AbortController();
  if (world.isStopped) stop.abort();
  const reader = new TopicReader(options, session, ends, "group", logger);
  let end: string | undefined;
  const reading = reader.read((value, at) => {
    world.take?.(value?.toString());
    taken.push(`${at} ${value}`);
  }, stop.signal).then(() => end = "complete", (error) => {
    end = error instanceof SinkError ? `${error.kind}: ${error.message}` : `${error}`;
  });
  const settle = async () => {
    await giveWay();
    return end;
  };
  await settle();
  return {
    done,
    log,
    taken,
    waits,
    stop,
    reading: async () => (await reading, end!),
    settle,
    crash: (error: Error) => listeners.get("crash")!({ payload: { error } }),
    /** The records of a batch, and the last offset of it, of a marker maybe. */
    async batch(partition: number, offsets: readonly number[], lastOffset = offsets.at(-1)!) {
      const messages = offsets.map((offset) => ({ offset: `${offset}`, value: Buffer.from(`r${offset}`) }));
      await eachBatch!({
        batch: { partition, messages },
        heartbeat: () => Promise.resolve(void done.push("heartbeat")),
      });
      listeners.get("end")!({ payload: { partition, lastOffset: `${lastOffset}` } });
      await settle();
    },
  };
}

const BEGUN = [
  "consumer group",
  "coordinator of group",
  'subscribe {"topic":"t","fromBeginning":true}',
  "run false",
];
const LEFT = ["disconnect", "delete group"];

Deno.test("a topic is read once to the ends that it had, markers included, and the group is left", async () => {
  const it = await rig();
  await it.batch(0, [5, 6]);
  await it.batch(1, [0, 1]);
  assert.equal(await it.settle(), undefined);
  // There is nothing but the marker of a transaction any more.
  await it.batch(0, [], 7);
  assert.equal(await it.reading(), "complete");
  assert.deepEqual(it.taken, ["0:5 r5", "0:6 r6", "1:0 r0", "1:1 r1"]);
  assert.deepEqual(it.done, [...BEGUN, "heartbeat", "heartbeat", "heartbeat", ...LEFT]);
  assert.deepEqual([it.waits, it.log], [[], []]);
  await it.batch(0, [8]);
  assert.equal(it.taken.length, 4);
});

Deno.test("the consumer joins its group once the group's coordinator is ready", async () => {
  const { promise: ready, resolve } = Promise.withResolvers<undefined>();
  const it = await rig({ coordinator: () => ready });
  assert.deepEqual(it.done, BEGUN.slice(0, 2));
  resolve(undefined);
  await it.settle();
  assert.deepEqual(it.done, BEGUN);
  it.stop.abort();
  await it.reading();
});

Deno.test("a topic without records is not read at all", async () => {
  const it = await rig({ ends: [endsOf(0, 3, 3)] });
  assert.equal(await it.reading(), "complete");
  assert.deepEqual([it.done, it.waits], [[], []]);
});

Deno.test("a record that cannot be taken, and a consumer that fails, end the reading with their error", async () => {
  const refusing = await rig({
    take: (value) => {
      if (value === "r6") throw new SinkError("rejected", "no row");
    },
  });
  await refusing.batch(0, [5, 6, 7]);
  assert.equal(await refusing.reading(), "rejected: no row");
  assert.deepEqual(refusing.taken, ["0:5 r5"]);
  const crashing = await rig();
  crashing.crash(new Error("not allowed"));
  assert.equal(await crashing.reading(), "Error: not allowed");
  const unconnected = await rig({ connect: () => Promise.reject(new Error("nobody there")) });
  assert.equal(await unconnected.reading(), "Error: nobody there");
  for (const { done, waits } of [refusing, crashing, unconnected]) {
    assert.deepEqual([done.slice(-2), waits], [LEFT, []]);
  }
});

Deno.test("a reading that is interrupted says how far it came", async () => {
  const it = await rig();
  await it.batch(0, [5]);
  it.stop.abort();
  assert.equal(
    await it.reading(),
    "unavailable: Kafka at k1:9092, k2:9092: reading was interrupted, 1 of 5 offsets read.",
  );
  assert.deepEqual(it.done.slice(-2), LEFT);
  const late = await rig({ isStopped: true });
  assert.match(await late.reading(), /reading was interrupted, 0 of 5 offsets read\.$/);
});

Deno.test("without progress the reading ends, and the broker is asked for the reason", async () => {
  const said = "unavailable: Kafka at k1:9092, k2:9092: reading the topic t came no further for 7 seconds";
  const silent = ", 1 of 5 offsets read. Is the broker at work?";
  const tool = "kafka-transactions.sh --bootstrap-server k1:9092, k2:9092";
  const open = ": in partition 0 some producer has left a transaction open, which hides everything from " +
    `offset 6 to 9. To see whose it is, run \`${tool} describe-producers --topic t --partition 0\`. End ` +
    `that program and wait for the broker to abort it, or abort it yourself: \`${tool} abort --topic t ` +
    "--partition 0 --start-offset 6`. Then verify again.";
  for (
    const [endsNow, reason] of [
      [() => Promise.resolve([endsOf(0, 5, 9), endsOf(1, 0, 2)]), silent],
      [() => Promise.reject(new Error("away")), silent],
      [() => Promise.resolve([endsOf(1, 0, 2), endsOf(0, 5, 9, 6)]), open],
    ] as const
  ) {
    const it = await rig({ endsNow, stallTimeoutMs: 7000 });
    const [first] = it.waits;
    await it.batch(0, [5]);
    const [second] = it.waits;
    assert.notEqual(second, first);
    // What was read already is no progress.
    await it.batch(0, [5]);
    assert.deepEqual(it.waits, [second]);
    second!.end();
    assert.equal(await it.reading(), said + reason);
  }
});

Deno.test("a transaction may stay open for a minute, and the reading waits half a minute more", async () => {
  const it = await rig();
  assert.deepEqual(it.waits.map(({ ms }) => ms), [90_000]);
  it.stop.abort();
  await it.reading();
});

Deno.test("the log has how far a long reading is, and why a group could not be deleted", async () => {
  const it = await rig({
    progressIntervalMs: 1,
    deleteGroups: () => Promise.reject(new Error("not authorized")),
  });
  while (it.log.length === 0) await giveWay();
  it.stop.abort();
  assert.match(await it.reading(), /reading was interrupted/);
  assert.equal(it.log[0], "INFO  reading the topic t: 0 of 5 offsets read");
  assert.equal(
    it.log.at(-1),
    'DEBUG the group of the reader was left to the broker group="group" reason="Error: not authorized"',
  );
});
