import assert from "node:assert/strict";
import { assertNoStackTrace, Program, runToEnd, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { type KafkaBroker, kafkaIsExternal, startKafka } from "../support/kafka_broker.ts";
import { postgresIsExternal, type PostgresServer, startPostgres } from "../support/postgres_server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { Bus, handlerEnvironment, Sinks } from "../e2e/plant.ts";
import type { Environment } from "../support/executable.ts";
import { SmallDisk } from "./small_disk.ts";
import type { Oracle, Row } from "../support/oracle.ts";
import type { TopicRecord } from "../e2e/topic.ts";

const SETTLE_TIMEOUT_MS = 240_000;

/** The wires that can be cut. */
export type WireName = "bus" | "postgres" | "kafka";

/** Why nothing of this can be done to the servers there are; undefined: they are ours. */
export function theirServers(): string | undefined {
  return postgresIsExternal || kafkaIsExternal ? "the servers are not ours to kill" : undefined;
}

/**
 * A site with everything real: bus on disk, PostgreSQL, Kafka, the embedded sink, and the handler, which reaches the servers only by
 * wires that can be cut.
 */
export class Site implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    /** What the handler's files are on; undefined: no other than the rest. */
    readonly disk: SmallDisk | undefined,
    readonly bus: Bus,
    readonly kafka: KafkaBroker,
    readonly postgres: PostgresServer,
    readonly sinks: Sinks,
    readonly wires: Readonly<Record<WireName, TcpProxy>>,
    readonly environment: Environment,
    private readonly owned: AsyncDisposableStack,
  ) {}

  /** @param more Settings besides those that a site needs. */
  static async start(more: Environment = {}, hasSmallDisk = false): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "vabus-chaos-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const handlerDirectory = `${directory}/handler`;
    await Deno.mkdir(handlerDirectory);
    const disk = hasSmallDisk ? stack.use(SmallDisk.mount(handlerDirectory)) : undefined;
    const wires = {
      bus: stack.use(TcpProxy.start()),
      postgres: stack.use(TcpProxy.start()),
      kafka: stack.use(TcpProxy.start()),
    };
    const [kafka, postgres] = await Promise.all([startKafka(wires.kafka.port), startPostgres()]);
    const sinks = stack.use(Sinks.of(kafka, postgres, handlerDirectory));
    const busPort = freePort();
    const bus = stack.use(await Bus.start(`${directory}/bus`, busPort));
    const postgresUrl = new URL(postgres.url);
    wires.bus.leadTo(busPort);
    wires.postgres.leadTo(Number(postgresUrl.port));
    wires.kafka.leadTo(kafka.proxiedPort);
    postgresUrl.host = wires.postgres.address;
    const environment = handlerEnvironment(`http://${wires.bus.address}`, handlerDirectory, {
      ...sinks.environment,
      KAFKA_BOOTSTRAP_SERVERS: wires.kafka.address,
      POSTGRES_CONNECTION_STRING: postgresUrl.href,
      CHECKPOINT_INTERVAL: "0.2",
      ...more,
    });
    return new Site(directory, disk, bus, kafka, postgres, sinks, wires, environment, stack.move());
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

  /**
   * Waits until everything has arrived everywhere, ends the handler, and holds tables, topic and books against the oracle.
   *
   * @throws with the differences.
   */
  async prove(oracle: Oracle, handler: Program, rowsOf?: (records: TopicRecord[]) => Row[]): Promise<void> {
    this.mendWires();
    await this.sinks.assertEqual(oracle, SETTLE_TIMEOUT_MS, [handler], rowsOf);
    assert.equal(handler.exitCode, undefined, handler.tail());
    assert.equal(await handler.stop(), 0, handler.tail());
    assertNoStackTrace(handler);
    const proof = await runToEnd(["verify"], this.environment);
    assert.equal(proof.code, 0, proof.stdout + proof.stderr);
    const status = await runToEnd(["status", "--json"], this.environment);
    const { accounting } = JSON.parse(status.stdout);
    for (const [name, count] of Object.entries(oracle.counts)) assert.equal(accounting[name], count, name);
    assert.equal(accounting.lost, 0);
  }

  mendWires(): void {
    for (const wire of Object.values(this.wires)) wire.mend();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.owned[Symbol.asyncDispose]();
  }
}
