import type { Producer } from "kafkajs";
import type { Clock } from "../../platform/clock/clock.ts";
import type { CompressionName } from "../../platform/kafka/compression.ts";
import { amount } from "../../platform/log/amount.ts";
import type { Logger } from "../../platform/log/logger.ts";
import {
  type OutboxBatch,
  type OutboxId,
  type Sink,
  type SinkContext,
  SinkError,
} from "../../contract/sink.ts";
import { probeAnswer } from "../../contract/probe_answer.ts";
import { withDeadline } from "../deadline.ts";
import { brokersThatAnswer } from "./kafka_dialect.ts";
import { hidesItsReason, isFenced, toKafkaSinkError } from "./kafka_errors.ts";
import { KafkaPosition } from "./kafka_position.ts";
import { KafkaReadBack } from "./kafka_read_back.ts";
import type { WantedRights } from "./kafka_rights.ts";
import type { KafkaConnectionOptions, KafkaSession } from "./kafka_session.ts";
import { KafkaTopic, TopicSettings } from "./kafka_topic.ts";
import { newSession } from "./new_session.ts";
import { recordRuns } from "./record_runs.ts";
import { TopicEnds } from "./topic_ends.ts";
import { TRANSACTION_TIMEOUT_MS } from "./transaction_timeout.ts";

export interface KafkaSinkOptions extends KafkaConnectionOptions {
  /** The operator's name for the sink. Where it is not the kind, the position has a name of its own. */
  readonly id: string;
  readonly topic: string;
  readonly instance: string;
  readonly delivery: "exactly-once" | "at-least-once";
  readonly compression: CompressionName;
  readonly clock: Pick<Clock, "nowMs" | "sleep">;
}

const KIND = "kafka";
const OPEN_TIMEOUT_MS = 60_000;
/**
 * Shorter than the broker's limit for a transaction. So a fenced producer means that there is another
 * producer.
 */
const WRITE_TIMEOUT_MS = TRANSACTION_TIMEOUT_MS - 10_000;

/** What a write sends. */
type Content = Pick<OutboxBatch, "aggregates" | "traceparent">;

/**
 * Writes aggregates to a Kafka topic. With `exactly-once`, the records of a batch and the outbox position
 * after it are one transaction, for readers of committed records.
 *
 * The order of `open` matters. Initialising the producer fences an older one with the same id and ends its
 * open transaction. Only then is the position final.
 */
export class KafkaSink implements Sink {
  readonly id: string;
  readonly repeat: "positioned" | "append";
  readonly readBack: KafkaReadBack;
  private readonly topic: KafkaTopic;
  private readonly position: KafkaPosition;
  private session: KafkaSession | undefined;
  private settings = new TopicSettings(new Map());
  private context: SinkContext | undefined;
  private ends: TopicEnds;

  constructor(private readonly options: KafkaSinkOptions, private readonly logger: Logger) {
    const { id, topic, clock, delivery } = options;
    this.id = id;
    this.repeat = delivery === "exactly-once" ? "positioned" : "append";
    this.readBack = new KafkaReadBack({ ...options, repeat: this.repeat }, logger);
    this.topic = new KafkaTopic(topic, logger);
    this.position = new KafkaPosition(groupOf(options), topic, clock, logger);
    this.ends = new TopicEnds(topic);
  }

  async open(context: SinkContext, signal: AbortSignal): Promise<OutboxId> {
    this.context = context;
    // A session that is open has initialised its producer before what it wrote last.
    await this.disconnect();
    return await this.attempt("connecting", OPEN_TIMEOUT_MS, signal, async () => {
      const session = await this.connect();
      for (const flaw of this.settings.flaws) this.logger.warn(`topic ${this.topic.name}: ${flaw}`);
      const next = this.isExactlyOnce ? await this.position.start(session, context) : context.cursor;
      context.claimant.claimed();
      const alarm = await this.topic.missing(session, context.confirmed);
      if (alarm !== undefined) {
        context.alarm(alarm);
        this.ends = new TopicEnds(this.topic.name);
      }
      return next;
    });
  }

