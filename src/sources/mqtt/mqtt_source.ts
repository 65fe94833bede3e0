import { type Partition, type Source, type SourceContext, SourceError } from "../../contract/source.ts";
import { dialectOf } from "../../platform/net/dialect.ts";
import { Introduction } from "./introduction.ts";
import type { MqttOptions } from "./mqtt_options.ts";
import { MqttPartition } from "./mqtt_partition.ts";
import { MqttSession } from "./mqtt_session.ts";
import { versionName } from "./packet_types.ts";
import { SparkplugPartition } from "./sparkplug/sparkplug_partition.ts";
import { tryCommandRight } from "./sparkplug/command_right.ts";
import { assertTold, subscribe } from "./subscribing.ts";
import { Subscriptions } from "./subscriptions.ts";
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
    // What comes is copies, which end with the connection.
    const { connection } = await new Introduction().introduce(
      this.options,
      visitor,
      () => () => {},
      undefined,
      signal,
    ).catch(async (error) => {
      throw await this.explained(error, signal);
    });
    try {
      assertTold(connection, new Subscriptions(filters));
      // A member of a group would take messages away from the others.
      const plain = [...new Set(filters.map(plainFilter))];
      await subscribe(connection, new Subscriptions(plain), qos, 2, signal);
      const what = plain.length === 1 ? "the filter is" : `${plain.length} filters are`;
      const granted = `${versionName(connection.level)}, ${what} granted with QoS ${qos}`;
      if (sparkplug === undefined) return granted;
      return `${granted}; ${await tryCommandRight(connection, plain, signal)}`;
    } finally {
      await connection.close();
    }
  }

  /** A failure of a first contact, or what speaks there instead of MQTT. */
  private async explained(error: unknown, signal: AbortSignal): Promise<unknown> {
    const { host, port, tls } = this.options.access;
    if (tls !== undefined || !(error instanceof SourceError) || error.kind === "refused") return error;
    const dialect = await dialectOf(host, port, signal);
    if (dialect === undefined) return error;
    const advice = dialect === "TLS"
      ? "give VABUS_URL as mqtts://, or name the port without TLS"
      : "does VABUS_URL name the broker's port?";
    return new SourceError("refused", `${host}:${port} speaks ${dialect}, not MQTT: ${advice}`);
  }

  async close(): Promise<void> {
    const { session, sparkplug } = this;
    this.session = undefined;
    this.sparkplug = undefined;
    sparkplug?.close();
    await session?.close();
  }
}
