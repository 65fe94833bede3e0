import { SourceError } from "../../contract/source.ts";
import type { FeedMemory } from "./feed_memory.ts";
import { BeyondEnd, FetchedChunk } from "./fetched_chunk.ts";
import { type FetchedRecords, UNKNOWN_EPOCH, type WantedRecords } from "./fetch_request.ts";
import { brokerError, isOfOldMetadata, OFFSET_OUT_OF_RANGE } from "./kafka_errors.ts";
import type { TopicPartition } from "./offset_requests.ts";
import type { Holder } from "./shared_memory.ts";
import { WireFault } from "../../platform/kafka/wire_reader.ts";

/** Older views of who leads a partition, in a row, of which the last one is believed. */
const OLDER_VIEWS_MAX = 20;

/** Answers in a row with records beyond the end, see {@link BeyondEnd}, of which more are a fault. */
const BEYOND_END_MAX = 3;

/** Who waits for records. */
interface Waiter {
  readonly untilMs: number;
  /** The last request that was sent before: it says nothing about what has come since. */
  readonly sentBefore: number;
  readonly resolve: (found: Found) => void;
  readonly reject: (error: SourceError) => void;
}

/**
 * - `records`: there are some to take.
 * - `none`: the partition has none at its offset.
 * - `gone`: the partition has no such offset, because records were deleted or lost.
 * - `elsewhere`: another broker leads the partition, or the topic was made anew.
 * - `diverged`: the partition has other records than those that were read: see `divergedAt`.
 */
export type Found = "records" | "none" | "gone" | "elsewhere" | "diverged";

/**
 * The records of one partition on their way from the broker to their reader: what is read, and one chunk
 * ahead.
 */
export class PartitionFeed {
  topicId: string | undefined;
  /** The number of the broker that leads the partition; -1: none does, or it is to be looked for. */
  leader = -1;
  private leaderEpoch = -1;
  /** In a row, about who leads. */
  private olderViews = 0;
  /** As the last answer has it: see {@link FetchedRecords}. */
  ends = { end: 0, stableEnd: 0 };
  private chunks: FetchedChunk[] = [];
  /** The offset of the next record that was not taken. */
  private position = 0;
  private waiter: Waiter | undefined;
  /** Where the partition begins to have other records than those that were read, by the last answer. */
  divergedAt: number | undefined;
  /** The epoch of the leader that has written the record before what is fetched next. */
  private epoch = UNKNOWN_EPOCH;
  /** The same of the record before the first chunk. */
  private epochBefore = UNKNOWN_EPOCH;
  /** Answers in a row with records beyond the end. */
  private beyondEnd = 0;
  /** Whether the last answer had nothing, or was an error. */
  private isAtEnd = false;
  /** What it holds, as {@link FeedMemory} has it. */
  readonly stored: Holder = { letGo: () => this.fetchAgain() };
  private readonly unpacked: Holder = { letGo: () => this.chunks[0]?.letGoUnpacked() };
  private readonly isUsing = new Set([this.unpacked]);

  /**
   * @param name For messages.
   * @param memory That of all partitions.
   * @param wake Called when there is something to fetch.
   */
  constructor(
    readonly name: string,
    private readonly of: TopicPartition,
    private readonly memory: FeedMemory,
    private readonly wake: (feed: PartitionFeed) => void,
  ) {}

  /**
   * Takes over what a broker says of the topic and of who leads the partition, unless it is older than what
   * is known: a broker that has lost the others still believes in former leaders, which may end before what
   * was read. Where all say so for long, the cluster has come back from a backup.
   */
  follow(topicId: string | undefined, leader: number, epoch: number): void {
    if (topicId !== this.topicId) {
      this.forget();
      this.topicId = topicId;
      this.leaderEpoch = -1;
      // The offset that is waited at is one of the former topic.
      this.settle("elsewhere");
    }
    if (epoch < this.leaderEpoch && ++this.olderViews < OLDER_VIEWS_MAX) return;
    this.olderViews = 0;
    this.leaderEpoch = epoch;
    this.leader = leader;
  }

  /** The offset up to which all was taken or passed over. */
  get at(): number {
    return this.position;
  }

  /** The epoch of the leader that has written the record before {@link at}; undefined: it is not known. */
  get epochTaken(): number | undefined {
    const [first] = this.chunks;
    const epoch = first === undefined ? this.epoch : first.epochTaken ?? this.epochBefore;
    return epoch < 0 ? undefined : epoch;
  }

  /**
   * Goes on at an offset. What was fetched is kept where it goes on there.
   *
   * @param epoch That of the leader that has written the record before it; left out: it is not known.
   */
  seek(offset: number, epoch = UNKNOWN_EPOCH): void {
    if (offset === this.position) return;
    this.letGo(epoch);
    this.position = offset;
  }

  /** Lets go what was fetched. What is fetched next follows upon no record that is known. */
  forget(): void {
    this.letGo(UNKNOWN_EPOCH);
  }

  /** The same where it is fetched again, and follows upon what was taken. */
  private fetchAgain(): void {
    this.letGo(this.epochTaken ?? UNKNOWN_EPOCH);
  }

