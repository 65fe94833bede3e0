import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import { type Partition, type Source, type SourceContext, SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { emptyShareInWords, type InstanceShare } from "../../settings/share.ts";
import type { KafkaAccess } from "./broker_connection.ts";
import type { ServerAddress } from "../../platform/net/server_socket.ts";
import { BrokerFetcher } from "./broker_fetcher.ts";
import { FeedMemory } from "./feed_memory.ts";
import { GroupCommits } from "./group_commits.ts";
import { groupOf, GroupOffsets } from "./group_offsets.ts";
import { KafkaCluster } from "./kafka_cluster.ts";
import { KafkaPartition } from "./kafka_partition.ts";
import { type ClusterMetadata, partitionsIn } from "./metadata_request.ts";
import { listOffsets, type TopicPartition } from "./offset_requests.ts";
import { assertThere, tryTopics } from "./topic_trial.ts";
import { PartitionFeed } from "./partition_feed.ts";
import { PartitionShares } from "./partition_shares.ts";
import type { PartitionSurroundings } from "./partition_surroundings.ts";

/** Between two looks for new partitions. */
const LOOK_MS = 5000;
/** Between two looks at who has which partition. */
const SHARES_LOOK_MS = 1000;
/** For the last commit to the group. */
const CLOSE_MAX_MS = 1000;

export interface KafkaSourceOptions {
  /** The URL without credentials. */
  readonly name: string;
  readonly brokers: readonly ServerAddress[];
  readonly topics: readonly string[];
  readonly access: KafkaAccess;
  /** Whether a source that has read nothing yet begins at the newest records. */
  readonly startsAtEnd: boolean;
  /** `INSTANCE_ID` */
  readonly instance: string;
  /** The share of this instance; undefined: it reads all partitions. */
  readonly share: InstanceShare | undefined;
  /** Whether partitions that other instances have not given are read all the same. */
  readonly takesOver: boolean;
  /** Undefined: records are events as they are. */
  readonly reader: RecordReader | undefined;
  /** Whether the handler reads what there is and ends. */
  readonly endsWhenRead: boolean;
  readonly clock: Clock;
}

/** What there is while the source is open. */
interface Opened {
  readonly context: SourceContext;
  readonly cluster: KafkaCluster;
  readonly commits: GroupCommits;
  /** Undefined: no other instance reads the source. */
  readonly shares: PartitionShares | undefined;
  metadata: ClusterMetadata;
  readonly stop: AbortController;
  readonly memory: FeedMemory;
  /** By the numbers of the brokers. */
  readonly fetchers: Map<number, BrokerFetcher>;
  /** By their ids. */
  readonly partitions: Map<string, KafkaPartition>;
  /** Those of the partitions that are there, in their order. */
  present: readonly KafkaPartition[];
  refreshing: Promise<void> | undefined;
}

/**
 * Topics of a Kafka cluster. All of their partitions are read, whoever else reads them. The positions are
 * in the state; a group of consumers is told of them, and never asked.
 */
export class KafkaSource implements Source {
  readonly id: string;
  private opened: Opened | undefined;

  constructor(private options: KafkaSourceOptions) {
    this.id = options.name;
  }

  /** Takes other credentials, from the next connection on. */
  change(options: KafkaSourceOptions): void {
    this.options = options;
    this.opened?.cluster.change(options.access);
  }

  async open(context: SourceContext, signal: AbortSignal): Promise<readonly Partition[]> {
    await this.close();
    const { clock, instance, share, startsAtEnd } = this.options;
    const cluster = this.newCluster();
    const stop = new AbortController();
    const offsets = new GroupOffsets(groupOf(share?.group ?? instance), cluster);
    const metadata = await this.metadataOf(cluster, signal);
    const isNew = context.resume.size === 0;
    const opened: Opened = {
      context,
      cluster,
      commits: new GroupCommits(this.id, offsets, clock, context.logger, stop.signal),
      shares: share && this.sharesIn(context, share, offsets),
      metadata,
      stop,
      memory: new FeedMemory(),
      fetchers: new Map(),
      partitions: new Map(),
      present: [],
      refreshing: undefined,
    };
    this.opened = opened;
    await opened.shares?.look(partitionsIn(metadata), signal);
    this.take(opened, metadata, startsAtEnd && isNew);
    this.tellEmptyShare(opened);
    void this.follow(opened);
    if (opened.shares !== undefined) void this.followShares(opened, opened.shares);
    return opened.present;
  }

  async probe(signal: AbortSignal): Promise<string> {
    const cluster = this.newCluster();
    try {
      const metadata = await cluster.metadata(this.options.topics, signal);
      assertThere(this.id, this.options.topics, metadata);
      return await tryTopics(cluster, metadata, this.options.share, signal);
    } finally {
      cluster.close();
    }
  }

  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    if (opened === undefined) return;
    opened.stop.abort();
    const over = new AbortController();
    const timeUp = this.options.clock.sleep(CLOSE_MAX_MS, over.signal);
    const last = opened.shares?.tryToLook(partitionsIn(opened.metadata), over.signal) ??
      opened.commits.commit(over.signal);
    await Promise.race([last, timeUp]);
    over.abort();
    opened.cluster.close();
  }

  private sharesIn(context: SourceContext, share: InstanceShare, offsets: GroupOffsets): PartitionShares {
    const { clock, instance, startsAtEnd, takesOver } = this.options;
    const beginning = startsAtEnd && context.resume.size === 0 ? "newest" : "oldest";
    const how = { bus: this.id, instance, share, takesOver, beginning } as const;
    return new PartitionShares(how, context, offsets, clock);
  }

  private tellEmptyShare({ context: { logger }, metadata, shares }: Opened): void {
    const { share } = this.options;
    if (share === undefined || shares!.ownAmong(partitionsIn(metadata)) > 0) return;
    logger.warn(emptyShareInWords(share, "partition"), { bus: this.id });
  }

  /** @throws {SourceError} A topic is not there, or no broker. Then the connections are closed. */
  private async metadataOf(cluster: KafkaCluster, signal: AbortSignal): Promise<ClusterMetadata> {
    try {
      const metadata = await cluster.metadata(this.options.topics, signal);
      assertThere(this.id, this.options.topics, metadata);
      return metadata;
    } catch (error) {
      cluster.close();
      throw error;
    }
  }

  private newCluster(): KafkaCluster {
    const { access, brokers, clock, name } = this.options;
    return new KafkaCluster(name, brokers, access, clock);
  }

  /** Takes over which partitions there are, and who leads them. Returns whether there are others now. */
  private take(opened: Opened, { topics }: ClusterMetadata, startsAtEnd: boolean): boolean {
    const present: KafkaPartition[] = [];
    for (const topic of this.options.topics) {
      const found = topics.get(topic);
      for (const [partition, leader] of (found?.leaders ?? []).entries()) {
        if (opened.shares !== undefined && !opened.shares.tenureOf({ topic, partition })) continue;
        const one = this.partitionOf(opened, { topic, partition }, startsAtEnd);
        one.feed.follow(found!.id, leader, found!.epochs[partition]!);
        present.push(one);
      }
      // A topic that is not there now may come back, and its partitions say meanwhile that they cannot be
      // read.
      if (found === undefined) {
        present.push(...opened.present.filter(({ id }) => id.startsWith(`${topic}/`)));
        for (const one of opened.present) if (one.id.startsWith(`${topic}/`)) one.feed.leader = -1;
      }
    }
    const before = opened.present;
    opened.present = present;
    return present.length !== before.length || present.some((one, i) => one !== before[i]);
  }

  private partitionOf(opened: Opened, of: TopicPartition, startsAtEnd: boolean): KafkaPartition {
    const id = `${of.topic}/${of.partition}`;
    const present = opened.partitions.get(id);
    if (present !== undefined) return present;
    const feed = new PartitionFeed(
      `${this.id} partition ${id}`,
      of,
      opened.memory,
      ({ leader }) => this.fetcherOf(opened, leader).wake(),
    );
    const partition = new KafkaPartition(of, feed, startsAtEnd, this.surroundingsIn(opened));
    opened.partitions.set(id, partition);
    return partition;
  }

  private surroundingsIn(opened: Opened): PartitionSurroundings {
    return {
      context: opened.context,
      reader: this.options.reader,
      endsWhenRead: this.options.endsWhenRead,
      wait: async (feed, untilMs, signal) => {
        const { topicId } = feed;
        const leader = await this.leaderOf(opened, feed, signal);
        if (feed.topicId !== topicId) return "elsewhere";
        return await feed.wait(untilMs, this.fetcherOf(opened, leader).sent, signal);
      },
      refresh: (signal) => this.refresh(opened, signal),
      offsetOf: async (feed, of, wanted, signal) => {
        const leader = await this.leaderOf(opened, feed, signal);
        const connection = await opened.cluster.connectionTo(leader, "questions", signal);
        const [found] = await listOffsets(connection, [of], wanted);
        return found!;
      },
      tenureOf: (of) => opened.shares && (opened.shares.tenureOf(of) ?? "none"),
      committed: (of, holding) =>
        opened.shares ? opened.shares.committed(of, holding) : opened.commits.note(of, holding.offset),
    };
  }

  /** The number of the broker that leads the partition. @throws {SourceError} */
  private async leaderOf(opened: Opened, feed: PartitionFeed, signal: AbortSignal): Promise<number> {
    if (feed.leader < 0) await this.refresh(opened, signal);
    if (feed.leader >= 0) return feed.leader;
    throw new SourceError(
      "unavailable",
      `${feed.name}: no broker leads it: is a broker down, or was the topic deleted?`,
    );
  }

  private fetcherOf(opened: Opened, node: number): BrokerFetcher {
    let fetcher = opened.fetchers.get(node);
    if (fetcher === undefined) {
      const { cluster, context: { logger, mayReadAhead }, memory, stop } = opened;
      const feeds = () => opened.present.map(({ feed }) => feed);
      fetcher = new BrokerFetcher(
        node,
        { cluster, clock: this.options.clock, logger, memory, mayReadAhead, feeds },
        stop.signal,
      );
      opened.fetchers.set(node, fetcher);
    }
    return fetcher;
  }

  /**
   * Looks for other partitions and leaders; one look at a time. What a look finds that began earlier may be
   * older than what the caller has seen: a topic that was made again is not there yet. Another look follows.
   *
   * @throws {SourceError}
   */
  private async refresh(opened: Opened, signal: AbortSignal): Promise<void> {
    await opened.refreshing?.catch(() => {});
    opened.refreshing ??= this.look(opened, signal).finally(() => opened.refreshing = undefined);
    await opened.refreshing;
  }

  private async look(opened: Opened, signal: AbortSignal): Promise<void> {
    const metadata = await opened.cluster.metadata(this.options.topics, signal);
    if (this.opened !== opened) return;
    opened.metadata = metadata;
    if (this.take(opened, metadata, false)) opened.context.changed(opened.present);
  }

  /** Looks for new partitions, as long as the source is open. */
  private async follow(opened: Opened): Promise<void> {
    const { stop: { signal } } = opened;
    for (;;) {
      await this.options.clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      // Why brokers cannot be reached, the reads say.
      await this.refresh(opened, signal).catch((error) => {
        if (!(error instanceof SourceError)) throw error;
      });
    }
  }

  /** Follows which partitions this instance has, as long as the source is open. */
  private async followShares(opened: Opened, shares: PartitionShares): Promise<void> {
    const { stop: { signal } } = opened;
    for (;;) {
      await shares.rest(SHARES_LOOK_MS, signal);
      if (signal.aborted) return;
      const hasChanged = await shares.tryToLook(partitionsIn(opened.metadata), signal);
      if (this.opened !== opened) return;
      if (hasChanged && this.take(opened, opened.metadata, false)) opened.context.changed(opened.present);
    }
  }
}
