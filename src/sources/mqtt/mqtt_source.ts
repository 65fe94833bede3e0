import type { Partition, Source, SourceContext } from "../../contract/source.ts";
import { Introduction } from "./introduction.ts";
import type { MqttOptions } from "./mqtt_options.ts";
import { MqttPartition } from "./mqtt_partition.ts";
import { MqttSession } from "./mqtt_session.ts";
import { versionName } from "./packet_types.ts";
import { SparkplugPartition } from "./sparkplug/sparkplug_partition.ts";
import { tryCommandRight } from "./sparkplug/command_right.ts";
import { subscribe } from "./subscribing.ts";
import { plainFilter } from "./topic_filter.ts";

/** Topics of an MQTT broker, read in a session that the broker keeps while the handler is away. */
export class MqttSource implements Source {
  readonly id: string;
  private session: MqttSession | undefined;
  private sparkplug: SparkplugPartition | undefined;

  constructor(private options: MqttOptions) {
    this.id = options.name;
  }

  /** Takes other credentials, from the next connection on. */
  change(options: MqttOptions): void {
    this.options = options;
    this.session?.change(options);
  }

  async open(context: SourceContext): Promise<readonly Partition[]> {
    await this.close();
    const { options } = this;
    const session = this.session = new MqttSession(options, context.logger);
    if (options.sparkplug === undefined) return [new MqttPartition(options, session, context)];
    const partition = this.sparkplug = new SparkplugPartition(
      {
        ...options.sparkplug,
        name: options.name,
        publish: (topic, payload) => session.publish({ topic, payload, isRetained: false }),
      },
      context,
      (reader) => new MqttPartition({ ...options, reader }, session, context),
    );
    session.connected = () => partition.interrupted();
    return [partition];
  }

  async probe(signal: AbortSignal): Promise<string> {
    const { filters, qos, sparkplug } = this.options;
    // A client of its own, since a second client with the id of the source would throw the first one out.
    const visitor = { suffix: "-check", isClean: true, will: "passing" } as const;
    const { connection } = await new Introduction().introduce(
      this.options,
      visitor,
      // Copies, which end with the connection.
      () => () => {},
      undefined,
      signal,
    );
    try {
      // A member of a group would take messages away from the others.
      const plain = [...new Set(filters.map(plainFilter))];
      await subscribe(connection, plain, qos, 2, signal);
      const what = plain.length === 1 ? "the filter is" : `${plain.length} filters are`;
      const granted = `${versionName(connection.level)}, ${what} granted with QoS ${qos}`;
      if (sparkplug === undefined) return granted;
      return `${granted}; ${await tryCommandRight(connection, plain, signal)}`;
    } finally {
      await connection.close();
    }
  }

  async close(): Promise<void> {
    const { session, sparkplug } = this;
    this.session = undefined;
    this.sparkplug = undefined;
    sparkplug?.close();
    await session?.close();
  }
}
