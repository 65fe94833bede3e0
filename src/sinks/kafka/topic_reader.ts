import type { Buffer } from "node:buffer";
import type { Consumer } from "kafkajs";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { SinkError } from "../../contract/sink.ts";
import { withDeadline } from "../deadline.ts";
import type { KafkaSession, PartitionEnds } from "./kafka_session.ts";
import { ReadingProgress } from "./reading_progress.ts";
import { Stall } from "./stall.ts";
import { TRANSACTION_TIMEOUT_MS } from "./transaction_timeout.ts";

export interface TopicReaderOptions {
  readonly topic: string;
  readonly bootstrapServers: readonly string[];
  /** Reading ends after this time without progress. It is longer than a transaction may stay open. */
  readonly stallTimeoutMs?: number;
  /** The clock for the stall timeout. */
  readonly clock: Pick<Clock, "sleep">;
  /** How often progress is logged. */
  readonly progressIntervalMs?: number;
}

/** Called with the value of one committed record, and its `partition:offset`. @throws {SinkError} */
export type TakeRecord = (value: Buffer | null, at: string) => void;

const STALL_TIMEOUT_MS = TRANSACTION_TIMEOUT_MS + 30_000;
const PROGRESS_INTERVAL_MS = 5_000;
/**
 * Time limit for requests to a broker that may not answer. Within it, an interrupted reader has left the
 * group.
 */
const ANSWER_LIMIT_MS = 5_000;
const NEVER = new AbortController().signal;

/**
 * Reads the committed records of a topic once, from its beginning to the end that it had then, in a group
 * without positions.
 */
export class TopicReader {
  private readonly progress: ReadingProgress;

  /** @param groupId A name that nobody else has. */
  constructor(
    private readonly options: TopicReaderOptions,
    private readonly session: KafkaSession,
    ends: readonly PartitionEnds[],
    private readonly groupId: string,
    private readonly logger: Logger,
  ) {
    this.progress = new ReadingProgress(ends);
  }

  /** @throws {SinkError}, or what kafkajs throws. */
  async read(take: TakeRecord, signal: AbortSignal): Promise<void> {
    const { progress } = this;
    if (progress.isComplete) return;
    const {
      topic,
      clock,
      stallTimeoutMs = STALL_TIMEOUT_MS,
      progressIntervalMs = PROGRESS_INTERVAL_MS,
    } = this.options;
    const { promise: complete, resolve, reject } = Promise.withResolvers<void>();
    const stall = new Stall(stallTimeoutMs, clock, () => void this.explainStall(stallTimeoutMs).then(reject));
    const interrupt = () =>
      reject(new SinkError("unavailable", `${this.address}: reading was interrupted, ${progress.text}.`));
    signal.addEventListener("abort", interrupt, { once: true });
    if (signal.aborted) interrupt();
    const report = setInterval(
      () => this.logger.info(`reading the topic ${topic}: ${progress.text}`),
      progressIntervalMs,
    );
    const consumer = this.session.createConsumer(this.groupId);
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    // This event also comes for batches with nothing but transaction markers; eachBatch does not.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (progress.advance(payload.partition, Number(payload.lastOffset) + 1)) stall.restart();
      if (progress.isComplete) resolve();
    });
    const running = this.run(consumer, take, reject);
    try {
      await Promise.race([complete, running.then(() => complete)]);
    } finally {
      stall.end();
      clearInterval(report);
      signal.removeEventListener("abort", interrupt);
      await this.leave(consumer, running);
    }
  }

  /** Resolves once the consumer is running. */
  private async run(consumer: Consumer, take: TakeRecord, fail: (error: unknown) => void): Promise<void> {
    const { clock, topic } = this.options;
    // A consumer of kafkajs fails where its coordinator is not ready, as where brokers have just started.
    await this.session.committedOffset({ groupId: this.groupId, topic, partition: 0 }, clock);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        try {
          if (this.progress.isComplete) return;
          for (const { offset, value } of batch.messages) take(value, `${batch.partition}:${offset}`);
        } catch (error) {
          fail(error);
        }
        await heartbeat();
      },
    });
  }

  private get brokers(): string {
    return this.options.bootstrapServers.join(", ");
  }

  private get address(): string {
    return `Kafka at ${this.brokers}`;
  }

  /**
   * The error for a stall: the broker does not answer, or an open transaction hides the committed records
   * after it.
   */
  private async explainStall(afterMs: number): Promise<SinkError> {
    const { topic } = this.options;
    const said = `${this.address}: reading the topic ${topic} came no further for ${afterMs / 1000} seconds`;
    let ends: readonly PartitionEnds[] = [];
    try {
      ends = await withDeadline(
        "asking how far it goes",
        ANSWER_LIMIT_MS,
        NEVER,
        () => this.session.topicEnds(topic),
      );
    } catch {
      // The broker does not answer this request either.
    }
    const [held] = this.progress.heldBack(ends);
    if (held === undefined) {
      return new SinkError("unavailable", `${said}, ${this.progress.text}. Is the broker at work?`);
    }
    const { partition, stableOffset, endOffset } = held;
    const tool = `kafka-transactions.sh --bootstrap-server ${this.brokers}`;
    return new SinkError(
      "unavailable",
      `${said}: in partition ${partition} some producer has left a transaction open, which hides ` +
        `everything from offset ${stableOffset} to ${endOffset}. To see whose it is, run \`${tool} ` +
        `describe-producers --topic ${topic} --partition ${partition}\`. End that program and wait for ` +
        `the broker to abort it, or abort it yourself: \`${tool} abort --topic ${topic} --partition ` +
        `${partition} --start-offset ${stableOffset}\`. Then verify again.`,
    );
  }

  /**
   * The group is deleted however the reading ended. Without the right, it expires, since it has neither
   * members nor positions.
   */
  private async leave(consumer: Consumer, running: Promise<void>): Promise<void> {
    const { groupId } = this;
    try {
      await withDeadline("leaving the group", ANSWER_LIMIT_MS, NEVER, async () => {
        // Only a member can leave the group.
        await running.catch(() => {});
        await consumer.disconnect();
        await this.session.admin.deleteGroups([groupId]);
      });
    } catch (error) {
      this.logger.debug("the group of the reader was left to the broker", {
        group: groupId,
        reason: String(error),
      });
    }
  }
}
