import { Buffer } from "node:buffer";
import type { Consumer } from "kafkajs";
import type { Aggregate, AggregateRecord } from "../aggregation/aggregate.ts";
import type { Logger } from "../log/logger.ts";
import { withDeadline } from "./deadline.ts";
import { toKafkaSinkError } from "./kafka_errors.ts";
import { type KafkaConnectionOptions, KafkaSession, TRANSACTION_TIMEOUT_MS } from "./kafka_session.ts";
import { type ProvablePlace, SinkError } from "./sink.ts";
import { TopicRows } from "./topic_rows.ts";

export interface KafkaTopicOptions extends KafkaConnectionOptions {
  readonly topic: string;
  readonly delivery: "exactly-once" | "at-least-once";
  /** Without progress for so long the reading ends. Longer than a transaction may stay open. */
  readonly stallTimeoutMs?: number;
}

const CONNECT_LIMIT_MS = 60_000;
const STALL_TIMEOUT_MS = TRANSACTION_TIMEOUT_MS + 30_000;
const PROGRESS_INTERVAL_MS = 5_000;
const SHOWN_MALFORMED = 20;
/** The last moment that a Date can be. */
const MAX_TIME_MS = 8.64e15;

/**
 * What a reader of committed records gets from the topic: read once, from the beginning to the end it had then, and kept
 * on the side. Only reads: no producer, so that a running handler is not fenced; a group of its own without any position.
 */
export class KafkaTopic implements ProvablePlace {
  readonly name = "kafka";
  #session: KafkaSession | undefined;
  #rows: TopicRows | undefined;
  readonly #malformed: string[] = [];
  #malformedCount = 0;

  constructor(private readonly options: KafkaTopicOptions, private readonly logger: Logger) {}

  async sumOfCounts(instance: string, sinceMs: number, signal: AbortSignal): Promise<number> {
    return (await this.#read(instance, signal)).sumOfCounts(sinceMs);
  }

  async rowsOfWindow(
    instance: string,
    startMs: number,
    endMs: number,
    signal: AbortSignal,
  ): Promise<Aggregate[]> {
    return (await this.#read(instance, signal)).rowsOfWindow(startMs, endMs);
  }

  /** Repeated records, which `exactly-once` rules out and `at-least-once` only if they contradict; and malformed ones. */
  async flaws(instance: string, sinceMs: number, signal: AbortSignal): Promise<Iterable<string>> {
    const rows = await this.#read(instance, signal);
    return this.#flawsOf(rows, sinceMs);
  }

  async close(): Promise<void> {
    this.#rows?.close();
    this.#rows = undefined;
    await this.#session?.close();
    this.#session = undefined;
  }

  *#flawsOf(rows: TopicRows, sinceMs: number): Generator<string> {
    for (const { aggregate, times, isContradicted } of rows.repeated(sinceMs)) {
      if (this.options.delivery === "at-least-once" && !isContradicted) continue;
      const { name, aggFunc, revision, windowStartMs } = aggregate;
      yield `window ${new Date(windowStartMs).toISOString()}: ${aggFunc}(${JSON.stringify(name)}) revision ` +
        `${revision} is there ${times} times${isContradicted ? ", not always with the same content" : ""}`;
    }
    yield* this.#malformed;
    for (let i = this.#malformed.length; i < this.#malformedCount; i++) yield "another malformed record";
  }

  async #read(instance: string, signal: AbortSignal): Promise<TopicRows> {
    if (this.#rows !== undefined) return this.#rows;
    const place = this.options.bootstrapServers.join(", ");
    const rows = this.#rows = new TopicRows();
    const session = this.#session = new KafkaSession(this.options, undefined, this.logger);
    const groupId = `vabus-data-handler.${instance}.verify-${crypto.randomUUID()}`;
    const consumer = session.createConsumer(groupId);
    try {
      const ends = await withDeadline(
        `Kafka at ${place}: connecting`,
        CONNECT_LIMIT_MS,
        signal,
        async () => {
          await session.admin.connect();
          const ends = await this.#endsOf(session);
          await consumer.connect();
          await consumer.subscribe({ topic: this.options.topic, fromBeginning: true });
          return ends;
        },
      );
      await this.#consume(consumer, new ReadingProgress(ends), instance, rows, place, signal);
      await consumer.disconnect();
    } catch (error) {
      await this.close();
      throw error instanceof SinkError ? error : toKafkaSinkError(error, place);
    }
    await this.#forget(session, groupId);
    return rows;
  }

  async #endsOf({ admin }: KafkaSession): Promise<PartitionEnd[]> {
    const { topic } = this.options;
    if (!(await admin.listTopics()).includes(topic)) {
      throw new SinkError(
        "misconfigured",
        `Kafka at ${
          this.options.bootstrapServers.join(", ")
        }: there is no topic ${topic}, or this user may not see it.`,
      );
    }
    // kafkajs asks for the end of what is committed.
    return (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
      partition,
      firstOffset: Number(low),
      endOffset: Number(high),
    }));
  }

  async #consume(
    consumer: Consumer,
    progress: ReadingProgress,
    instance: string,
    rows: TopicRows,
    place: string,
    signal: AbortSignal,
  ): Promise<void> {
    if (progress.isComplete) return;
    const { promise: complete, resolve, reject } = Promise.withResolvers<void>();
    const stall = new Stall(this.options.stallTimeoutMs ?? STALL_TIMEOUT_MS, (limitMs) =>
      reject(
        new SinkError(
          "unavailable",
          `Kafka at ${place}: reading the topic ${this.options.topic} came no further for ${
            limitMs / 1000
          } seconds, ` +
            `${progress.text}. Is the broker at work, or has some producer left a transaction open?`,
        ),
      ));
    const interrupt = () =>
      reject(new SinkError("unavailable", `Kafka at ${place}: reading was interrupted, ${progress.text}.`));
    signal.addEventListener("abort", interrupt, { once: true });
    if (signal.aborted) interrupt();
    const report = setInterval(
      () => this.logger.info(`reading the topic ${this.options.topic}: ${progress.text}`),
      PROGRESS_INTERVAL_MS,
    );
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    // Told for batches of nothing but the marks of transactions as well, which eachBatch is not.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      progress.advance(payload.partition, Number(payload.lastOffset) + 1, Number(payload.highWatermark));
      stall.restart();
      if (progress.isComplete) resolve();
    });
    try {
      await Promise.race([
        complete,
        consumer.run({
          autoCommit: false,
          eachBatch: async ({ batch, heartbeat }) => {
            try {
              if (progress.isComplete) return;
              for (const { offset, value } of batch.messages) {
                this.#take(value, `${batch.partition}:${offset}`, instance, rows);
              }
            } catch (error) {
              reject(noRoom(error));
            }
            await heartbeat();
          },
        }).then(() => complete),
      ]);
    } finally {
      stall.end();
      clearInterval(report);
      signal.removeEventListener("abort", interrupt);
    }
  }

  /** Records of other instances and of other programs are none of our business. */
  #take(value: Buffer | null, place: string, instance: string, rows: TopicRows): void {
    let record: Partial<AggregateRecord> | null;
    try {
      record = JSON.parse(value?.toString() ?? "null");
    } catch {
      return;
    }
    if (record?.instance !== instance) return;
    const aggregate = toAggregate(record);
    if (aggregate !== undefined) return rows.add(aggregate);
    this.#malformedCount++;
    if (this.#malformed.length < SHOWN_MALFORMED) {
      this.#malformed.push(`the record at partition:offset ${place} bears our name and is no aggregate`);
    }
  }

  /** A group without members and positions goes by itself, in time: whoever may not delete it need not. */
  async #forget({ admin }: KafkaSession, groupId: string): Promise<void> {
    try {
      await admin.deleteGroups([groupId]);
    } catch (error) {
      this.logger.debug("the group of the reader was left to the broker", {
        group: groupId,
        reason: String(error),
      });
    }
  }
}

