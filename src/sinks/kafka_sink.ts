import { type Admin, ConfigResourceTypes, type PartitionOffset } from "kafkajs";
import type { Logger } from "../log/logger.ts";
import { withDeadline } from "./deadline.ts";
import { isFenced, toKafkaSinkError } from "./kafka_errors.ts";
import { messageRuns } from "./kafka_messages.ts";
import { type KafkaConnectionOptions, KafkaSession, TRANSACTION_TIMEOUT_MS } from "./kafka_session.ts";
import { type OutboxBatch, type Sink, type SinkContext, SinkError } from "./sink.ts";

export interface KafkaSinkOptions extends KafkaConnectionOptions {
  readonly topic: string;
  readonly instance: string;
  readonly delivery: "exactly-once" | "at-least-once";
  /** Unix milliseconds. */
  readonly clock: () => number;
}

const OPEN_TIMEOUT_MS = 60_000;
/** Ends before the broker gives up the transaction, so that a fenced producer means another producer. */
const WRITE_TIMEOUT_MS = TRANSACTION_TIMEOUT_MS - 10_000;
/** Brokers forget the position of a group without members after a week. Half a day makes "daily" safe. */
const RENEW_POSITION_AFTER_MS = 12 * 3_600_000;
/** Brokers take a megabyte by default. */
const MAX_REQUEST_BYTES = 900_000;
/** The number of a group's position is kept for one partition of the topic. */
const POSITION_PARTITION = 0;

/**
 * Writes aggregates to a Kafka topic, with `exactly-once` for every reader that reads committed records only: the
 * records of a batch and the outbox position after it are one transaction.
 *
 * The order of `open` matters: initialising the producer fences an older one with the same id and ends its open
 * transaction, and only then is the position final.
 */
export class KafkaSink implements Sink {
  readonly name = "kafka";
  readonly #groupId: string;
  #session: KafkaSession | undefined;
  #stateId = "";
  #maxRequestBytes = MAX_REQUEST_BYTES;
  #positionWrittenAtMs = -Infinity;

  constructor(private readonly options: KafkaSinkOptions, private readonly logger: Logger) {
    this.#groupId = `vabus-data-handler.${options.instance}`;
  }

