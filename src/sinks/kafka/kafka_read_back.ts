import type { Buffer } from "node:buffer";
import type { Aggregate, AggregateRecord } from "../../aggregation/aggregate.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { SinkError } from "../../contract/sink.ts";
import type { ReadBack } from "../../contract/read_back.ts";
import { withDeadline } from "../deadline.ts";
import { brokersThatAnswer } from "./kafka_dialect.ts";
import { toKafkaSinkError } from "./kafka_errors.ts";
import type { KafkaConnectionOptions, KafkaSession, PartitionEnds } from "./kafka_session.ts";
import { newSession } from "./new_session.ts";
import { TopicReader, type TopicReaderOptions } from "./topic_reader.ts";
import { aggregateIn } from "./topic_record.ts";
import { TopicRows } from "./topic_rows.ts";

export interface KafkaReadBackOptions extends KafkaConnectionOptions, TopicReaderOptions {
  /** Whether records are there once, or readers must keep one of each revision. */
  readonly repeat: "positioned" | "append";
}

const CONNECT_LIMIT_MS = 60_000;
const SHOWN_MALFORMED = 20;

/**
 * The records of the topic as a reader of committed records gets them. They are read once, from the beginning
 * to the end at that time, and kept in a temporary table. It only reads: there is no producer, so a running
 * handler is not fenced, and the group has no position.
 */
export class KafkaReadBack implements ReadBack {
  readonly cost = "scan";
  private session: KafkaSession | undefined;
  private rows: TopicRows | undefined;
  /** The instance of the rows. */
  private owner: string | undefined;
  private malformed: string[] = [];
  private malformedCount = 0;

  constructor(private readonly options: KafkaReadBackOptions, private readonly logger: Logger) {}

  async sumOfCounts(
    instance: string,
    sinceMs: number,
    signal: AbortSignal,
    lengthMs?: number,
  ): Promise<number> {
    return (await this.read(instance, signal)).sumOfCounts(sinceMs, lengthMs);
  }

  async rowsOfWindow(
    instance: string,
    startMs: number,
    endMs: number,
    signal: AbortSignal,
  ): Promise<Aggregate[]> {
    return (await this.read(instance, signal)).rowsOfWindow(startMs, endMs);
  }

  /**
   * Malformed records, contradicting records, and, where a stored position rules them out, repeated records.
   */
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
    this.malformed = [];
    this.malformedCount = 0;
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
    if (this.rows !== undefined && this.owner === instance) return this.rows;
    await this.close();
    const rows = this.rows = new TopicRows();
    this.owner = instance;
    const session = this.session = await newSession(this.options, undefined, this.logger);
    try {
      const ends = await withDeadline(`${this.address}: connecting`, CONNECT_LIMIT_MS, signal, async () => {
        session.brokers = await brokersThatAnswer(this.options);
        await session.admin.connect();
        return await this.endsOf(session);
      });
      const groupId = `vabus-data-handler.${instance}.verify-${crypto.randomUUID()}`;
      const reader = new TopicReader(this.options, session, ends, groupId, this.logger);
      await reader.read((value, at) => this.take(value, at, instance, rows), signal);
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

  /** Records of other instances and of other programs are skipped. @throws {SinkError} */
  private take(value: Buffer | null, at: string, instance: string, rows: TopicRows): void {
    let record: Partial<AggregateRecord> | null;
    try {
      record = JSON.parse(value?.toString() ?? "null");
    } catch {
      return;
    }
    if (record?.instance !== instance) return;
    const aggregate = aggregateIn(record);
    if (aggregate !== undefined) return keep(aggregate, rows);
    this.malformedCount++;
    if (this.malformed.length < SHOWN_MALFORMED) {
      this.malformed.push(`the record at partition:offset ${at} names this instance and is no aggregate`);
    }
  }
}

/** @throws {SinkError} There is no room for the temporary file. */
function keep(aggregate: Aggregate, rows: TopicRows): void {
  try {
    rows.add(aggregate);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SinkError(
      "unavailable",
      `The topic could not be sorted in a temporary file: ${reason}. SQLITE_TMPDIR names a directory ` +
        "with more room.",
      { cause: error },
    );
  }
}
