import type { PartitionOffset, Transaction } from "kafkajs";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { type OutboxId, type SinkContext, SinkError } from "../../contract/sink.ts";
import { asksToWait, pauseMs } from "./kafka_patience.ts";
import type { KafkaSession } from "./kafka_session.ts";

/** Brokers delete the position of a group without members after a week. Half a day is well within it. */
const RENEW_AFTER_MS = 12 * 3_600_000;
/** The position of the group is stored for one partition of the topic. */
const PARTITION = 0;
const NEVER = new AbortController().signal;

/** The position in the group's committed offset. */
interface Found {
  readonly nextId: OutboxId;
  readonly stateId: string | null;
}

/**
 * The position of the outbox in a topic: the committed offset of a group without members, which is written in
 * the transaction of the records before it. Its metadata is the id of the state.
 */
export class KafkaPosition {
  private writtenAtMs = -Infinity;
  /** The greatest position that this process has tried to commit. */
  private triedId = -Infinity;

  constructor(
    readonly groupId: string,
    private readonly topic: string,
    private readonly clock: Pick<Clock, "nowMs" | "sleep">,
    private readonly logger: Logger,
  ) {}

  /** Whether it must be written again, so that the broker does not delete it. */
  get isRenewalDue(): boolean {
    return this.clock.nowMs() - this.writtenAtMs >= RENEW_AFTER_MS;
  }

  /**
   * Makes the position a part of a transaction. It is noted before, since the commit may succeed while its
   * answer is lost. Where the broker asks for it, it is tried again, as with records.
   *
   * @throws kafkajs's error.
   */
  async send(
    to: Pick<Transaction, "sendOffsets">,
    nextId: OutboxId,
    stateId: string,
  ): Promise<void> {
    this.triedId = Math.max(this.triedId, nextId);
    // The types of kafkajs leave out the metadata; its protocol has them.
    const position: PartitionOffset & { metadata: string } = {
      partition: PARTITION,
      offset: `${nextId}`,
      metadata: stateId,
    };
    const offsets = {
      consumerGroupId: this.groupId,
      topics: [{ topic: this.topic, partitions: [position] }],
    };
    for (let pauses = 0;; pauses++) {
      try {
        return await to.sendOffsets(offsets);
      } catch (error) {
        const waitMs = pauseMs(pauses);
        if (waitMs === undefined || !asksToWait(error)) throw error;
        await this.clock.sleep(waitMs, NEVER);
      }
    }
  }

  written(): void {
    this.writtenAtMs = this.clock.nowMs();
  }

  /** Undefined: there is none. */
  async fetch(session: KafkaSession): Promise<Found | undefined> {
    const { clock, groupId, topic } = this;
    const found = await session.committedOffset({ groupId, topic, partition: PARTITION }, clock);
    return found && { nextId: found.offset, stateId: found.metadata };
  }

  /**
   * The id from which to deliver. In doubt nothing is skipped: a record that is sent twice can be recognised
   * by its revision, one that is never sent cannot.
   */
  async start(
    session: KafkaSession,
    { claimant, confirmed, cursor, stateId }: SinkContext,
  ): Promise<OutboxId> {
    this.writtenAtMs = -Infinity;
    const found = await this.fetch(session);
    if (found === undefined) {
      if (confirmed.any) {
        this.logger.error(
          "Kafka knows no position of this handler, though it has confirmed records: the topic was " +
            "created again, or the broker has forgotten the group (offsets.retention.minutes); records " +
            "after the local cursor may come twice",
          { group: this.groupId, cursor },
        );
      }
      return cursor;
    }
    const { nextId } = found;
    const told = { group: this.groupId, position: nextId, cursor };
    if (found.stateId !== stateId) {
      this.logger.warn(
        "the position in Kafka belongs to another state database; records after the local cursor may " +
          "come twice",
        told,
      );
      return cursor;
    }
    // Only the state's id is stored with the position. So another life of the state shows only by a position
    // ahead of this one.
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
