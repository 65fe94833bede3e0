import { Program, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { type KafkaBroker, startKafka } from "../support/kafka_broker.ts";
import { type PostgresServer, startPostgres } from "../support/postgres_server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { Bus, handlerEnvironment, Sinks } from "../e2e/plant.ts";
import type { Environment } from "../support/executable.ts";

/** The wires that can be cut. */
export type WireName = "bus" | "postgres" | "kafka";

/**
 * A site with everything real: bus on disk, PostgreSQL, Kafka, the embedded sink, and the handler, which reaches the servers only by
 * wires that can be cut.
 */
export class Site implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    readonly bus: Bus,
    readonly kafka: KafkaBroker,
    readonly postgres: PostgresServer,
    readonly sinks: Sinks,
    readonly wires: Readonly<Record<WireName, TcpProxy>>,
    readonly environment: Environment,
    private readonly owned: AsyncDisposableStack,
  ) {}

  static async start(more: Environment = {}): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "vabus-chaos-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const wires = {
      bus: stack.use(TcpProxy.start()),
      postgres: stack.use(TcpProxy.start()),
      kafka: stack.use(TcpProxy.start()),
    };
    const [kafka, postgres] = await Promise.all([startKafka(wires.kafka.port), startPostgres()]);
    const sinks = stack.use(Sinks.of(kafka, postgres, directory));
    const busPort = freePort();
    const bus = stack.use(await Bus.start(`${directory}/bus`, busPort));
    const postgresUrl = new URL(postgres.url);
    wires.bus.leadTo(busPort);
    wires.postgres.leadTo(Number(postgresUrl.port));
    wires.kafka.leadTo(kafka.proxiedPort);
    postgresUrl.host = wires.postgres.address;
    const environment = handlerEnvironment(`http://${wires.bus.address}`, directory, {
      ...sinks.environment,
      KAFKA_BOOTSTRAP_SERVERS: wires.kafka.address,
      POSTGRES_CONNECTION_STRING: postgresUrl.href,
      CHECKPOINT_INTERVAL: "0.2",
      ...more,
    });
    return new Site(directory, bus, kafka, postgres, sinks, wires, environment, stack.move());
  }

  startHandler(): Program {
    return Program.start(["run"], this.environment);
  }

  /** `kill -9`, and a new start; its sessions hold shared memory for a moment longer. */
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
