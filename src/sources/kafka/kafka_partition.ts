import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import {
  type Outcome,
  type Partition,
  type PartitionId,
  type Progress,
  type ReadRequest,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { brokerError } from "./kafka_errors.ts";
import type { TopicPartition } from "./offset_requests.ts";
import type { Found, PartitionFeed } from "./partition_feed.ts";
import { RecordTaker } from "./record_taker.ts";
import { Standstill } from "./standstill.ts";

/** How long a read takes at most: brokers may have to be connected to, one after the other. */
const READ_MAX_MS = 90_000;
/** How often a read looks for the leader of its partition at most. */
const LOOKS_MAX = 3;

/** What a partition needs of its source. */
export interface PartitionSurroundings {
  readonly context: SourceContext;
  /** Undefined: records are events as they are. */
  readonly reader: RecordReader | undefined;
  /** Whether the handler reads what there is and ends. */
  readonly endsWhenRead: boolean;
  /** Waits for records. */
  wait(feed: PartitionFeed, untilMs: number, signal: AbortSignal): Promise<Found>;
  /** Looks again at which topics there are and who leads their partitions. @throws {SourceError} */
  refresh(signal: AbortSignal): Promise<void>;
  /** @throws {SourceError} */
  offsetOf(feed: PartitionFeed, of: TopicPartition, wanted: "oldest" | "end", signal: AbortSignal): Promise<
    { readonly offset: number } | { readonly error: number }
  >;
  /** Offers an offset to the group, for the tools that show how far behind readers are. */
  committed(of: TopicPartition, offset: number): void;
}

/**
 * A partition of a topic. A position is the offset of the next record. A lineage is the id of the topic,
 * with the number of the partition: a topic that was deleted and made again has another one.
 */
export class KafkaPartition implements Partition {
  readonly id: PartitionId;
  readonly replay = "from-position";
  readonly readMaxMs = READ_MAX_MS;
  private readonly taker: RecordTaker;
  private readonly standstill: Standstill;

  /** @param startsAtEnd Whether it begins at its end where it was not read before. */
  constructor(
    private readonly of: TopicPartition,
    readonly feed: PartitionFeed,
    private readonly startsAtEnd: boolean,
    private readonly surroundings: PartitionSurroundings,
  ) {
    this.id = `${of.topic}/${of.partition}`;
    this.taker = new RecordTaker(of.topic, surroundings.reader);
    const { context: { clock, logger }, endsWhenRead } = surroundings;
    this.standstill = new Standstill(clock, logger, endsWhenRead);
  }

  async read(
    from: Progress,
    into: EventBatch,
    request: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { feed, surroundings: { context: { clock } } } = this;
    const untilMs = clock.monotonicMs() + request.waitMs;
    for (let looks = 0;;) {
      const elsewhere = await this.enter(from, signal);
      if (elsewhere !== undefined) return elsewhere;
      const position = this.positionOf(from);
      if (looks === 0) feed.seek(position ?? await this.offset(this.startsAtEnd ? "end" : "oldest", signal));
      const startedMs = clock.monotonicMs();
      if (this.taker.take(feed, into, request.limit, clock.nowMs())) {
        return { kind: "events", ...this.step(from), lost: 0, decodeMs: clock.monotonicMs() - startedMs };
      }
      const found = await this.surroundings.wait(feed, untilMs, signal);
      if (found === "gone") return await this.jump(from, signal);
      if (found === "elsewhere") {
        if (++looks > LOOKS_MAX) throw this.error("unavailable", "its brokers do not agree on who leads it");
        await this.surroundings.refresh(signal);
      }
      if (found === "none" && clock.monotonicMs() >= untilMs) {
        this.standstill.check(feed);
        return { kind: "idle", ...this.step(from), lost: 0, decodeMs: 0 };
      }
    }
  }

  committed({ position }: Progress): Promise<void> {
    const offset = Number(position);
    if (position !== undefined && Number.isSafeInteger(offset)) {
      this.surroundings.committed(this.of, offset);
    }
    return Promise.resolve();
  }

  unreadAfter(position: string): number | undefined {
    const { stableEnd } = this.feed.ends;
    const unread = stableEnd - Number(position);
    return stableEnd === 0 || Number.isNaN(unread) ? undefined : Math.max(0, unread);
  }

  async lineageNow(signal: AbortSignal): Promise<string> {
    await this.surroundings.refresh(signal);
    if (this.lineage === undefined) throw this.error("unavailable", "its brokers do not tell the topic's id");
    return this.lineage;
  }

  /** Undefined: the brokers are too old to tell it. */
  private get lineage(): string | undefined {
    const { topicId } = this.feed;
    return topicId === undefined ? undefined : `kafka ${topicId}/${this.of.partition}`;
  }

  private step({ lineage }: Progress): { lineage: string | undefined; next: string; offset: undefined } {
    // Offsets have gaps, so they are no numbers of events.
    return { lineage: this.lineage ?? lineage, next: `${this.feed.at}`, offset: undefined };
  }

  /** What is to be done before the topic is read where it is another one; undefined: it is the same. */
  private async enter(from: Progress, signal: AbortSignal): Promise<Outcome | undefined> {
    const { lineage, surroundings: { context: { lineages, logger } } } = this;
    if (lineage === undefined || lineage === from.lineage) return undefined;
    const reader = lineages.readerOf(lineage, this.id);
    if (reader !== undefined) {
      if (await reader.lineageNow(signal) !== lineage) return { kind: "exchanged", lineage };
      throw this.error("garbage", `it is the same as ${reader.name}: name this topic only once in VABUS_URL`);
    }
    if (lineages.isKnown(lineage)) {
      logger.info("the topic was read at another address: going on where it was left", {
        partition: this.id,
      });
      return { kind: "moved", lineage };
    }
    if (from.lineage === undefined) return undefined;
    const unread = Math.max(0, this.feed.ends.end - (this.positionOf(from) ?? 0));
    this.feed.forget();
    const oldest = await this.offset("oldest", signal);
    this.feed.ends = { end: 0, stableEnd: 0 };
    logger.error("the topic was deleted and made again: going on at its oldest record", {
      partition: this.id,
    });
    return { kind: "restarted", lineage, next: `${oldest}`, offset: undefined, lost: unread + oldest };
  }

  /** Decides where to go on where the partition does not have the offset. */
  private async jump(from: Progress, signal: AbortSignal): Promise<Outcome> {
    const { feed, surroundings: { context: { logger } } } = this;
    const { at } = feed;
    const oldest = await this.offset("oldest", signal);
    const end = await this.offset("end", signal);
    const step = this.step(from);
    if (oldest > end) {
      throw this.error("garbage", `its brokers say that it goes from offset ${oldest} to ${end}`);
    }
    if (at < oldest) return { kind: "gap", ...step, next: `${oldest}`, lost: oldest - at };
    if (at <= end) throw this.error("unavailable", `it denies its offset ${at}, which lies before its end`);
    logger.error(
      "the partition ends before what was read of it: a broker that was behind has taken over, and " +
        "records are lost there that are counted here; set unclean.leader.election.enable=false",
      { partition: this.id, read_to: at, end },
    );
    return { kind: "returned", ...step, next: `${end}`, doubtful: 0 };
  }

  private async offset(wanted: "oldest" | "end", signal: AbortSignal): Promise<number> {
    const found = await this.surroundings.offsetOf(this.feed, this.of, wanted, signal);
    if ("error" in found) throw brokerError(this.feed.name, found.error);
    return found.offset;
  }

  /** @throws {SourceError} */
  private positionOf({ position }: Progress): number | undefined {
    if (position === undefined) return undefined;
    const offset = /^\d{1,16}$/.test(position) ? Number(position) : NaN;
    if (Number.isSafeInteger(offset)) return offset;
    throw this.error(
      "refused",
      `the state says that it was read to ${position}, which is no offset: was it another bus before? Give ` +
        "this one another URL, or the handler another STATE_DIR",
    );
  }

  private error(kind: SourceError["kind"], problem: string): SourceError {
    return new SourceError(kind, `${this.feed.name}: ${problem}`);
  }
}
