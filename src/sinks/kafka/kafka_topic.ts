import { Buffer } from "node:buffer";
import { labelsOf, labelsProblem } from "../../event/labels.ts";
import type { Consumer } from "kafkajs";
import type { Aggregate, AggregateRecord } from "../../aggregation/aggregate.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { withDeadline } from "../deadline.ts";
import { assertDialect } from "./kafka_dialect.ts";
import { toKafkaSinkError } from "./kafka_errors.ts";
import {
  type KafkaConnectionOptions,
  KafkaSession,
  type PartitionEnds,
  TRANSACTION_TIMEOUT_MS,
} from "./kafka_session.ts";
import { type ReadBack, SinkError } from "../../contract/sink.ts";
import { TopicRows } from "./topic_rows.ts";

export interface KafkaTopicOptions extends KafkaConnectionOptions {
  readonly topic: string;
  /** What writing a record again does: records are there once, or a reader keeps one of each revision. */
  readonly repeat: "positioned" | "append";
  /** Without progress for so long the reading ends. Longer than a transaction may stay open. */
  readonly stallTimeoutMs?: number;
  /** By which that time passes. */
  readonly clock: Pick<Clock, "sleep">;
  /** How often it is logged how far the reading is. */
  readonly progressIntervalMs?: number;
}

const CONNECT_LIMIT_MS = 60_000;
const STALL_TIMEOUT_MS = TRANSACTION_TIMEOUT_MS + 30_000;
const PROGRESS_INTERVAL_MS = 5_000;
/** For what is asked of a broker that may be away: within it an interrupted reader has left. */
const ANSWER_LIMIT_MS = 5_000;
const NEVER = new AbortController().signal;
const SHOWN_MALFORMED = 20;
/** The last moment that a Date can be. */
const MAX_TIME_MS = 8.64e15;

/**
 * What a reader of committed records gets from the topic: read once, from the beginning to the end it had then, and kept
 * on the side. Only reads: no producer, so that a running handler is not fenced; a group of its own without any position.
 */
export class KafkaTopic implements ReadBack {
  readonly cost = "scan";
  private session: KafkaSession | undefined;
  private rows: TopicRows | undefined;
  private readonly malformed: string[] = [];
  private malformedCount = 0;

  constructor(private readonly options: KafkaTopicOptions, private readonly logger: Logger) {}

  async sumOfCounts(instance: string, sinceMs: number, signal: AbortSignal): Promise<number> {
    return (await this.read(instance, signal)).sumOfCounts(sinceMs);
  }

  async rowsOfWindow(
    instance: string,
    startMs: number,
    endMs: number,
    signal: AbortSignal,
  ): Promise<Aggregate[]> {
    return (await this.read(instance, signal)).rowsOfWindow(startMs, endMs);
  }

  /** Repeated records, which a kept position rules out, and others only if they contradict; and malformed ones. */
  async flaws(
    instance: string,
    sinceMs: number,
    mayRepeat: (windowStartMs: number) => boolean,
    signal: AbortSignal,
  ): Promise<Iterable<string>> {
    const rows = await this.read(instance, signal);
    return this.flawsOf(rows, sinceMs, mayRepeat);
  }

  async close(): Promise<void> {
    this.rows?.close();
    this.rows = undefined;
    await this.session?.close();
    this.session = undefined;
  }

  private *flawsOf(
    rows: TopicRows,
    sinceMs: number,
    mayRepeat: (windowStartMs: number) => boolean,
  ): Generator<string> {
    for (const { aggregate, times, isContradicted } of rows.repeated(sinceMs)) {
      const isAllowed = this.options.repeat === "append" || mayRepeat(aggregate.windowStartMs);
      if (isAllowed && !isContradicted) continue;
      const { name, aggFunc, revision, windowStartMs } = aggregate;
      yield `window ${new Date(windowStartMs).toISOString()}: ${aggFunc}(${JSON.stringify(name)}) revision ` +
        `${revision} is there ${times} times${isContradicted ? ", not always with the same content" : ""}`;
    }
    yield* this.malformed;
    for (let i = this.malformed.length; i < this.malformedCount; i++) yield "another malformed record";
  }

  private async read(instance: string, signal: AbortSignal): Promise<TopicRows> {
    if (this.rows !== undefined) return this.rows;
    const rows = this.rows = new TopicRows();
    const session = this.session = new KafkaSession(this.options, undefined, this.logger);
    try {
      const ends = await withDeadline(`${this.address}: connecting`, CONNECT_LIMIT_MS, signal, async () => {
        await assertDialect(this.options);
        await session.admin.connect();
        return await this.endsOf(session);
      });
      const progress = new ReadingProgress(ends);
      if (!progress.isComplete) await this.consume(session, progress, instance, rows, signal);
      return rows;
    } catch (error) {
      await this.close();
      throw error instanceof SinkError ? error : toKafkaSinkError(error, this.brokers);
    }
  }

