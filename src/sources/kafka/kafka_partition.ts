import {
  type Outcome,
  type Partition,
  type PartitionId,
  type Progress,
  type ReadRequest,
  SourceError,
} from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import type { ShareNumber } from "../../settings/share.ts";
import { brokerError } from "./kafka_errors.ts";
import { entered, givenAway, type Holding, holdingText, readHolding } from "./holding.ts";
import type { TopicPartition } from "./offset_requests.ts";
import type { PartitionFeed } from "./partition_feed.ts";
import type { Tenure } from "./partition_shares.ts";
import type { PartitionSurroundings } from "./partition_surroundings.ts";
import { RecordTaker } from "./record_taker.ts";
import { Standstill } from "./standstill.ts";

/** How long a read takes at most: brokers may have to be connected to, one after the other. */
const READ_MAX_MS = 90_000;
/** Until the next try where a broker is away. In a cluster another one soon leads the partition. */
const RETRY_WITHIN_MS = 2000;
/** How often a read looks for the leader of its partition at most. */
const LOOKS_MAX = 3;

/**
 * A partition of a topic. A position is the offset of the next record, with how the partition is held where
 * several instances share the topic: see {@link Holding}. A lineage is the id of the topic,
 * with the number of the partition: a topic that was deleted and made again has another one.
 */
