import type { Admin, Offsets, PartitionOffset } from "kafkajs";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { type OutboxId, type SinkContext, SinkError } from "../../contract/sink.ts";

/** Brokers forget the position of a group without members after a week. Half a day makes "daily" safe. */
const RENEW_AFTER_MS = 12 * 3_600_000;
/** The number of a group's position is kept for one partition of the topic. */
const PARTITION = 0;

/** What the group's committed offset says. */
interface Found {
  readonly nextId: OutboxId;
  readonly stateId: string | null;
}

/**
 * How far a topic holds the outbox: the committed offset of a group without members, which is written in the transaction of the
 * records before it. Its metadata is the id of the state.
 */
export class KafkaPosition {
  private writtenAtMs = -Infinity;
  /** The greatest position that this process has tried to commit. */
  private triedId = -Infinity;

  constructor(
    readonly groupId: string,
    private readonly topic: string,
    private readonly clock: Pick<Clock, "nowMs">,
    private readonly logger: Logger,
  ) {}

  /** Whether it would be forgotten if it were not written again. */
  get isRenewalDue(): boolean {
    return this.clock.nowMs() - this.writtenAtMs >= RENEW_AFTER_MS;
  }

  /** What a transaction commits with its records. Told before: it may be committed though the answer is lost. */
  commitOf(nextId: OutboxId, stateId: string): Offsets & { consumerGroupId: string } {
    this.triedId = Math.max(this.triedId, nextId);
    // The types of kafkajs leave out the metadata, its protocol does not.
    const position: PartitionOffset & { metadata: string } = {
      partition: PARTITION,
      offset: `${nextId}`,
      metadata: stateId,
    };
    return { consumerGroupId: this.groupId, topics: [{ topic: this.topic, partitions: [position] }] };
  }

  written(): void {
    this.writtenAtMs = this.clock.nowMs();
  }

  /** Undefined: there is none. */
  async fetch(admin: Admin): Promise<Found | undefined> {
    const topics = await admin.fetchOffsets({ groupId: this.groupId, topics: [this.topic] });
    const position = topics[0]?.partitions.find(({ partition }) => partition === PARTITION);
    if (position === undefined || Number(position.offset) < 0) return undefined;
    return { nextId: Number(position.offset), stateId: position.metadata };
  }

  /**
   * From which id on to deliver. Never skips on a doubt: a record sent twice can be told by its revision, one never sent cannot be told
   * at all.
   */
  async start(admin: Admin, { claimant, confirmed, cursor, stateId }: SinkContext): Promise<OutboxId> {
    this.writtenAtMs = -Infinity;
    const found = await this.fetch(admin);
    if (found === undefined) {
      if (confirmed.any) {
        this.logger.error(
          "Kafka knows no position of this handler, though it has confirmed records: the topic was made anew, or the broker " +
            "has forgotten the group (offsets.retention.minutes); records after the local cursor may come twice",
          { group: this.groupId, cursor },
        );
      }
      return cursor;
    }
    const { nextId } = found;
    const told = { group: this.groupId, position: nextId, cursor };
    if (found.stateId !== stateId) {
      this.logger.warn(
        "the position in Kafka belongs to another state database; records after the local cursor may come twice",
        told,
      );
      return cursor;
    }
    // There is no more than the state's id beside the position: another life of it shows only by being further on.
    if (nextId > Math.max(this.triedId, claimant.startId)) {
      const objection = claimant.objectionToPosition(nextId);
      if (objection !== undefined) {
        throw new SinkError("misconfigured", `Kafka, topic ${this.topic}: ${objection}`);
      }
      this.logger.warn(
        "the position in Kafka is another handler's; records after the local cursor may come twice",
        told,
      );
      return cursor;
    }
    return Math.max(nextId, cursor);
  }
}