  async open(context: SinkContext, signal: AbortSignal): Promise<number> {
    this.#stateId = context.stateId;
    this.#positionWrittenAtMs = -Infinity;
    return await this.#attempt("connecting", OPEN_TIMEOUT_MS, signal, async () => {
      const { admin } = await this.#connect();
      this.#maxRequestBytes = await this.#topicRequestBytes(admin);
      return this.#isExactlyOnce
        ? this.#startPosition(await this.#fetchPosition(admin), context)
        : context.cursor;
    });
  }

  async write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    if (batch.aggregates.length === 0) return;
    await this.#attempt("writing", WRITE_TIMEOUT_MS, signal, async () => {
      if (this.#isExactlyOnce) return await this.#commit(batch.aggregates, batch.nextId);
      const { producer } = await this.#connect();
      for (const messages of this.#messageRuns(batch.aggregates)) {
        await producer.send({ topic: this.options.topic, acks: -1, messages });
      }
    });
  }

  async keepAlive(nextId: number, signal: AbortSignal): Promise<void> {
    const ageMs = this.options.clock() - this.#positionWrittenAtMs;
    if (!this.#isExactlyOnce || ageMs < RENEW_POSITION_AFTER_MS) return;
    await this.#attempt("renewing the position", WRITE_TIMEOUT_MS, signal, () => this.#commit([], nextId));
  }

  /** With an admin client only: initialising a producer would fence a handler that is running. */
  async probe(signal: AbortSignal): Promise<string> {
    const { admin } = this.#session = this.#newSession();
    return await this.#attempt("connecting", OPEN_TIMEOUT_MS, signal, async () => {
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      const partitions = await this.#partitionCount(admin);
      const topic = partitions === undefined ? "will be created" : `has ${partitions} partition(s)`;
      await this.close();
      return `Kafka, ${brokers.length} broker(s), topic ${this.options.topic} ${topic}`;
    });
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  get #isExactlyOnce(): boolean {
    return this.options.delivery === "exactly-once";
  }

  #newSession(): KafkaSession {
    const transactionalId = this.#isExactlyOnce ? this.#groupId : undefined;
    return new KafkaSession(this.options, transactionalId, this.logger);
  }

  /** The session there is, or a new one that is ready to produce. */
  async #connect(): Promise<KafkaSession> {
    if (this.#session !== undefined) return this.#session;
    const session = this.#session = this.#newSession();
    await session.admin.connect();
    await this.#ensureTopic(session.admin);
    await session.producer.connect();
    // kafkajs initialises a transactional producer with its first transaction; an empty one sends nothing else.
    if (this.#isExactlyOnce) await (await session.producer.transaction()).abort();
    return session;
  }

  /** Whatever fails takes its session with it, so that the next attempt starts from a fenced and settled state. */
  async #attempt<T>(what: string, limitMs: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const startedAtMs = this.options.clock();
    const place = this.options.bootstrapServers.join(", ");
    try {
      return await withDeadline(`Kafka at ${place}: ${what}`, limitMs, signal, work);
    } catch (error) {
      await this.close();
      if (error instanceof SinkError) throw error;
      const elapsedMs = this.options.clock() - startedAtMs;
      if (isFenced(error) && elapsedMs < TRANSACTION_TIMEOUT_MS) throw this.#fenced(error);
      throw toKafkaSinkError(error, place);
    }
  }

  #fenced(cause: unknown): SinkError {
    return new SinkError(
      "misconfigured",
      `Kafka: another handler with the INSTANCE_ID ${this.options.instance} has taken over the topic ` +
        `${this.options.topic}. Stop one of the two, or give each its own INSTANCE_ID.`,
      { cause },
    );
  }

  /** One transaction: the messages, and the position after them. */
  async #commit(aggregates: OutboxBatch["aggregates"], nextId: number): Promise<void> {
    const { producer } = await this.#connect();
    const transaction = await producer.transaction();
    for (const messages of this.#messageRuns(aggregates)) {
      await transaction.send({ topic: this.options.topic, acks: -1, messages });
    }
    // The types of kafkajs leave out the metadata, its protocol does not.
    const position: PartitionOffset & { metadata: string } = {
      partition: POSITION_PARTITION,
      offset: `${nextId}`,
      metadata: this.#stateId,
    };
    await transaction.sendOffsets({
      consumerGroupId: this.#groupId,
      topics: [{ topic: this.options.topic, partitions: [position] }],
    });
    await transaction.commit();
    this.#positionWrittenAtMs = this.options.clock();
  }

  #messageRuns(aggregates: OutboxBatch["aggregates"]) {
    return messageRuns(aggregates, this.options.instance, this.#maxRequestBytes);
  }

  async #fetchPosition(admin: Admin): Promise<Position | undefined> {
    const { topic } = this.options;
    const topics = await admin.fetchOffsets({ groupId: this.#groupId, topics: [topic] });
    const position = topics[0]?.partitions.find(({ partition }) => partition === POSITION_PARTITION);
    if (position === undefined || Number(position.offset) < 0) return undefined;
    return { nextId: Number(position.offset), stateId: position.metadata };
  }

  /** Never skips on a doubt: a record sent twice can be told by its revision, one never sent cannot be told at all. */
  #startPosition(position: Position | undefined, context: SinkContext): number {
    const { cursor, endId, stateId } = context;
    if (position === undefined) return cursor;
    if (position.stateId !== stateId) {
      this.logger.warn(
        "the position in Kafka belongs to another state database; records after the local cursor may come twice",
        { group: this.#groupId, position: position.nextId, cursor },
      );
      return cursor;
    }
    if (position.nextId > endId) {
      this.logger.error(
        "the position in Kafka is beyond the end of the outbox: the state was restored from a backup; " +
          "records after the local cursor may come twice",
        { group: this.#groupId, position: position.nextId, cursor, end: endId },
      );
      return cursor;
    }
    return Math.max(position.nextId, cursor);
  }

  async #ensureTopic(admin: Admin): Promise<void> {
    if (await this.#partitionCount(admin) !== undefined) return;
    const { topic } = this.options;
    // Partitions and replicas by the brokers' defaults. False: somebody else was faster.
    const isNew = await admin.createTopics({ topics: [{ topic, numPartitions: -1, replicationFactor: -1 }] });
    if (isNew) this.logger.info("topic created", { topic });
  }

  /** Undefined when there is no such topic. */
  async #partitionCount(admin: Admin): Promise<number | undefined> {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [this.options.topic] });
      return topics[0]!.partitions.length;
    } catch (error) {
      if ((error as { type?: string }).type === "UNKNOWN_TOPIC_OR_PARTITION") return undefined;
      throw error;
    }
  }

  /** What the topic takes at once, as far as the user may know it. */
  async #topicRequestBytes(admin: Admin): Promise<number> {
    try {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{
          type: ConfigResourceTypes.TOPIC,
          name: this.options.topic,
          configNames: ["max.message.bytes"],
        }],
      });
      const limit = Number(resources[0]?.configEntries[0]?.configValue);
      return limit > 0 ? Math.min(MAX_REQUEST_BYTES, 0.9 * limit) : MAX_REQUEST_BYTES;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.debug("the topic's max.message.bytes is not known", { reason });
      return MAX_REQUEST_BYTES;
    }
  }
}

/** What the group's committed offset says. */
interface Position {
  readonly nextId: number;
  readonly stateId: string | null;
}
