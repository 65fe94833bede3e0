import { until } from "../support/executable.ts";
import { type KafkaBroker, kafkaIsExternal, startKafka } from "../support/kafka_broker.ts";
import { postgresIsExternal, type PostgresServer, startPostgres } from "../support/postgres_server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

/** The proxies that can cut connections. */
export type WireName = "bus" | "postgres" | "kafka";

/** Why the servers must not be disturbed; undefined: they are ours. */
export function theirServers(): string | undefined {
  return postgresIsExternal || kafkaIsExternal ? "the servers are not ours to kill" : undefined;
}

/** Real servers, and the proxies by which the handler reaches them. */
export class Servers implements AsyncDisposable {
  private constructor(
    readonly kafka: KafkaBroker,
    readonly postgres: PostgresServer,
    readonly wires: Readonly<Record<WireName, TcpProxy>>,
    private readonly owned: AsyncDisposableStack,
  ) {}

  static async start(): Promise<Servers> {
    await using stack = new AsyncDisposableStack();
    const wires = {
      bus: stack.use(TcpProxy.start()),
      postgres: stack.use(TcpProxy.start()),
      kafka: stack.use(TcpProxy.start()),
    };
    const [kafka, postgres] = await Promise.all([
      startKafka({ proxyPort: wires.kafka.port }),
      startPostgres(),
    ]);
    stack.defer(() => kafka.remove());
    stack.defer(() => postgres.remove());
    wires.postgres.leadTo(Number(new URL(postgres.url).port));
    wires.kafka.leadTo(kafka.proxiedPort);
    return new Servers(kafka, postgres, wires, stack.move());
  }

  /** `kill -9` and a new start. The sessions keep shared memory for a moment longer. */
  async crashPostgres(): Promise<void> {
    await this.postgres.kill();
    await until(async () => {
      await this.postgres.start();
      return true;
    }, "PostgreSQL to start again");
  }

  async crashKafka(): Promise<void> {
    await this.kafka.kill();
    await this.kafka.start();
  }

  mendWires(): void {
    for (const wire of Object.values(this.wires)) wire.mend();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.owned[Symbol.asyncDispose]();
  }
}
