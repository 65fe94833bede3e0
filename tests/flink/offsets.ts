import type { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { kafkaClient } from "../support/kafka_broker.ts";

/** The offsets that a group has of a topic, by partition. */
export async function committedOffsets(
  brokers: readonly string[],
  group: string,
  topic: string,
): Promise<string> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    return offsetsText(found!.partitions);
  } finally {
    await admin.disconnect();
  }
}

/** The ends of a topic, likewise. */
export async function endOffsets({ admin, name }: KafkaTopic): Promise<string> {
  return offsetsText(await admin.fetchTopicOffsets(name));
}

function offsetsText(partitions: readonly { readonly partition: number; readonly offset: string }[]): string {
  return partitions.map(({ partition, offset }) => `${partition}: ${offset}`).sort().join(", ");
}
