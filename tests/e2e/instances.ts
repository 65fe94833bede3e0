/** Several instances that share a topic, while their number changes and they are killed. */
import assert from "node:assert/strict";
import postgres from "postgres";
import { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import {
  type Environment,
  type Output,
  PATIENCE_MS,
  Program,
  runToEnd,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import type { KafkaBroker } from "../support/kafka_broker.ts";
import type { PostgresServer } from "../support/postgres_server.ts";
import { handlerEnvironment } from "./plant.ts";
import { SharedTopic, WINDOW_MS } from "./shared_topic.ts";

/** Of the admin listeners. */
export const VIEWER_TOKEN = "viewer-of-the-tests";

/** The instances of one group, each with a state of its own, and one table for all of them. */
export class Instances implements AsyncDisposable {
  private readonly running = new Map<number, Program>();
  private readonly ports = new Map<number, number>();

  private constructor(
    readonly events: SharedTopic,
    private readonly postgres: PostgresServer,
    private readonly directory: string,
  ) {}

  static async create(
    broker: KafkaBroker,
    postgres: PostgresServer,
    partitions: number,
    directory: string,
    seed: number,
  ): Promise<Instances> {
    const topic = await KafkaTopic.create(broker.brokers, partitions);
    return new Instances(new SharedTopic(topic, partitions, postgres.url, seed), postgres, directory);
  }

  /** Their processes, for messages of failing tests. */
  get programs(): Program[] {
    return [...this.running.values()];
  }

  stateOf(index: number): string {
    return `${this.directory}/${index}/state`;
  }

  /** The admin listener of an instance. */
  urlOf(index: number): string {
    if (!this.ports.has(index)) this.ports.set(index, freePort());
    return `http://127.0.0.1:${this.ports.get(index)}`;
  }

  environment(index: number, count: number): Environment {
    return handlerEnvironment(this.events.topic.url, `${this.directory}/${index}`, {
      INSTANCE_ID: `${this.events.topic.name}-${index}`,
      INSTANCE_GROUP: this.events.topic.name,
      INSTANCE_COUNT: `${count}`,
      INSTANCE_INDEX: `${index}`,
      STORAGE_TYPE: "postgres",
      POSTGRES_CONNECTION_STRING: this.postgres.url,
      POSTGRES_TABLE: this.events.table,
      AGGREGATION_INTERVAL: `${WINDOW_MS / 1000}`,
      AGG_FUNCTIONS: "*=sum,count,min,max,avg,last,p50",
      CHECKPOINT_INTERVAL: "0.2",
      HTTP_LISTEN: new URL(this.urlOf(index)).host,
      VIEWER_TOKEN,
      LOG_FORMAT: "text",
    });
  }

  start(index: number, count: number, flags: readonly string[] = []): Program {
    const program = Program.start(["run", ...flags], this.environment(index, count));
    this.running.set(index, program);
    return program;
  }

  /** Starts the instances below `count` anew, and those beyond it, so that they give away what they have. */
  async recount(count: number, kill: readonly number[] = []): Promise<void> {
    const known = [...this.running.keys()];
    await Promise.all(known.map((index) => kill.includes(index) ? this.kill(index) : this.stop(index)));
    const wanted = new Set([...known, ...Array.from({ length: count }, (_, index) => index)]);
    for (const index of wanted) this.start(index, count);
  }

  async kill(index: number): Promise<void> {
    await this.running.get(index)!.kill9();
  }

  async stop(index: number): Promise<void> {
    assert.equal(await this.running.get(index)!.stop(), 0, this.running.get(index)!.tail());
  }

  async stopAll(): Promise<void> {
    for (const index of this.running.keys()) await this.stop(index);
  }

  /** The instances that were ever started. */
  get indexes(): number[] {
    return [...this.running.keys()];
  }

  /** Has the states of all instances proven together. Returns what `verify` says. */
  async assertProven(count: number): Promise<string> {
    const { code, stdout, stderr } = await this.verify(
      count,
      this.indexes.map((index) => this.stateOf(index)),
    );
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^PROVEN: each instance/m);
    return stdout;
  }

  /** Runs `verify --fleet` over instances at these addresses. */
  async verify(
    count: number,
    addresses: readonly string[],
    more: Environment = {},
    flags: readonly string[] = [],
  ): Promise<Output> {
    return await runToEnd(["verify", "--fleet", addresses.join(","), ...flags], {
      ...this.environment(0, count),
      ...more,
    });
  }

  /** Deletes a row of an instance. */
  async loseRow(index: number): Promise<void> {
    const sql = postgres(this.postgres.url, { max: 1 });
    try {
      await sql.unsafe(
        `DELETE FROM ${this.events.table}
         WHERE ctid IN (SELECT ctid FROM ${this.events.table} WHERE instance = $1 LIMIT 1)`,
        [`${this.events.topic.name}-${index}`],
      );
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  program(index: number): Program {
    return this.running.get(index)!;
  }

  /** Waits until a partition is read by an instance that says so. */
  async takes(index: number, partition: number): Promise<void> {
    const words = `the partition is read here from now on`;
    const id = `${this.events.topic.name}/${partition}`;
    await until(
      () => this.program(index).stderr.split("\n").some((line) => line.includes(words) && line.includes(id)),
      `instance ${index} to take ${id}`,
      PATIENCE_MS,
      this.programs,
    );
  }

  /** Waits until the state of an instance has it that a partition is given away. */
  async givesAway(index: number, partition: number): Promise<void> {
    const words = new RegExp(`given away: .*\\b${this.events.topic.name}/${partition} to instance`);
    await until(
      async () => words.test((await runToEnd(["status"], this.environment(index, 1))).stdout),
      `instance ${index} to give away partition ${partition}`,
      PATIENCE_MS,
      this.programs,
    );
  }

  /** Kills an instance for good, and removes its state. */
  async lose(index: number): Promise<void> {
    await this.kill(index);
    this.running.delete(index);
    await Deno.remove(this.stateOf(index), { recursive: true });
  }

  /** Waits until an instance is ready. */
  async ready(index: number): Promise<void> {
    const isReady = async () => {
      const { body, ok } = await fetch(`${this.urlOf(index)}/readyz`);
      await body?.cancel();
      return ok;
    };
    await until(isReady, `instance ${index} to be ready`, PATIENCE_MS, [this.program(index)]);
  }

  /** Waits until an instance has this note of partitions everywhere; undefined: until it has none. */
  async tells(
    index: number,
    name: "partition_awaited" | "partition_taken",
    detail: RegExp | undefined,
  ): Promise<void> {
    const isSaid = (of: { notes?: { name: string; detail: string }[] }) => {
      const note = of.notes?.find((one) => one.name === name);
      return detail === undefined ? note === undefined : detail.test(note?.detail ?? "");
    };
    const answers = async () => {
      const headers = { authorization: `Bearer ${VIEWER_TOKEN}` };
      const json = async (path: string) => (await fetch(`${this.urlOf(index)}${path}`, { headers })).json();
      const told = await Promise.all(["/readyz", "/api/status", "/api/pipeline"].map(json));
      const status = async (...flags: string[]) =>
        (await runToEnd(["status", ...flags], this.environment(index, 1))).stdout;
      const words = name === "partition_awaited" ? "waited for" : "read by another instance";
      const isInText = new RegExp(`NOTE\\s+\\d+ partitions? of \\S+ (is|are) ${words}`).test(await status());
      return [...told, JSON.parse(await status("--json"))].every(isSaid) &&
        isInText === (detail !== undefined);
    };
    await until(answers, `${name} of instance ${index}`, PATIENCE_MS, [this.program(index)]);
  }

  /** Waits until rows of an instance are in the table. */
  async delivers(index: number): Promise<void> {
    await until(
      async () =>
        (await this.events.rows.rows()).some(({ instance }) =>
          instance === `${this.events.topic.name}-${index}`
        ),
      `rows of instance ${index}`,
      PATIENCE_MS,
      this.programs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.running.values()) await program[Symbol.asyncDispose]();
    await this.events.topic.remove();
  }
}