  private get brokers(): string {
    return this.options.bootstrapServers.join(", ");
  }

  private get address(): string {
    return `Kafka at ${this.brokers}`;
  }

  private async endsOf(session: KafkaSession): Promise<PartitionEnds[]> {
    const { topic } = this.options;
    if (!(await session.admin.listTopics()).includes(topic)) {
      throw new SinkError(
        "misconfigured",
        `${this.address}: there is no topic ${topic}, or this user may not see it.`,
      );
    }
    return await session.topicEnds(topic);
  }

  private async consume(
    session: KafkaSession,
    progress: ReadingProgress,
    instance: string,
    rows: TopicRows,
    signal: AbortSignal,
  ): Promise<void> {
    const {
      topic,
      stallTimeoutMs = STALL_TIMEOUT_MS,
      clock,
      progressIntervalMs = PROGRESS_INTERVAL_MS,
    } = this.options;
    const { promise: complete, resolve, reject } = Promise.withResolvers<void>();
    const stall = new Stall(
      stallTimeoutMs,
      clock,
      () => void this.explainStall(session, progress).then(reject),
    );
    const interrupt = () =>
      reject(new SinkError("unavailable", `${this.address}: reading was interrupted, ${progress.text}.`));
    signal.addEventListener("abort", interrupt, { once: true });
    if (signal.aborted) interrupt();
    const report = setInterval(
      () => this.logger.info(`reading the topic ${topic}: ${progress.text}`),
      progressIntervalMs,
    );
    const groupId = `vabus-data-handler.${instance}.verify-${crypto.randomUUID()}`;
    const consumer = session.createConsumer(groupId);
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    // Told for batches of nothing but the marks of transactions as well, which eachBatch is not.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (progress.advance(payload.partition, Number(payload.lastOffset) + 1)) stall.restart();
      if (progress.isComplete) resolve();
    });
    const running = this.run(consumer, progress, instance, rows, reject);
    try {
      await Promise.race([complete, running.then(() => complete)]);
    } finally {
      stall.end();
      clearInterval(report);
      signal.removeEventListener("abort", interrupt);
      await this.leave(session, consumer, groupId, running);
    }
  }

  /** Resolves once the consumer is at work. */
  private async run(
    consumer: Consumer,
    progress: ReadingProgress,
    instance: string,
    rows: TopicRows,
    fail: (error: SinkError) => void,
  ): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topic: this.options.topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        try {
          if (progress.isComplete) return;
          for (const { offset, value } of batch.messages) {
            this.take(value, `${batch.partition}:${offset}`, instance, rows);
          }
        } catch (error) {
          fail(noRoom(error));
        }
        await heartbeat();
      },
    });
  }

  /** Whether it is the broker or somebody's transaction, which keeps from readers what is committed behind it. */
  private async explainStall(session: KafkaSession, progress: ReadingProgress): Promise<SinkError> {
    const { topic, stallTimeoutMs = STALL_TIMEOUT_MS } = this.options;
    const said = `${this.address}: reading the topic ${topic} came no further for ${
      stallTimeoutMs / 1000
    } seconds`;
    let ends: readonly PartitionEnds[] = [];
    try {
      ends = await withDeadline(
        "asking how far it goes",
        ANSWER_LIMIT_MS,
        NEVER,
        () => session.topicEnds(topic),
      );
    } catch {
      // It does not answer this either.
    }
    const [held] = progress.heldBack(ends);
    if (held === undefined) {
      return new SinkError("unavailable", `${said}, ${progress.text}. Is the broker at work?`);
    }
    const { partition, stableOffset, endOffset } = held;
    const tool = `kafka-transactions.sh --bootstrap-server ${this.brokers}`;
    return new SinkError(
      "unavailable",
      `${said}: in partition ${partition} some producer has left a transaction open, which hides everything from offset ` +
        `${stableOffset} to ${endOffset}. Whose it is says \`${tool} describe-producers --topic ${topic} --partition ` +
        `${partition}\`. End that program and wait for the broker to abort it, or abort it yourself: \`${tool} abort ` +
        `--topic ${topic} --partition ${partition} --start-offset ${stableOffset}\`. Then verify again.`,
    );
  }

  /** Records of other instances and of other programs are none of our business. */
  private take(value: Buffer | null, at: string, instance: string, rows: TopicRows): void {
    let record: Partial<AggregateRecord> | null;
    try {
      record = JSON.parse(value?.toString() ?? "null");
    } catch {
      return;
    }
    if (record?.instance !== instance) return;
    const aggregate = toAggregate(record);
    if (aggregate !== undefined) return rows.add(aggregate);
    this.malformedCount++;
    if (this.malformed.length < SHOWN_MALFORMED) {
      this.malformed.push(`the record at partition:offset ${at} bears our name and is no aggregate`);
    }
  }

  /** However the reading ended. A group without members and positions goes by itself, in time: whoever may not delete it need not. */
  private async leave(
    { admin }: KafkaSession,
    consumer: Consumer,
    groupId: string,
    running: Promise<void>,
  ): Promise<void> {
    try {
      await withDeadline("leaving the group", ANSWER_LIMIT_MS, NEVER, async () => {
        // Only a member can leave.
        await running.catch(() => {});
        await consumer.disconnect();
        await admin.deleteGroups([groupId]);
      });
    } catch (error) {
      this.logger.debug("the group of the reader was left to the broker", {
        group: groupId,
        reason: String(error),
      });
    }
  }
}