  private letGo(epoch: number): void {
    this.chunks = [];
    this.epoch = this.epochBefore = epoch;
    this.memory.stored.note(this.stored, 0);
    this.memory.unpacked.note(this.unpacked, 0);
  }

  /** The next record; undefined: none is there. @throws {SourceError} */
  next(): ReturnType<FetchedChunk["next"]> {
    for (let chunk = this.chunks[0]; chunk !== undefined; chunk = this.chunks[0]) {
      try {
        const record = chunk.next();
        this.position = chunk.at;
        if (record !== undefined) return record;
      } catch (error) {
        this.fetchAgain();
        throw this.garbage(error);
      }
      this.epochBefore = chunk.epoch;
      this.chunks.shift();
      this.noteStored();
    }
    return undefined;
  }

  /**
   * Waits for records at the present offset.
   *
   * @param sent The number of the last request that was sent.
   *
   * @throws {SourceError}
   */
  async wait(untilMs: number, sent: number, signal: AbortSignal): Promise<Found> {
    if (this.chunks.length > 0) return "records";
    const { promise, resolve, reject } = Promise.withResolvers<Found>();
    const over = new AbortController();
    this.waiter = { untilMs, sentBefore: sent, resolve, reject };
    const stop = () => this.failed(new SourceError("unavailable", `${this.name}: reading was called off`));
    signal.addEventListener("abort", stop, { signal: over.signal });
    if (signal.aborted) stop();
    this.wake(this);
    try {
      return await promise;
    } finally {
      over.abort();
    }
  }

  /** When a reader stops waiting; undefined: none waits. Monotonic, ms. */
  get awaitedUntilMs(): number | undefined {
    return this.waiter?.untilMs;
  }

  /** Whether there are records that were not taken. */
  get isActive(): boolean {
    return this.chunks.length > 0;
  }

  /** What is to be fetched; undefined: nothing. @param mayReadAhead See {@link SourceContext}. */
  wanted(mayReadAhead: boolean): WantedRecords | undefined {
    const isWaited = this.waiter !== undefined && this.chunks.length === 0;
    const isAhead = mayReadAhead && this.chunks.length === 1 && !this.isAtEnd;
    if (!isWaited && !isAhead) return undefined;
    return { ...this.of, topicId: this.topicId, offset: this.fetchAt, epochBefore: this.epoch };
  }

  /**
   * Takes the answer to the request of that number.
   *
   * @param hadRoom Whether the answer had room for records of this partition. Where those of others filled
   * it, nothing in it does not mean that there is nothing.
   */
  answered(asked: WantedRecords, fetched: FetchedRecords, request: number, hadRoom = true): void {
    // Another offset or topic may be wanted by now.
    if (asked.offset !== this.fetchAt || asked.topicId !== this.topicId) return;
    const { error, batches, divergedAt } = fetched;
    // Nothing is fetched ahead where it would fail again at once.
    const isLeftOut = !hadRoom && batches.length === 0 && asked.offset < fetched.stableEnd;
    this.isAtEnd = error !== 0 || (batches.length === 0 && !isLeftOut);
    if (error === OFFSET_OUT_OF_RANGE) return this.settle("gone");
    if (isOfOldMetadata(error)) return this.settle("elsewhere");
    if (error !== 0) return this.failed(brokerError(this.name, error));
    this.divergedAt = divergedAt;
    if (divergedAt !== undefined) return this.settle("diverged");
    this.ends = fetched;
    // Who waits goes on waiting, so it is fetched again.
    if (isLeftOut) return;
    if (batches.length === 0) {
      if (this.waiter !== undefined && request > this.waiter.sentBefore) this.settle("none");
      return;
    }
    try {
      const chunk = new FetchedChunk(asked.offset, fetched, (bytes) => this.noteUnpacked(bytes));
      this.chunks.push(chunk);
      this.epoch = chunk.epoch;
      this.beyondEnd = 0;
      this.noteStored();
    } catch (error) {
      // Who waits goes on waiting, so it is fetched again.
      if (error instanceof BeyondEnd && ++this.beyondEnd <= BEYOND_END_MAX) return;
      return this.failed(this.garbage(error));
    }
    this.settle("records");
  }

  failed(error: SourceError): void {
    this.isAtEnd = true;
    this.waiter?.reject(error);
    this.waiter = undefined;
  }

  settle(found: Found): void {
    this.waiter?.resolve(found);
    this.waiter = undefined;
  }

  private get fetchAt(): number {
    return this.chunks.at(-1)?.end ?? this.position;
  }

  private noteStored(): void {
    this.memory.stored.note(this.stored, this.chunks.reduce((sum, { storedBytes }) => sum + storedBytes, 0));
  }

  private noteUnpacked(bytes: number): void {
    this.memory.unpacked.note(this.unpacked, bytes);
    this.memory.unpacked.makeRoom(this.isUsing);
  }

  private garbage(error: unknown): SourceError {
    if (!(error instanceof WireFault)) throw error;
    return new SourceError(
      "garbage",
      `${this.name}: what the broker has from offset ${this.position} on ${error.message}. If that stays, ` +
        "look at the broker's own log. kafka-delete-records.sh takes away what cannot be read, which then " +
        "counts as lost",
    );
  }
}
