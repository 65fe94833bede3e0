import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import type { FeedMemory } from "./feed_memory.ts";
import { type FetchLimits, fetchRecords, type WantedRecords } from "./fetch_request.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import type { PartitionFeed } from "./partition_feed.ts";

/** How long a broker may wait for records, so that partitions that come later are asked for soon. */
const WAIT_MAX_MS = 500;
/** The same while records of other partitions are being taken, which will be asked for next. */
const WAIT_MIN_MS = 10;
/** Stored bytes of records in an answer. */
const ANSWER_BYTES = 8 * 1024 * 1024;
/** What partitions share: half of what {@link FeedMemory} has room for, since each may have two chunks. */
const SHARED_BYTES = 16 * 1024 * 1024;
const PARTITION_MIN_BYTES = 64 * 1024;
const PARTITION_MAX_BYTES = 1024 * 1024;
/** A broker that asks for a longer pause is asked again all the same. Each answer says how long is left. */
const THROTTLE_MAX_MS = 60_000;
/** How often it is told that a quota holds records back. */
const TELL_AFTER_MS = 60_000;

/** What it needs of its source. */
export interface FetcherSurroundings {
  readonly cluster: KafkaCluster;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  readonly memory: FeedMemory;
  readonly mayReadAhead: () => boolean;
  /** All partitions of the source. */
  readonly feeds: () => Iterable<PartitionFeed>;
}

/**
 * Fetches the records of all partitions that one broker leads, with one request at a time: a broker answers
 * one after the other. Only what is wanted is asked for. So a source that is not read fetches nothing.
 */
export class BrokerFetcher {
  /** Requests that were sent. */
  sent = 0;
  private news = Promise.withResolvers<void>();
  private lastRecordsMs = 0;
  /** When it was told last that a quota holds records back. */
  private toldMs = -Infinity;
  /** Whose turn it is to come first, since an answer may not have room for all. */
  private turn = 0;

  constructor(
    private readonly node: number,
    private readonly surroundings: FetcherSurroundings,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.wake());
    void this.run();
  }

  /** There is something to fetch. */
  wake(): void {
    this.news.resolve();
  }

  private async run(): Promise<void> {
    while (!this.signal.aborted) {
      const wanted = this.wanted();
      if (wanted.length === 0) {
        await this.news.promise;
        this.news = Promise.withResolvers();
        continue;
      }
      try {
        await this.fetch(wanted);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        for (const [feed] of wanted) feed.failed(error);
      }
    }
  }

  private wanted(): (readonly [PartitionFeed, WantedRecords])[] {
    const { feeds, mayReadAhead, memory } = this.surroundings;
    const isAhead = mayReadAhead() && !memory.stored.isFull;
    const wanted = [...feeds()].filter(({ leader }) => leader === this.node).flatMap((feed) => {
      const records = feed.wanted(isAhead);
      return records === undefined ? [] : [[feed, records] as const];
    });
    const first = wanted.length === 0 ? 0 : this.turn++ % wanted.length;
    return [...wanted.slice(first), ...wanted.slice(0, first)];
  }

  private async fetch(wanted: readonly (readonly [PartitionFeed, WantedRecords])[]): Promise<void> {
    const { cluster, clock, memory } = this.surroundings;
    const connection = await cluster.connectionTo(this.node, "records", this.signal);
    const request = ++this.sent;
    const { records: fetched, throttleMs } = await fetchRecords(
      connection,
      wanted.map(([, records]) => records),
      this.limits(wanted),
      cluster.name,
    );
    const hasRecords = fetched.some((found) => found !== undefined && found.batches.length > 0);
    for (const [i, [feed, records]] of wanted.entries()) {
      const found = fetched[i];
      if (found === undefined) {
        // A broker that holds a client back answers about no partition at all.
        if (throttleMs > 0) continue;
        const problem = "the broker was asked for its records, and answers about others only";
        feed.failed(new SourceError("garbage", `${feed.name}: ${problem}`));
        continue;
      }
      if (found.batches.length > 0) this.lastRecordsMs = clock.monotonicMs();
      // A broker fills an answer in the order of the request, and the first gets a batch however large.
      feed.answered(records, found, request, i === 0 || !hasRecords);
    }
    memory.stored.makeRoom(new Set(wanted.map(([{ stored }]) => stored)));
    if (throttleMs > 0) await this.pause(throttleMs);
  }

  /** The broker reads no request meanwhile. Readers go on waiting: what there is to read is not known. */
  private async pause(throttleMs: number): Promise<void> {
    const { cluster, clock, logger } = this.surroundings;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.toldMs >= TELL_AFTER_MS) {
      this.toldMs = nowMs;
      logger.warn(
        "a quota of the broker holds records back: nothing is lost, reading goes on as fast as the quota " +
          "allows; if that is too slow, raise consumer_byte_rate and request_percentage of this user and " +
          "client (kafka-configs.sh)",
        { bus: cluster.name, broker: this.node, pause_seconds: throttleMs / 1000 },
      );
    }
    await clock.sleep(Math.min(throttleMs, THROTTLE_MAX_MS), this.signal);
  }

  private limits(wanted: readonly (readonly [PartitionFeed, WantedRecords])[]): FetchLimits {
    const { clock, feeds } = this.surroundings;
    const all = [...feeds()];
    const nowMs = clock.monotonicMs();
    let waitMs = WAIT_MAX_MS;
    for (const [{ awaitedUntilMs }] of wanted) waitMs = Math.min(waitMs, (awaitedUntilMs ?? 0) - nowMs);
    const isBusy = all.some(({ leader, isActive }) => leader === this.node && isActive);
    if (isBusy) waitMs = Math.min(waitMs, Math.max(WAIT_MIN_MS, (nowMs - this.lastRecordsMs) / 2));
    const share = SHARED_BYTES / Math.max(1, all.length);
    return {
      waitMs: Math.max(0, Math.floor(waitMs)),
      maxBytes: ANSWER_BYTES,
      partitionMaxBytes: Math.floor(Math.min(PARTITION_MAX_BYTES, Math.max(PARTITION_MIN_BYTES, share))),
    };
  }
}