/** How far a reader of a topic is, in offsets. It is done with what there was when it began, committed by then or not. */
class ReadingProgress {
  private readonly partitions: Map<number, PartitionEnds & { next: number }>;

  constructor(ends: readonly PartitionEnds[]) {
    this.partitions = new Map(ends.map((end) => [end.partition, { ...end, next: end.firstOffset }]));
  }

  /** Answers whether that is nearer to the end. */
  advance(partition: number, next: number): boolean {
    const at = this.partitions.get(partition);
    if (at === undefined || at.next >= at.endOffset || next <= at.next) return false;
    at.next = next;
    return true;
  }

  get isComplete(): boolean {
    return [...this.partitions.values()].every(({ next, endOffset }) => next >= endOffset);
  }

  /** Those of the partitions, as they stand now, where an open transaction is what keeps the reader from going on. */
  heldBack(ends: Iterable<PartitionEnds>): PartitionEnds[] {
    return [...ends].filter(({ partition, stableOffset }) => {
      const at = this.partitions.get(partition);
      return at !== undefined && at.next < at.endOffset && at.next >= stableOffset;
    });
  }

  get text(): string {
    const partitions = [...this.partitions.values()];
    const of = (amount: (partition: PartitionEnds & { next: number }) => number) =>
      partitions.reduce((sum, partition) => sum + Math.max(0, amount(partition)), 0);
    const held = this.heldBack(partitions).map(({ partition }) => partition);
    return [
      `${of(({ firstOffset, next, endOffset }) => Math.min(next, endOffset) - firstOffset)} of ` +
      `${of(({ firstOffset, endOffset }) => endOffset - firstOffset)} offsets read`,
      held.length > 0 && `waiting for an open transaction to end in partition ${held.join(", ")}`,
    ].filter(Boolean).join(", ");
  }
}

/** Calls when nothing has happened for a time. */
class Stall {
  private over = new AbortController();

  constructor(
    private readonly limitMs: number,
    private readonly clock: Pick<Clock, "sleep">,
    private readonly call: () => void,
  ) {
    this.wait();
  }

  restart(): void {
    this.end();
    this.over = new AbortController();
    this.wait();
  }

  end(): void {
    this.over.abort();
  }

  private async wait(): Promise<void> {
    const { signal } = this.over;
    await this.clock.sleep(this.limitMs, signal);
    if (!signal.aborted) this.call();
  }
}

/** Undefined when it is not of the public shape. */
function toAggregate(record: Partial<AggregateRecord>): Aggregate | undefined {
  const { name, agg_func: aggFunc, value, count, revision } = record;
  const windowStartMs = Math.round(Number(record.window_start) * 1000);
  const windowEndMs = Math.round(Number(record.window_end) * 1000);
  if (typeof name !== "string" || typeof aggFunc !== "string" || typeof value !== "number") return undefined;
  if (!isWhole(count) || !isWhole(revision)) return undefined;
  if (![windowStartMs, windowEndMs].every((timeMs) => Math.abs(timeMs) <= MAX_TIME_MS)) return undefined;
  const labels = record.labels ?? {};
  if (labelsProblem(name, labels) !== undefined) return undefined;
  return { name, ...labelsOf(labels), aggFunc, value, windowStartMs, windowEndMs, count, revision };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function noRoom(error: unknown): SinkError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SinkError(
    "unavailable",
    `The topic could not be sorted in a temporary file: ${reason}. SQLITE_TMPDIR names a directory with more room.`,
    { cause: error },
  );
}