export class KafkaPartition implements Partition {
  readonly id: PartitionId;
  readonly replay = "from-position";
  readonly readMaxMs = READ_MAX_MS;
  private readonly taker: RecordTaker;
  private readonly standstill: Standstill;
  /** As of the read under way, but for the offset. */
  private holding!: Holding;

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
    try {
      return await this.readOn(from, into, request, signal);
    } catch (error) {
      if (!(error instanceof SourceError) || error.kind !== "unavailable") throw error;
      // Another broker may lead it by the next try.
      this.feed.leader = -1;
      const { kind, message, retryAfterMs } = error;
      const retry = { cause: error, retryWithinMs: RETRY_WITHIN_MS };
      throw new SourceError(kind, message, retryAfterMs, retry);
    }
  }

  private async readOn(
    from: Progress,
    into: EventBatch,
    request: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { feed, surroundings: { context: { clock } } } = this;
    const untilMs = clock.monotonicMs() + request.waitMs;
    for (let looks = 0, isBegun = false, { topicId } = feed;;) {
      // Whatever waits below may find another topic of that name, whose offsets are those of other records.
      if (feed.topicId !== topicId) [isBegun, topicId] = [false, feed.topicId];
      const isAnother = () => feed.topicId !== topicId;
      const elsewhere = await this.enter(from, signal);
      if (elsewhere !== undefined) return elsewhere;
      const tenure = this.surroundings.tenureOf(this.of);
      if (tenure === "none") return await this.leave(from, request, signal);
      if (!isBegun) this.holding = await this.enterEpoch(this.holdingOf(from), tenure, signal);
      if (isAnother()) continue;
      if (!isBegun) {
        if (tenure?.giveTo !== undefined) return await this.giveAway(from, tenure.giveTo, request, signal);
        feed.seek(this.holding.offset, this.holding.leaderEpoch);
        // From here on the feed is ahead where it has passed over records that are no events.
        isBegun = true;
      }
      const startedMs = clock.monotonicMs();
      if (this.taker.take(feed, into, request.limit, clock.nowMs())) {
        return { kind: "events", ...this.step(from), lost: 0, decodeMs: clock.monotonicMs() - startedMs };
      }
      const found = await this.surroundings.wait(feed, untilMs, signal);
      if (isAnother()) continue;
      if (found === "gone") {
        const [oldest, end] = [await this.offset("oldest", signal), await this.offset("end", signal)];
        if (!isAnother()) return this.jump(from, oldest, end);
        continue;
      }
      if (found === "diverged") return this.goBack(from, feed.divergedAt!);
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
    const holding = position === undefined ? undefined : readHolding(position);
    if (holding !== undefined) this.surroundings.committed(this.of, holding);
    return Promise.resolve();
  }

  unreadAfter(position: string): number | undefined {
    const { stableEnd } = this.feed.ends;
    const unread = stableEnd - (readHolding(position)?.offset ?? NaN);
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

  private step(
    { lineage }: Progress,
    read: Pick<Holding, "offset" | "leaderEpoch"> = this.readTo,
  ): { lineage: string | undefined; next: string; offset: undefined } {
    const { offset, leaderEpoch } = read;
    // Offsets have gaps, so they are no numbers of events.
    const next = holdingText({ ...this.holding, offset, leaderEpoch });
    return { lineage: this.lineage ?? lineage, next, offset: undefined };
  }

  private get readTo(): Pick<Holding, "offset" | "leaderEpoch"> {
    const { at, epochTaken } = this.feed;
    return { offset: at, leaderEpoch: epochTaken };
  }

  /** How the partition is held from now on. A new epoch begins where it was given. */
  private async enterEpoch(
    own: Holding | undefined,
    tenure: Tenure | undefined,
    signal: AbortSignal,
  ): Promise<Holding> {
    const epoch = tenure?.epoch ?? own?.epoch ?? 0;
    if (own !== undefined && own.epoch >= epoch) return own;
    const isAnother = this.isAnother(tenure?.topicId);
    // The giver did not see that the topic is another one, or that this instance has read so far already.
    if (own !== undefined && (isAnother || own.offset > Number(tenure?.from))) {
      return entered(own, epoch, own.offset, own.begun, own.leaderEpoch);
    }
    if (isAnother) this.tellAnew();
    const from = isAnother ? "oldest" : tenure?.from ?? (this.startsAtEnd ? "newest" : "oldest");
    const start = typeof from === "number"
      ? from
      : await this.offset(from === "newest" ? "end" : "oldest", signal);
    const begun = (isAnother ? undefined : tenure?.begun) ?? (typeof from === "number" ? undefined : start);
    return entered(own, epoch, start, begun, isAnother ? undefined : tenure?.leaderEpoch);
  }

  /** Reads no further. The next checkpoint has it that the partition is given away. */
  private async giveAway(
    from: Progress,
    giveTo: ShareNumber,
    { waitMs }: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { holding, surroundings: { context: { clock } } } = this;
    const isNew = holding.givenTo === undefined;
    if (isNew) this.holding = givenAway(holding, giveTo, this.feed.topicId);
    const step = this.step(from, holding);
    if (!isNew) await clock.sleep(waitMs, signal);
    return { kind: "idle", ...step, lost: 0, decodeMs: 0 };
  }

  /**
   * Reads nothing, until the reader of the partition is told to end. Others may read it already: what was
   * read of it now would count twice.
   */
  private async leave(from: Progress, { waitMs }: ReadRequest, signal: AbortSignal): Promise<Outcome> {
    await this.surroundings.context.clock.sleep(waitMs, signal);
    const { lineage, position } = from;
    if (position === undefined) throw this.error("unavailable", "another instance has it now");
    return { kind: "idle", lineage, next: position, offset: undefined, lost: 0, decodeMs: 0 };
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
    const own = this.holdingOf(from);
    // What was given away, others have read.
    const unread = own?.givenTo ? 0 : Math.max(0, this.feed.ends.end - (own?.offset ?? 0));
    this.feed.forget();
    const oldest = await this.offset("oldest", signal);
    this.feed.ends = { end: 0, stableEnd: 0 };
    this.tellAnew();
    // The offsets are those of other records now.
    const anew = {
      ...{ offset: oldest, epoch: own?.epoch ?? 0, begun: oldest, since: oldest },
      ...{ earlier: [], givenTo: undefined },
    };
    const next = holdingText(anew);
    return { kind: "restarted", lineage, next, offset: undefined, lost: unread + oldest };
  }

  /** Whether a topic of this id is not the one that is read. Brokers may be too old to tell ids. */
  private isAnother(topicId: string | undefined): boolean {
    return topicId !== undefined && this.feed.topicId !== undefined && topicId !== this.feed.topicId;
  }

  private tellAnew(): void {
    this.surroundings.context.logger.error(
      "the topic was deleted and made again: going on at its oldest record",
      { partition: this.id },
    );
  }

  /** Decides where to go on where the partition does not have the offset. */
  private jump(from: Progress, oldest: number, end: number): Outcome {
    const { feed, feed: { at } } = this;
    if (oldest > end) {
      throw this.error("garbage", `its brokers say that it goes from offset ${oldest} to ${end}`);
    }
    if (at < oldest) return { kind: "gap", ...this.step(from, { offset: oldest }), lost: oldest - at };
    if (at <= end) {
      feed.forget();
      throw this.error("unavailable", `it denies its offset ${at}, which lies before its end`);
    }
    return this.goBack(from, end);
  }

  /** Goes on where the partition no longer has what was read of it. */
  private goBack(from: Progress, offset: number): Outcome {
    const { feed, surroundings: { context: { logger } } } = this;
    const { at } = feed;
    const end = Math.min(at, offset);
    logger.error(
      "the partition ends before what was read of it: a broker that was behind has taken over, and " +
        "records are lost there that are counted here; set unclean.leader.election.enable=false",
      { partition: this.id, read_to: at, end },
    );
    // What comes next at the same offset follows upon other records.
    if (end === at) feed.forget();
    return { kind: "returned", ...this.step(from, { offset: end }), doubtful: 0 };
  }

  private async offset(wanted: "oldest" | "end", signal: AbortSignal): Promise<number> {
    const found = await this.surroundings.offsetOf(this.feed, this.of, wanted, signal);
    if ("error" in found) throw brokerError(this.feed.name, found.error);
    return found.offset;
  }

  /** @throws {SourceError} */
  private holdingOf({ position }: Progress): Holding | undefined {
    if (position === undefined) return undefined;
    const holding = readHolding(position);
    if (holding !== undefined) return holding;
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