interface PartitionEnd {
  readonly partition: number;
  readonly firstOffset: number;
  /** One past the last offset to read. */
  readonly endOffset: number;
}

/** How far a reader of a topic is, in offsets. */
class ReadingProgress {
  readonly #partitions = new Map<number, { first: number; next: number; end: number; isBegun: boolean }>();

  constructor(ends: readonly PartitionEnd[]) {
    for (const { partition, firstOffset, endOffset } of ends) {
      this.#partitions.set(partition, {
        first: firstOffset,
        next: firstOffset,
        end: endOffset,
        isBegun: false,
      });
    }
  }

  /**
   * @param highWatermark The partition's end with what is not yet committed. At the first batch it becomes the end: our own
   * records may stand behind another producer's open transaction, committed and yet held back from readers until it ends.
   */
  advance(partition: number, next: number, highWatermark: number): void {
    const at = this.#partitions.get(partition);
    if (at === undefined) return;
    if (!at.isBegun) at.end = Math.max(at.end, highWatermark);
    at.isBegun = true;
    at.next = Math.max(at.next, next);
  }

  get isComplete(): boolean {
    return [...this.#partitions.values()].every(({ next, end }) => next >= end);
  }

  get text(): string {
    const of = (amount: (partition: { first: number; next: number; end: number }) => number) =>
      [...this.#partitions.values()].reduce((sum, partition) => sum + Math.max(0, amount(partition)), 0);
    return `${of(({ first, next, end }) => Math.min(next, end) - first)} of ${
      of(({ first, end }) => end - first)
    } offsets read`;
  }
}

/** Calls when nothing has happened for a time. */
class Stall {
  #timer: ReturnType<typeof setTimeout>;

  constructor(private readonly limitMs: number, private readonly call: (limitMs: number) => void) {
    this.#timer = this.#start();
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.call(this.limitMs), this.limitMs);
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
  return { name, aggFunc, value, windowStartMs, windowEndMs, count, revision };
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
