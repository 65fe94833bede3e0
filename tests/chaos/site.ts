import assert from "node:assert/strict";
import { BusProgram, handlerEnvironment, Sinks } from "../e2e/plant.ts";
import type { TopicRecord } from "../e2e/topic.ts";
import {
  assertNoStackTrace,
  type Environment,
  PATIENCE_MS,
  Program,
  runToEnd,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import type { Oracle, Row } from "../support/oracle.ts";
import type { Servers } from "./servers.ts";
import { SmallDisk } from "./small_disk.ts";

export interface SiteOptions {
  /** Settings of the handler besides those that a site needs. */
  readonly environment?: Environment;
  /** The handler's files are on a file system of their own, which can be filled. */
  readonly hasSmallDisk?: boolean;
}

/**
 * A site with real parts: bus on disk, PostgreSQL, Kafka, the embedded sink, and the handler, which reaches
 * the servers only by proxies that can cut connections. Table and topic are its own; the servers may be
 * shared.
 */
export class Site implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    /** What the handler's files are on; undefined: no other than the rest. */
    readonly disk: SmallDisk | undefined,
    readonly bus: BusProgram,
    readonly servers: Servers,
    readonly sinks: Sinks,
    readonly environment: Environment,
    private readonly owned: AsyncDisposableStack,
  ) {}

  static async start(servers: Servers, options: SiteOptions = {}): Promise<Site> {
    const { kafka, postgres, wires } = servers;
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "vabus-chaos-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const handlerDirectory = `${directory}/handler`;
    await Deno.mkdir(handlerDirectory);
    const disk = options.hasSmallDisk ? stack.use(SmallDisk.mount(handlerDirectory)) : undefined;
    const busPort = freePort();
    const bus = stack.use(await BusProgram.start(`${directory}/bus`, busPort));
    wires.bus.leadTo(busPort);
    stack.defer(() => servers.mendWires());
    // Not to be disposed of: the servers go on.
    const sinks = Sinks.of(kafka, postgres, handlerDirectory);
    const postgresUrl = new URL(postgres.url);
    postgresUrl.host = wires.postgres.address;
    const environment = handlerEnvironment(`http://${wires.bus.address}`, handlerDirectory, {
      ...sinks.environment,
      KAFKA_BOOTSTRAP_SERVERS: wires.kafka.address,
      POSTGRES_CONNECTION_STRING: postgresUrl.href,
      CHECKPOINT_INTERVAL: "0.2",
      ...options.environment,
    });
    return new Site(directory, disk, bus, servers, sinks, environment, stack.move());
  }

  startHandler(): Program {
    return Program.start(["run"], this.environment);
  }

  /**
   * Waits until every sink has everything, ends the handler, and compares tables, topic and books with the
   * oracle.
   *
   * @throws with the differences.
   */
  async prove(oracle: Oracle, handler: Program, rowsOf?: (records: TopicRecord[]) => Row[]): Promise<void> {
    this.servers.mendWires();
    await this.sinks.assertEqual(oracle, PATIENCE_MS, [handler], rowsOf);
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.owned[Symbol.asyncDispose]();
  }
}
