import { until } from "../../support/executable.ts";
import { type Admin, CompressionTypes, type Message, Partitioners } from "kafkajs";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { KafkaSource, type KafkaSourceOptions } from "../../../src/sources/kafka/kafka_source.ts";
import { kafkaClient, kafkaProducer } from "../../support/kafka_broker.ts";
import { makeTopic } from "../../support/make_topic.ts";

let topics = 0;

/** A topic of its own on a broker, as producers and operators see it. */
export class KafkaTopic {
  readonly name = `source-${crypto.randomUUID().slice(0, 8)}-${topics++}`;
  private readonly kafka;
  readonly admin: Admin;

  private constructor(private readonly brokers: readonly string[]) {
    this.kafka = kafkaClient(brokers);
    this.admin = this.kafka.admin();
  }

  static async create(
    brokers: readonly string[],
    numPartitions = 1,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<KafkaTopic> {
    const topic = new KafkaTopic(brokers);
    await topic.admin.connect();
    await topic.make(numPartitions, settings);
    return topic;
  }

  /** Where a source finds it. */
  get url(): string {
    return `kafka://${this.brokers.join(",")}/${this.name}`;
  }

  createSource(options: Partial<KafkaSourceOptions> = {}): KafkaSource {
    return new KafkaSource({
      name: this.url,
      brokers: this.brokers.map((broker) => {
        const [host, port] = broker.split(":");
        return { host: host!, port: Number(port) };
      }),
      topics: [this.name],
      access: { tls: undefined, login: undefined },
      startsAtEnd: false,
      instance: this.name,
      share: undefined,
      takesOver: false,
      reader: undefined,
      endsWhenRead: false,
      clock: systemClock,
      ...options,
    });
  }

  /** Writes records, all in one partition unless they name others. */
  async send(
    messages: readonly Message[],
    compression: CompressionTypes = CompressionTypes.None,
  ): Promise<void> {
    if (messages.length === 0) return;
    const producer = kafkaProducer(this.kafka);
    await producer.connect();
    try {
      await producer.send({
        topic: this.name,
        compression,
        messages: messages.map((message) => ({ partition: 0, ...message })),
      });
    } finally {
      await producer.disconnect();
    }
  }

  /** A producer of transactions. */
  async transactions(id: string) {
    const producer = this.kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      transactionalId: id,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    return producer;
  }

  async addPartitions(count: number): Promise<void> {
    await this.admin.createPartitions({ topicPartitions: [{ topic: this.name, count }] });
    // The client sends the records of all partitions again where one of them is not ready yet.
    await untilDone(async () => {
      const ready = await this.admin.fetchTopicOffsets(this.name);
      if (ready.length < count) throw new Error(`${this.name} has ${ready.length} partitions`);
    });
  }

  /** Deletes the oldest records of a partition, up to an offset: as retention does. */
  async trim(offset: number, partition = 0): Promise<void> {
    const partitions = [{ partition, offset: `${offset}` }];
    // The client may not know yet who leads the partition.
    await untilDone(() => this.admin.deleteTopicRecords({ topic: this.name, partitions }));
  }

  /** Deletes the topic and makes it again: its id is another one then. */
  async makeAgain(numPartitions = 1): Promise<void> {
    await this.admin.deleteTopics({ topics: [this.name] });
    // The broker learns of it after the controller, and may still take records for the former topic.
    await until(async () => !(await this.admin.listTopics()).includes(this.name), "the end of a topic");
    await this.make(numPartitions);
  }

  async remove(): Promise<void> {
    await this.admin.deleteTopics({ topics: [this.name] }).catch(() => {});
    await this.admin.disconnect();
  }

  private async make(numPartitions: number, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await makeTopic(this.admin, { topic: this.name, numPartitions, configEntries });
  }
}

/** Tries until it succeeds. @throws the error of the last try. */
async function untilDone(work: () => Promise<void>): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === 200) throw error;
    }
    await systemClock.sleep(50, new AbortController().signal);
  }
}