  async write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    if (batch.aggregates.length === 0) return;
    await this.attempt("writing", WRITE_TIMEOUT_MS, signal, async () => {
      if (this.isExactlyOnce) return await this.commit(batch, batch.nextId);
      const session = await this.connect();
      await this.send(batch, session, session.producer);
    });
  }

  async keepAlive(nextId: OutboxId, signal: AbortSignal): Promise<void> {
    if (!this.isExactlyOnce || !this.position.isRenewalDue) return;
    await this.attempt(
      "renewing the position",
      WRITE_TIMEOUT_MS,
      signal,
      () => this.commit({ aggregates: [] }, nextId),
    );
  }

  /** The transactional producer is not initialised here, since that would fence a running handler. */
  async probe(signal: AbortSignal): Promise<string> {
    const session = this.session = await this.newSession();
    const { admin } = session;
    return await this.attempt("connecting", OPEN_TIMEOUT_MS, signal, async () => {
      session.brokers = await brokersThatAnswer(this.options);
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      const partitions = await this.topic.partitionCount(admin);
      const state = partitions === undefined ? "will be created" : `has ${amount(partitions, "partition")}`;
      const flaws = partitions === undefined ? [] : (await this.topic.settings(admin)).flaws;
      await this.tryRights(session, partitions === undefined);
      await this.disconnect();
      return probeAnswer(
        `Kafka, ${amount(brokers.length, "broker")}, topic ${this.topic.name} ${state}`,
        flaws,
      );
    });
  }

  private async tryRights(session: KafkaSession, isTopicMissing: boolean): Promise<void> {
    if (isTopicMissing) await this.topic.tryToMake(session.admin);
    // A producer without transactions has no id and fences nobody.
    if (!this.isExactlyOnce) await session.producer.connect();
    await session.tryRights(this.wantedRights);
    if (this.isExactlyOnce && !isTopicMissing) await this.position.fetch(session);
  }

  async close(): Promise<void> {
    await Promise.all([this.disconnect(), this.readBack.close()]);
  }

  private async disconnect(): Promise<void> {
    const session = this.session;
    this.session = undefined;
    await session?.close();
  }

  private get isExactlyOnce(): boolean {
    return this.repeat === "positioned";
  }

  private get wantedRights(): WantedRights {
    const { groupId } = this.position;
    return { topic: this.topic.name, transaction: this.isExactlyOnce ? { id: groupId, groupId } : undefined };
  }

  private newSession(): Promise<KafkaSession> {
    const transactionalId = this.isExactlyOnce ? this.position.groupId : undefined;
    return newSession(this.options, transactionalId, this.logger);
  }

  /** The present session, or a new one that is ready to produce. */
  private async connect(): Promise<KafkaSession> {
    if (this.session !== undefined) return this.session;
    const session = this.session = await this.newSession();
    session.brokers = await brokersThatAnswer(this.options);
    await session.admin.connect();
    await this.topic.ensure(session.admin);
    await session.producer.connect();
    // kafkajs initialises a transactional producer with its first transaction; an empty one sends nothing
    // else.
    if (this.isExactlyOnce) await (await session.producer.transaction()).abort();
    // They may be others than before: a topic that takes less refuses what was allowed, which ends a session.
    this.settings = await this.topic.settings(session.admin);
    return session;
  }

  /** Every failure closes the session, so that the next attempt starts from a fenced and settled state. */
  private async attempt<T>(
    what: string,
    limitMs: number,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    const startedAtMs = this.options.clock.nowMs();
    const address = this.options.bootstrapServers.join(", ");
    try {
      return await withDeadline(`Kafka at ${address}: ${what}`, limitMs, signal, async () => {
        try {
          return await work();
        } catch (error) {
          if (hidesItsReason(error)) await this.session?.tryRights(this.wantedRights);
          throw error;
        }
      });
    } catch (error) {
      await this.disconnect();
      if (error instanceof SinkError) throw error;
      const elapsedMs = this.options.clock.nowMs() - startedAtMs;
      if (isFenced(error) && elapsedMs < TRANSACTION_TIMEOUT_MS) throw this.fenced(error);
      throw toKafkaSinkError(error, address, groupOf({ ...this.options, instance: "<INSTANCE_ID>" }));
    }
  }

  private fenced(cause: unknown): SinkError {
    return new SinkError(
      "misconfigured",
      `Kafka: another handler with the INSTANCE_ID ${this.options.instance} has taken over the topic ` +
        `${this.topic.name}. Stop one of the two, or give each its own INSTANCE_ID.`,
      { cause },
    );
  }

  /** One transaction: the messages, and the position after them. */
  private async commit(batch: Content, nextId: OutboxId): Promise<void> {
    if (this.context === undefined) throw new SinkError("unavailable", "Kafka: the sink is not open.");
    const { stateId } = this.context;
    const session = await this.connect();
    const transaction = await session.producer.transaction();
    // Neither needs an answer of the other, so together they take two round trips, and not four.
    await Promise.all([
      this.send(batch, session, transaction),
      this.position.send(transaction, nextId, stateId),
    ]);
    await transaction.commit();
    this.position.written();
  }

  private async send(
    { aggregates, traceparent }: Content,
    session: KafkaSession,
    to: Pick<Producer, "send">,
  ): Promise<void> {
    const { clock, compression, instance } = this.options;
    const maxBytes = this.settings.requestMaxBytes;
    const how = { compression, instance, maxBytes, timeMs: clock.nowMs(), traceparent };
    for (const run of recordRuns(aggregates, how)) {
      const written = await session.send(to, this.topic.name, run, clock);
      const alarm = this.ends.moved(written);
      if (alarm !== undefined) this.context?.alarm(alarm);
    }
  }
}

/**
 * The name of the group and of the transactional id. Ids contain no dot, so no two sinks of any instances
 * share a name.
 */
function groupOf({ id, instance }: KafkaSinkOptions): string {
  return `vabus-data-handler${id === KIND ? "" : `-${id}`}.${instance}`;
}
