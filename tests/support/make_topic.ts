import type { Admin, ITopicConfig } from "kafkajs";
import { until } from "./executable.ts";

/**
 * Makes a topic, and waits until each partition has a leader. Returns whether it was not there before.
 *
 * kafkajs can wait, too, but fails where the broker does not know the topic yet, right after it was made.
 */
export async function makeTopic(admin: Admin, config: ITopicConfig): Promise<boolean> {
  const isNew = await admin.createTopics({ topics: [config], waitForLeaders: false });
  await until(async () => {
    try {
      const { topics: [found] } = await admin.fetchTopicMetadata({ topics: [config.topic] });
      return found!.partitions.every(({ leader }) => leader >= 0);
    } catch {
      return false;
    }
  }, `the leaders of ${config.topic}`);
  return isNew;
}
