import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import type { Logger } from "../../../src/platform/log/logger.ts";
import { KafkaSink, type KafkaSinkOptions } from "../../../src/sinks/kafka/kafka_sink.ts";
import { highestRevisions, type SinkBackend } from "../../contract/sink_samples.ts";
import { readTopic, rowOf } from "../../e2e/topic.ts";
import type { KafkaBroker } from "../../support/kafka_broker.ts";
import type { TcpProxy } from "../../support/tcp_proxy.ts";

let topics = 0;

/** A name that no topic has. */
export function newTopic(): string {
  return `t${crypto.randomUUID().slice(0, 8)}-${topics++}`;
}

/** The topics of a broker, each a backend for sinks. */
export class KafkaBackends {
  constructor(private readonly broker: KafkaBroker, private readonly logger: Logger) {}

  /** By default of an instance of its own: instances name the group and the producer. */
  createSink(topic: string, options: Partial<KafkaSinkOptions> = {}): KafkaSink {
    const instance = `plant-1.${topic}`;
    const bootstrapServers = this.broker.brokers;
    const usual = { id: "kafka", delivery: "exactly-once", compression: "none", clock: systemClock } as const;
    return new KafkaSink({ ...usual, bootstrapServers, topic, instance, ...options }, this.logger);
  }

  /** Every committed record of the topic, the repeated ones too. */
  async readAll(topic: string, instance = `plant-1.${topic}`): Promise<Aggregate[]> {
    const rows = (await readTopic(this.broker.brokers, topic)).map(({ value }) => rowOf(value));
    return rows.filter((row) => row.instance === instance).map(({ instance: _, ...aggregate }) => aggregate);
  }

  /**
   * A new topic, made by the first sink that is opened. @param wire In front of the broker; undefined: there
   * is none.
   */
  create(delivery: KafkaSinkOptions["delivery"], wire: TcpProxy | undefined): SinkBackend {
    const topic = newTopic();
    const createSink = (instance: string, options: Partial<KafkaSinkOptions> = {}) =>
      this.createSink(topic, { instance, delivery, ...options });
    return {
      createSink,
      ...(wire && {
        createWiredSink: (instance: string) => ({
          sink: createSink(instance, { bootstrapServers: [wire.address] }),
          wire,
        }),
      }),
      read: async (instance) => highestRevisions(await this.readAll(topic, instance)),
      remove: () => Promise.resolve(),
    };
  }
}
