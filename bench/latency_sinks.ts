/** Sinks that tell when each row of a window was there. */
import type { Kafka } from "kafkajs";
import postgres from "postgres";
import { makeTopic } from "../tests/support/make_topic.ts";
import { kafkaClient, startKafka } from "../tests/support/kafka_broker.ts";
import { TcpProxy } from "../tests/support/tcp_proxy.ts";
import { startPostgres } from "../tests/support/postgres_server.ts";

export interface ArrivedRow {
  /** End of its window, Unix ms. */
  readonly endMs: number;
  readonly arrivedMs: number;
}

export interface TimedSink extends AsyncDisposable {
  /** Of a handler that writes there. */
  readonly settings: Readonly<Record<string, string>>;
  /** All that have come so far. */
  rows(): Promise<readonly ArrivedRow[]>;
}

const TABLE = "close_to_row";
const WARM_UP = "before";
/** The first transactions take a broker twice as long as the next ones: it interprets its code. */
const WARM_UP_TRANSACTIONS = 400;

/** A row is there when the transaction that wrote it began: its `written_at`. */
export async function timedPostgres(): Promise<TimedSink> {
  const server = await startPostgres();
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  return {
    settings: {
      STORAGE_TYPE: "postgres",
      POSTGRES_CONNECTION_STRING: server.url,
      POSTGRES_TABLE: TABLE,
    },
    // There is no table before the first row.
    rows: async () =>
      await sql<ArrivedRow[]>`
        SELECT (extract(epoch FROM window_end) * 1000)::float8 AS "endMs",
          (extract(epoch FROM written_at) * 1000)::float8 AS "arrivedMs"
        FROM ${sql(TABLE)}`.catch(() => []),
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await server.remove();
    },
  };
}

/**
 * A row is there when a consumer has it that reads what is committed.
 *
 * @param delayMs How much later each piece arrives that passes between the handler and the broker.
 */
export async function timedKafka(delayMs = 0): Promise<TimedSink> {
  const wire = TcpProxy.start();
  const broker = await startKafka({ proxyPort: wire.port });
  wire.leadTo(broker.proxiedPort);
  const kafka = kafkaClient(broker.brokers);
  const admin = kafka.admin();
  await admin.connect();
  for (const topic of [TABLE, WARM_UP]) await makeTopic(admin, { topic, numPartitions: 1 });
  await admin.disconnect();
  await warmUp(kafka);
  const consumer = kafka.consumer({ groupId: TABLE, readUncommitted: false, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [TABLE], fromBeginning: true });
  const rows: ArrivedRow[] = [];
  await consumer.run({
    eachBatch: ({ batch }) => {
      const arrivedMs = Date.now();
      for (const { value } of batch.messages) {
        rows.push({ endMs: JSON.parse(value!.toString()).window_end * 1000, arrivedMs });
      }
      return Promise.resolve();
    },
  });
  wire.slowDown(delayMs);
  return {
    settings: {
      STORAGE_TYPE: "kafka",
      KAFKA_BOOTSTRAP_SERVERS: delayMs === 0 ? broker.brokers.join(",") : wire.address,
      KAFKA_TOPIC: TABLE,
    },
    rows: () => Promise.resolve(rows),
    async [Symbol.asyncDispose]() {
      await consumer.disconnect();
      await broker.remove();
      await wire[Symbol.asyncDispose]();
    },
  };
}

async function warmUp(kafka: Kafka): Promise<void> {
  const producer = kafka.producer({
    transactionalId: WARM_UP,
    idempotent: true,
    maxInFlightRequests: 1,
    // A transaction that follows another at once is refused until that one's markers are written.
    retry: { initialRetryTime: 10, factor: 0.2, retries: 15 },
  });
  await producer.connect();
  for (let offset = 0; offset < WARM_UP_TRANSACTIONS; offset++) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: WARM_UP, messages: [{ value: "a" }] });
    const topics = [{ topic: WARM_UP, partitions: [{ partition: 0, offset: `${offset}` }] }];
    await transaction.sendOffsets({ consumerGroupId: WARM_UP, topics });
    await transaction.commit();
  }
  await producer.disconnect();
}
