import { type Found, readRecord } from "./hand_over_record.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import {
  commitOffsets,
  type CommittedOffset,
  fetchOffsets,
  findCoordinator,
  type TopicPartition,
} from "./offset_requests.ts";

/**
 * The group of a source. Sinks have `vabus-data-handler.` or `vabus-data-handler-` at the beginning of
 * theirs, so no name of an instance makes the two the same.
 *
 * @param name `INSTANCE_ID`, or `INSTANCE_GROUP` where several instances share a bus.
 */
export function groupOf(name: string): string {
  return `vabus-data-handler_source.${name}`;
}

/** The committed offsets of a group without members. */
export class GroupOffsets {
  constructor(readonly group: string, private readonly cluster: KafkaCluster) {}

  /** What the group has of the partitions, in their order. @throws {SourceError} */
  async fetch(partitions: readonly TopicPartition[], signal: AbortSignal): Promise<Found[]> {
    const found = await fetchOffsets(await this.connect(signal), this.group, partitions);
    return found.map(({ offset, metadata }) => readRecord(offset, metadata));
  }

  /** @throws {SourceError} */
  async commit(offsets: readonly CommittedOffset[], signal: AbortSignal): Promise<void> {
    await commitOffsets(await this.connect(signal), this.group, offsets);
  }

  /** The group's broker may change, so it is looked for each time. */
  private async connect(signal: AbortSignal) {
    const any = await this.cluster.anyConnection(signal);
    return await this.cluster.connectionAt(await findCoordinator(any, this.group), "questions", signal);
  }
}
