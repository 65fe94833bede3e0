import { type Admin, ConfigResourceTypes, type PartitionOffset, type RecordMetadata } from "kafkajs";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { KafkaTopic } from "./kafka_topic.ts";
import { emptySink } from "../alarms.ts";
import { withDeadline } from "../deadline.ts";
import { assertDialect } from "./kafka_dialect.ts";
import { hidesItsReason, isFenced, toKafkaSinkError } from "./kafka_errors.ts";
import { messageRuns } from "./kafka_messages.ts";
import type { WantedRights } from "./kafka_rights.ts";
import { type KafkaConnectionOptions, KafkaSession, TRANSACTION_TIMEOUT_MS } from "./kafka_session.ts";
import {
  type OutboxBatch,
  type Sink,
  type SinkAlarm,
  type SinkContext,
  SinkError,
} from "../../contract/sink.ts";
import { TopicEnds } from "./topic_ends.ts";

export interface KafkaSinkOptions extends KafkaConnectionOptions {
  /** What the operator calls it. Where that is not its kind, its position has a name of its own. */
  readonly id: string;
  readonly topic: string;
  readonly instance: string;
  readonly delivery: "exactly-once" | "at-least-once";
  readonly clock: Pick<Clock, "nowMs" | "sleep">;
}

const KIND = "kafka";
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
  readonly id: string;
  readonly repeat: "positioned" | "append";
  readonly readBack: KafkaTopic;
  private readonly groupId: string;
  private session: KafkaSession | undefined;
  private stateId = "";
  private maxRequestBytes = MAX_REQUEST_BYTES;
  private positionWrittenAtMs = -Infinity;
  /** The greatest position that this process has tried to commit. */
  private triedId = -Infinity;
  private context: SinkContext | undefined;
  private ends: TopicEnds;
  /** Whether the topic had to be made by this session. */
  private isTopicNew = false;

  constructor(private readonly options: KafkaSinkOptions, private readonly logger: Logger) {
    this.id = options.id;
    this.repeat = options.delivery === "exactly-once" ? "positioned" : "append";
    this.readBack = new KafkaTopic({ ...options, repeat: this.repeat }, logger);
    this.groupId = groupOf(options);
    this.ends = new TopicEnds(options.topic);
  }

  async open(context: SinkContext, signal: AbortSignal): Promise<number> {
    this.context = context;
    this.stateId = context.stateId;
    this.positionWrittenAtMs = -Infinity;
    return await this.attempt("connecting", OPEN_TIMEOUT_MS, signal, async () => {
      const { admin } = await this.connect();
      const settings = await this.topicSettings(admin);
      this.maxRequestBytes = requestBytes(settings);
      for (const flaw of topicFlaws(settings)) this.logger.warn(`topic ${this.options.topic}: ${flaw}`);
      const cursor = this.isExactlyOnce
        ? this.startPosition(await this.fetchPosition(admin), context)
        : context.cursor;
      context.claimant.claimed();
      const alarm = await this.missing(admin, context);
      if (alarm !== undefined) {
        context.alarm(alarm);
        this.ends = new TopicEnds(this.options.topic);
      }
      return cursor;
    });
  }

  async write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    if (batch.aggregates.length === 0) return;
    await this.attempt("writing", WRITE_TIMEOUT_MS, signal, async () => {
      if (this.isExactlyOnce) return await this.commit(batch.aggregates, batch.nextId);
      const { producer } = await this.connect();
      for (const messages of this.messageRuns(batch.aggregates)) {
        this.watch(await producer.send({ topic: this.options.topic, acks: -1, messages }));
      }
    });
  }

  async keepAlive(nextId: number, signal: AbortSignal): Promise<void> {
    const ageMs = this.options.clock.nowMs() - this.positionWrittenAtMs;
    if (!this.isExactlyOnce || ageMs < RENEW_POSITION_AFTER_MS) return;
    await this.attempt("renewing the position", WRITE_TIMEOUT_MS, signal, () => this.commit([], nextId));
  }

  /** Without initialising a transactional producer: that would fence a handler that is running. */
  async probe(signal: AbortSignal): Promise<string> {
    const session = this.session = this.newSession();
    const { admin } = session;
    return await this.attempt("connecting", OPEN_TIMEOUT_MS, signal, async () => {
      await assertDialect(this.options);
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      const partitions = await this.partitionCount(admin);
      const topic = partitions === undefined ? "will be created" : `has ${partitions} partition(s)`;
      const flaws = partitions === undefined ? [] : topicFlaws(await this.topicSettings(admin));
      await this.tryRights(session, partitions === undefined);
      await this.disconnect();
      return `Kafka, ${brokers.length} broker(s), topic ${this.options.topic} ${topic}` +
        flaws.map((flaw) => `. Warning: ${flaw}`).join("");
    });
  }

  private async tryRights(session: KafkaSession, isTopicMissing: boolean): Promise<void> {
    if (isTopicMissing) {
      await session.admin.createTopics({ ...this.newTopic, validateOnly: true, waitForLeaders: false });
    }
    // One without transactions has no name and fences nobody.
    if (!this.isExactlyOnce) await session.producer.connect();
    await session.tryRights(this.wantedRights);
    if (this.isExactlyOnce && !isTopicMissing) await this.fetchPosition(session.admin);
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
    const transaction = this.isExactlyOnce ? { id: this.groupId, groupId: this.groupId } : undefined;
    return { topic: this.options.topic, transaction };
  }

  /** Partitions and replicas by the brokers' defaults. */
  private get newTopic() {
    return { topics: [{ topic: this.options.topic, numPartitions: -1, replicationFactor: -1 }] };
  }

  private newSession(): KafkaSession {
    const transactionalId = this.isExactlyOnce ? this.groupId : undefined;
    return new KafkaSession(this.options, transactionalId, this.logger);
  }

  /** The session there is, or a new one that is ready to produce. */
  private async connect(): Promise<KafkaSession> {
    if (this.session !== undefined) return this.session;
    await assertDialect(this.options);
    const session = this.session = this.newSession();
    await session.admin.connect();
    await this.ensureTopic(session.admin);
    await session.producer.connect();
    // kafkajs initialises a transactional producer with its first transaction; an empty one sends nothing else.
    if (this.isExactlyOnce) await (await session.producer.transaction()).abort();
    return session;
  }

  /** Whatever fails takes its session with it, so that the next attempt starts from a fenced and settled state. */
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
        `${this.options.topic}. Stop one of the two, or give each its own INSTANCE_ID.`,
      { cause },
    );
  }

  /** One transaction: the messages, and the position after them. */
  private async commit(aggregates: OutboxBatch["aggregates"], nextId: number): Promise<void> {
    // Before: it may be committed though the answer is lost.
    this.triedId = Math.max(this.triedId, nextId);
    const { producer } = await this.connect();
    const transaction = await producer.transaction();
    for (const messages of this.messageRuns(aggregates)) {
      this.watch(await transaction.send({ topic: this.options.topic, acks: -1, messages }));
    }
    // The types of kafkajs leave out the metadata, its protocol does not.
    const position: PartitionOffset & { metadata: string } = {
      partition: POSITION_PARTITION,
      offset: `${nextId}`,
      metadata: this.stateId,
    };
    await transaction.sendOffsets({
      consumerGroupId: this.groupId,
      topics: [{ topic: this.options.topic, partitions: [position] }],
    });
    await transaction.commit();
    this.positionWrittenAtMs = this.options.clock.nowMs();
  }

  private watch(written: readonly RecordMetadata[]): void {
    const alarm = this.ends.moved(written);
    if (alarm !== undefined) this.context?.alarm(alarm);
  }

  private messageRuns(aggregates: OutboxBatch["aggregates"]) {
    return messageRuns(aggregates, this.options.instance, this.maxRequestBytes);
  }

  private async fetchPosition(admin: Admin): Promise<Position | undefined> {
    const { topic } = this.options;
    const topics = await admin.fetchOffsets({ groupId: this.groupId, topics: [topic] });
    const position = topics[0]?.partitions.find(({ partition }) => partition === POSITION_PARTITION);
    if (position === undefined || Number(position.offset) < 0) return undefined;
    return { nextId: Number(position.offset), stateId: position.metadata };
  }

  /** Never skips on a doubt: a record sent twice can be told by its revision, one never sent cannot be told at all. */
  private startPosition(position: Position | undefined, context: SinkContext): number {
    const { claimant, confirmed, cursor, stateId } = context;
    if (position === undefined) {
      if (confirmed.any) {
        this.logger.error(
          "Kafka knows no position of this handler, though it has confirmed records: the topic was made anew, or the broker " +
            "has forgotten the group (offsets.retention.minutes); records after the local cursor may come twice",
          { group: this.groupId, cursor },
        );
      }
      return cursor;
    }
    if (position.stateId !== stateId) {
      this.logger.warn(
        "the position in Kafka belongs to another state database; records after the local cursor may come twice",
        { group: this.groupId, position: position.nextId, cursor },
      );
      return cursor;
    }
    // The contract has no more than the state's id beside the position: another life of it shows only by being further on.
    if (position.nextId > Math.max(this.triedId, claimant.startId)) {
      const objection = claimant.objectionToPosition(position.nextId);
      if (objection !== undefined) {
        throw new SinkError("misconfigured", `Kafka, topic ${this.options.topic}: ${objection}`);
      }
      this.logger.warn(
        "the position in Kafka is another handler's; records after the local cursor may come twice",
        {
          group: this.groupId,
          position: position.nextId,
          cursor,
        },
      );
      return cursor;
    }
    return Math.max(position.nextId, cursor);
  }

  private async ensureTopic(admin: Admin): Promise<void> {
    if (await this.partitionCount(admin) !== undefined) return;
    // False: somebody else was faster.
    const isNew = await admin.createTopics(this.newTopic);
    this.isTopicNew = isNew;
    if (isNew) this.logger.info("topic created", { topic: this.options.topic });
  }

  /** That records which were there have gone behind retention is nobody's fault: its end shows that they were. */
  private async missing(admin: Admin, { confirmed }: SinkContext): Promise<SinkAlarm | undefined> {
    const { topic } = this.options;
    const isNew = this.isTopicNew;
    this.isTopicNew = false;
    if (!confirmed.any) return undefined;
    if (isNew) return emptySink(confirmed, `the topic ${topic} was not there and had to be made anew`);
    const stable = await admin.fetchTopicOffsets(topic);
    if (stable.some(({ high }) => Number(high) > 0)) return undefined;
    // What has been committed a moment ago need not be stable yet.
    const session = await this.connect();
    return (await session.topicEnds(topic)).every(({ endOffset }) => endOffset === 0)
      ? emptySink(confirmed, `the topic ${topic} has never had a record`)
      : undefined;
  }

  /** Undefined when there is no such topic. */
  private async partitionCount(admin: Admin): Promise<number | undefined> {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [this.options.topic] });
      return topics[0]!.partitions.length;
    } catch (error) {
      if ((error as { type?: string }).type === "UNKNOWN_TOPIC_OR_PARTITION") return undefined;
      throw error;
    }
  }

  /** By name, as far as the user may know them. */
  private async topicSettings(admin: Admin): Promise<TopicSettings> {
    try {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{
          type: ConfigResourceTypes.TOPIC,
          name: this.options.topic,
          configNames: ["max.message.bytes", "cleanup.policy", "unclean.leader.election.enable"],
        }],
      });
      const entries = resources[0]?.configEntries ?? [];
      return new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.debug("the settings of the topic are not known", { reason });
      return new Map();
    }
  }
}

type TopicSettings = ReadonlyMap<string, string>;

function requestBytes(settings: TopicSettings): number {
  const limit = Number(settings.get("max.message.bytes"));
  return limit > 0 ? Math.min(MAX_REQUEST_BYTES, 0.9 * limit) : MAX_REQUEST_BYTES;
}

/** Settings of a topic by which it loses what it has confirmed. */
function topicFlaws(settings: TopicSettings): string[] {
  const policy = settings.get("cleanup.policy") ?? "";
  return [
    policy.includes("compact") &&
    `its cleanup.policy is ${policy}: of all aggregates with one name compaction leaves the last one only. Set it to delete`,
    settings.get("unclean.leader.election.enable") === "true" &&
    "its unclean.leader.election.enable is true: confirmed records are lost when a broker takes over that was behind",
  ].filter((flaw) => flaw !== false);
}

/** What the group's committed offset says. */
interface Position {
  readonly nextId: number;
  readonly stateId: string | null;
}

/** The group of the position and the transactional id. An id has no dot in it, so no two sinks of whatever instances share one. */
function groupOf({ id, instance }: KafkaSinkOptions): string {
  return `vabus-data-handler${id === KIND ? "" : `-${id}`}.${instance}`;
}
