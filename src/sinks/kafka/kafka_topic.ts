import type { Admin, ConfigResourceTypes } from "kafkajs";
import type { Logger } from "../../platform/log/logger.ts";
import type { Confirmed, SinkAlarm } from "../../contract/sink.ts";
import { emptySink } from "../alarms.ts";
import type { KafkaSession } from "./kafka_session.ts";

/** What a description of settings is asked for. The value of kafkajs would load the library. */
const TOPIC: ConfigResourceTypes.TOPIC = 2;
/** Bytes of the records of one request at most. By default brokers accept a megabyte. */
const MAX_REQUEST_BYTES = 900_000;
const ASKED_SETTINGS = ["max.message.bytes", "cleanup.policy", "unclean.leader.election.enable"];

/**
 * The topic that a sink writes to: whether it exists, its settings, and whether the written records are still
 * there.
 */
export class KafkaTopic {
  /** Whether it was created since the last check for missing records. */
  private isNew = false;

  constructor(readonly name: string, private readonly logger: Logger) {}

  /** Undefined: there is no such topic. */
  async partitionCount(admin: Admin): Promise<number | undefined> {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [this.name] });
      return topics[0]!.partitions.length;
    } catch (error) {
      if ((error as { type?: string }).type === "UNKNOWN_TOPIC_OR_PARTITION") return undefined;
      throw error;
    }
  }

  /** Creates it if it is missing. */
  async ensure(admin: Admin): Promise<void> {
    if (await this.partitionCount(admin) !== undefined) return;
    // False: another process has created it.
    this.isNew = await admin.createTopics(this.asNew);
    if (this.isNew) this.logger.info("topic created", { topic: this.name });
  }

  /** Asks the brokers whether they would create it. */
  async tryToMake(admin: Admin): Promise<void> {
    await admin.createTopics({ ...this.asNew, validateOnly: true, waitForLeaders: false });
  }

  /** The settings, as far as the user may read them. */
  async settings(admin: Admin): Promise<TopicSettings> {
    try {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: TOPIC, name: this.name, configNames: ASKED_SETTINGS }],
      });
      const entries = resources[0]?.configEntries ?? [];
      return new TopicSettings(
        new Map(entries.map(({ configName, configValue }) => [configName, configValue])),
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.debug("the settings of the topic are not known", { reason });
      return new TopicSettings(new Map());
    }
  }

  /** Records that retention has deleted are no loss: the end of the partition shows that they existed. */
  async missing(session: KafkaSession, confirmed: Confirmed): Promise<SinkAlarm | undefined> {
    const { isNew, name } = this;
    this.isNew = false;
    if (!confirmed.any) return undefined;
    if (isNew) return emptySink(confirmed, `the topic ${name} was not there and had to be created again`);
    const stable = await session.admin.fetchTopicOffsets(name);
    if (stable.some(({ high }) => Number(high) > 0)) return undefined;
    // Records that were just committed need not be stable yet.
    return (await session.topicEnds(name)).every(({ endOffset }) => endOffset === 0)
      ? emptySink(confirmed, `the topic ${name} has never had a record`)
      : undefined;
  }

  /** Partitions and replicas are the brokers' defaults. */
  private get asNew() {
    return { topics: [{ topic: this.name, numPartitions: -1, replicationFactor: -1 }] };
  }
}

/** Settings of a topic, by their names. */
export class TopicSettings {
  constructor(private readonly values: ReadonlyMap<string, string>) {}

  /** Bytes of the records of one request, at most. */
  get requestMaxBytes(): number {
    const limit = Number(this.values.get("max.message.bytes"));
    return limit > 0 ? Math.min(MAX_REQUEST_BYTES, 0.9 * limit) : MAX_REQUEST_BYTES;
  }

  /** Settings by which it may lose confirmed records. */
  get flaws(): string[] {
    const policy = this.values.get("cleanup.policy") ?? "";
    return [
      policy.includes("compact") &&
      (`its cleanup.policy is ${policy}: of all aggregates with one name compaction leaves the last ` +
        "one only. Set it to delete"),
      this.values.get("unclean.leader.election.enable") === "true" &&
      ("its unclean.leader.election.enable is true: confirmed records are lost when a broker takes " +
        "over that was behind"),
    ].filter((flaw) => flaw !== false);
  }
}
