import { kafkaClient, startKafka } from "../tests/support/kafka_broker.ts";
import { makeTopic } from "../tests/support/make_topic.ts";
import { startPostgres } from "../tests/support/postgres_server.ts";

/** Sinks to which nothing was written yet, by their names. A server is started once, when it is needed. */
export class NewSinks implements AsyncDisposable {
  private readonly stack = new AsyncDisposableStack();
  private readonly kinds: Readonly<Record<string, () => Promise<Record<string, string>>>>;

  /** @param partitions Those of a topic of Kafka. */
  constructor(partitions: number) {
    const { stack } = this;
    const postgres = lazily(async () => {
      const server = await startPostgres();
      stack.defer(() => server.remove());
      return server.url;
    });
    const kafka = lazily(async () => {
      const broker = await startKafka();
      stack.defer(() => broker.remove());
      const admin = kafkaClient(broker.brokers).admin();
      await admin.connect();
      stack.defer(() => admin.disconnect());
      return { admin, servers: broker.brokers.join(",") };
    });
    const topic = async (compression: string) => {
      const { admin, servers } = await kafka();
      const topic = newName();
      await makeTopic(admin, { topic, numPartitions: partitions });
      return {
        STORAGE_TYPE: "kafka",
        KAFKA_BOOTSTRAP_SERVERS: servers,
        KAFKA_TOPIC: topic,
        KAFKA_COMPRESSION: compression,
      };
    };
    this.kinds = {
      none: () => Promise.resolve({ STORAGE_TYPE: "sqlite", ROUTES: "*=none" }),
      stdout: () => Promise.resolve({ STORAGE_TYPE: "stdout" }),
      sqlite: () => Promise.resolve({ STORAGE_TYPE: "sqlite" }),
      postgres: async () => ({
        STORAGE_TYPE: "postgres",
        POSTGRES_CONNECTION_STRING: await postgres(),
        POSTGRES_TABLE: newName(),
      }),
      kafka: () => topic("none"),
      "kafka-gzip": () => topic("gzip"),
      "kafka-lz4": () => topic("lz4"),
      "kafka-zstd": () => topic("zstd"),
    };
  }

  get names(): readonly string[] {
    return Object.keys(this.kinds);
  }

  /** The settings of a new sink of this name. */
  settings(name: string): Promise<Record<string, string>> {
    return this.kinds[name]!();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }
}

function lazily<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => started ??= start();
}

function newName(): string {
  return `bench_${crypto.randomUUID().slice(0, 8)}`;
}
