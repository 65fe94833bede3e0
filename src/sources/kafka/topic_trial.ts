import { SourceError } from "../../contract/source.ts";
import { type InstanceShare, isOwn, shareInWords } from "../../settings/share.ts";
import { fetchRecords } from "./fetch_request.ts";
import { groupOf, GroupOffsets } from "./group_offsets.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { brokerError } from "./kafka_errors.ts";
import { type ClusterMetadata, partitionsIn } from "./metadata_request.ts";
import { listOffsets } from "./offset_requests.ts";

/**
 * Tries the rights that reading needs, without reading anything, and returns in a few words what is there.
 *
 * @param metadata With all of the topics.
 * @param share Undefined: no other instance reads the source.
 * @throws {SourceError}
 */
export async function tryTopics(
  cluster: KafkaCluster,
  metadata: ClusterMetadata,
  share: InstanceShare | undefined,
  signal: AbortSignal,
): Promise<string> {
  const counts: string[] = [];
  for (const [topic, { leaders }] of metadata.topics) {
    await tryToRead(cluster, topic, metadata, signal);
    counts.push(`topic ${topic} has ${leaders.length} ${leaders.length === 1 ? "partition" : "partitions"}`);
  }
  if (share !== undefined) {
    const partitions = partitionsIn(metadata);
    await new GroupOffsets(groupOf(share.group), cluster).fetch(partitions, signal);
    const own = partitions.filter(({ partition }) => isOwn(partition, share));
    counts.push(`${own.length} of these for ${shareInWords(share)}`);
  }
  return `Kafka, ${cluster.brokerCount} ${cluster.brokerCount === 1 ? "broker" : "brokers"}, ${
    counts.join(", ")
  }`;
}

/** @throws {SourceError} A topic is not there. */
export function assertThere(bus: string, wanted: readonly string[], { topics }: ClusterMetadata): void {
  const missing = wanted.filter((topic) => !topics.has(topic));
  if (missing.length === 0) return;
  throw new SourceError(
    "unavailable",
    `${bus}: there is no topic ${
      missing.join(", ")
    }, or the user may not see it: check its name, make it, or ` +
      "grant the user DESCRIBE and READ",
  );
}

/** Tries the right to read each partition of a topic. @throws {SourceError} */
async function tryToRead(
  cluster: KafkaCluster,
  topic: string,
  { topics }: ClusterMetadata,
  signal: AbortSignal,
): Promise<void> {
  const { id: topicId, leaders } = topics.get(topic)!;
  for (const node of new Set(leaders)) {
    const subject = `${cluster.name}, topic ${topic}`;
    const connection = await cluster.connectionTo(node, "questions", signal);
    const partitions = leaders.flatMap((leader, partition) => leader === node ? [{ topic, partition }] : []);
    const offsets = await listOffsets(connection, partitions, "end");
    const wanted = partitions.map((one, i) => {
      const found = offsets[i]!;
      if ("error" in found) throw brokerError(subject, found.error);
      return { ...one, topicId, offset: found.offset };
    });
    const limits = { waitMs: 0, maxBytes: 1, partitionMaxBytes: 1 };
    const { records } = await fetchRecords(connection, wanted, limits, subject);
    for (const found of records) {
      if (found !== undefined && found.error !== 0) throw brokerError(subject, found.error);
    }
  }
}
