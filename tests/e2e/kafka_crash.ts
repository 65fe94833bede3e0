import { zstdCompressSync } from "node:zlib";
import { CompressionCodecs, CompressionTypes } from "kafkajs";
import { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { PATIENCE_MS, pause, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import type { KafkaBroker } from "../support/kafka_broker.ts";
import { Oracle } from "../support/oracle.ts";
import { handlerEnvironment, observed } from "./plant.ts";
import { assertExact } from "./proof.ts";

const WINDOW_MS = 60_000;
/** Which of two events of one time in two partitions arrives first is open, so neither first nor last. */
const ORDERLESS_FUNCTIONS = ["sum", "avg", "min", "max", "count", "stddev", "p50", "p99"];
/** The handler's life in which partitions are added, and the one in which the broker is killed first. */
const LIFE_OF_MORE_PARTITIONS = 2;
const LIFE_OF_BROKER_KILL = 1;

export interface TopicThroughKills {
  /** It is killed. */
  readonly broker: KafkaBroker;
  readonly seed: number;
  readonly events: number;
  /** Of the handler: three at least. */
  readonly kills: number;
  /** Reports each step. */
  readonly log?: (line: string) => void;
}

/**
 * The handler reads a topic that is written in transactions with zstd, each with an aborted one after it.
 * It is killed again and again, the broker twice, and partitions are added. Everything must be in its sink
 * once, and proven. Returns how many events there are.
 */
export async function readTopicThroughKills(
  { broker, seed, events, kills, log = () => {} }: TopicThroughKills,
): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const topic = await KafkaTopic.create(broker.brokers, 3);
  stack.defer(() => topic.remove());
  compressWithZstd(stack);
  const random = randomNumbers(seed);
  const oracle = new Oracle(WINDOW_MS);
  const stream = eventStream({
    seed: seed + 1,
    eventCount: events,
    functions: ORDERLESS_FUNCTIONS,
    nameCount: 50,
    baseMs: recentBaseMs(WINDOW_MS, 10),
    windowSizeMs: WINDOW_MS,
    windowCount: 10,
  });
  const values = [...observed(stream, oracle)].map((value) => ({ value }));
  const environment = handlerEnvironment(topic.url, directory.path, {
    STORAGE_TYPE: "sqlite",
    VABUS_BATCH_SIZE: "500",
    CHECKPOINT_INTERVAL: "0.1",
  });
  const share = Math.ceil(values.length / kills);
  for (let life = 0; life < kills; life++) {
    await using handler = Program.start(["run"], environment);
    const part = values.slice(life * share, (life + 1) * share);
    const partitions = life < LIFE_OF_MORE_PARTITIONS ? 3 : 5;
    if (life === LIFE_OF_MORE_PARTITIONS) {
      log("partitions are added");
      await topic.addPartitions(partitions);
    }
    await publishInTransactions(topic, part, partitions, Math.max(500, Math.ceil(events / 200)));
    if (life === LIFE_OF_BROKER_KILL || life === kills - 1) {
      log("the broker is killed");
      await broker.kill();
      await broker.start();
    }
    await Promise.race([pause(random() * 1500), handler.exit]);
    log("the handler is killed");
    await handler.kill9();
  }
  await until(
    async () => (await runToEnd(["once", "--flush"], environment)).code === 0,
    "all records to be read",
    PATIENCE_MS,
  );
  await assertExact(oracle, environment);
  return oracle.counts.aggregated;
}

/** Has the client of the tests write with zstd, which it does not know by itself. */
function compressWithZstd(stack: AsyncDisposableStack): void {
  const compression: Record<number, unknown> = CompressionCodecs;
  const before = compression[CompressionTypes.ZSTD];
  stack.defer(() => void (compression[CompressionTypes.ZSTD] = before));
  compression[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Uint8Array }) => Promise.resolve(zstdCompressSync(buffer)),
  });
}

/** Writes events in transactions over all partitions, each with an aborted one after it. */
async function publishInTransactions(
  topic: KafkaTopic,
  values: readonly { readonly value: string }[],
  partitions: number,
  transactionEvents: number,
): Promise<void> {
  const producer = await topic.transactions(`tx-${topic.name}-${partitions}`);
  try {
    for (let at = 0; at < values.length; at += transactionEvents) {
      const messages = values.slice(at, at + transactionEvents).map((message, i) => ({
        ...message,
        partition: i % partitions,
      }));
      const record = { topic: topic.name, compression: CompressionTypes.ZSTD, messages };
      const good = await producer.transaction();
      await good.send(record);
      await good.commit();
      const bad = await producer.transaction();
      await bad.send(record);
      await bad.abort();
    }
  } finally {
    await producer.disconnect();
  }
}
