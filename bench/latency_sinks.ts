/** Sinks that tell when each row of a window was there. */
import postgres from "postgres";
import { makeTopic } from "../tests/support/make_topic.ts";
import { kafkaClient, startKafka } from "../tests/support/kafka_broker.ts";
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

/** A row is there when a consumer has it that reads what is committed. */
export async function timedKafka(): Promise<TimedSink> {
  const broker = await startKafka();
  const kafka = kafkaClient(broker.brokers);
  const admin = kafka.admin();
  await admin.connect();
  await makeTopic(admin, { topic: TABLE, numPartitions: 1 });
  await admin.disconnect();
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
  return {
    settings: {
      STORAGE_TYPE: "kafka",
      KAFKA_BOOTSTRAP_SERVERS: broker.brokers.join(","),
      KAFKA_TOPIC: TABLE,
    },
    rows: () => Promise.resolve(rows),
    async [Symbol.asyncDispose]() {
      await consumer.disconnect();
      await broker.remove();
    },
  };
}
