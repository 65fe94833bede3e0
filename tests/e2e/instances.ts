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
import { randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { freePort } from "../support/free_port.ts";
import type { KafkaBroker } from "../support/kafka_broker.ts";
import type { PostgresServer } from "../support/postgres_server.ts";
import { arrival, type Arrivals, handlerEnvironment, postgresSink } from "./plant.ts";

const WINDOW_MS = 1000;
const WINDOWS = 20;
const NAMES = 20;
/** Of the admin listeners. */
export const VIEWER_TOKEN = "viewer-of-the-tests";

/** The instances of one group, each with a state of its own, and one table for all of them. */
export class Instances implements AsyncDisposable {
  readonly table: string;
  readonly rows: Arrivals;
  /** The sum and the number of the events of each name, as they were published. */
  readonly published = new Map<string, { sum: number; count: number }>();
  private readonly running = new Map<number, Program>();
  private readonly ports = new Map<number, number>();
  private readonly baseMs = recentBaseMs(WINDOW_MS, WINDOWS);
  private readonly random;
  private total = 0;

  constructor(
    readonly topic: KafkaTopic,
    private readonly partitions: number,
    private readonly postgres: PostgresServer,
    private readonly directory: string,
    seed: number,
  ) {
    this.table = topic.name.replaceAll("-", "_");
    this.rows = postgresSink(postgres.url, this.table);
    this.random = randomNumbers(seed);
  }

  static async create(
    broker: KafkaBroker,
    postgres: PostgresServer,
    partitions: number,
    directory: string,
    seed: number,
  ): Promise<Instances> {
    const topic = await KafkaTopic.create(broker.brokers, partitions);
    return new Instances(topic, partitions, postgres, directory, seed);
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
    return handlerEnvironment(this.topic.url, `${this.directory}/${index}`, {
      INSTANCE_ID: `${this.topic.name}-${index}`,
      INSTANCE_GROUP: this.topic.name,
      INSTANCE_COUNT: `${count}`,
      INSTANCE_INDEX: `${index}`,
      STORAGE_TYPE: "postgres",
      POSTGRES_CONNECTION_STRING: this.postgres.url,
      POSTGRES_TABLE: this.table,
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
        `DELETE FROM ${this.table}
         WHERE ctid IN (SELECT ctid FROM ${this.table} WHERE instance = $1 LIMIT 1)`,
        [`${this.topic.name}-${index}`],
      );
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  program(index: number): Program {
    return this.running.get(index)!;
  }

  /** Writes events over all partitions and windows, whole numbers, so that sums are exact. */
  async publish(events: number): Promise<void> {
    const messages = Array.from({ length: events }, (_, i) => {
      const name = `n${Math.floor(this.random() * NAMES)}`;
      const value = Math.floor(this.random() * 100);
      const timestamp = (this.baseMs + Math.floor(this.random() * WINDOWS * WINDOW_MS)) / 1000;
      const known = this.published.get(name) ?? { sum: 0, count: 0 };
      this.published.set(name, { sum: known.sum + value, count: known.count + 1 });
      return { partition: i % this.partitions, value: JSON.stringify({ name, value, timestamp }) };
    });
    this.total += events;
    for (let at = 0; at < events; at += 1000) await this.topic.send(messages.slice(at, at + 1000));
  }

  /** Waits until a partition is read by an instance that says so. */
  async takes(index: number, partition: number): Promise<void> {
    const words = `the partition is read here from now on`;
    const id = `${this.topic.name}/${partition}`;
    await until(
      () => this.program(index).stderr.split("\n").some((line) => line.includes(words) && line.includes(id)),
      `instance ${index} to take ${id}`,
      PATIENCE_MS,
      [...this.running.values()],
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

  /** Waits until an instance tells everywhere that it waits for partitions; undefined: that it does not. */
  async tells(index: number, detail: RegExp | undefined): Promise<void> {
    const isSaid = (of: { notes?: { name: string; detail: string }[] }) => {
      const note = of.notes?.find(({ name }) => name === "partition_awaited");
      return detail === undefined ? note === undefined : detail.test(note?.detail ?? "");
    };
    const answers = async () => {
      const headers = { authorization: `Bearer ${VIEWER_TOKEN}` };
      const json = async (path: string) => (await fetch(`${this.urlOf(index)}${path}`, { headers })).json();
      const told = await Promise.all(["/readyz", "/api/status", "/api/pipeline"].map(json));
      const status = async (...flags: string[]) =>
        (await runToEnd(["status", ...flags], this.environment(index, 1))).stdout;
      const isInText = /NOTE\s+\d+ partitions? of \S+ (is|are) waited for/.test(await status());
      return [...told, JSON.parse(await status("--json"))].every(isSaid) &&
        isInText === (detail !== undefined);
    };
    await until(answers, `what instance ${index} waits for`, PATIENCE_MS, [this.program(index)]);
  }

  /** Waits until the rows stand for as many events as were published, at least. */
  async assertNoneMissing(): Promise<void> {
    await until(
      async () => await this.sumOf("count") >= this.total,
      `${this.total} events`,
      PATIENCE_MS,
      [...this.running.values()],
    );
  }

  /** Waits until rows of an instance are in the table. */
  async delivers(index: number): Promise<void> {
    await until(
      async () => (await this.rows.rows()).some(({ instance }) => instance === `${this.topic.name}-${index}`),
      `rows of instance ${index}`,
      PATIENCE_MS,
      [...this.running.values()],
    );
  }

  /** Waits until everything is in the table: each event once, in the rows of one instance or another. */
  async assertExact(): Promise<void> {
    const programs = [...this.running.values()];
    const counted = { ...this.rows, sumOfCounts: async () => await this.sumOf("count") };
    await arrival(counted, this.total, "PostgreSQL", PATIENCE_MS, programs);
    const rows = await this.rows.rows();
    for (const [name, { sum, count }] of this.published) {
      const own = rows.filter((row) => row.name === name);
      const total = (func: string) =>
        own.filter(({ aggFunc }) => aggFunc === func).reduce((all, { value }) => all + value, 0);
      assert.deepEqual([total("sum"), total("count")], [sum, count], name);
    }
  }

  /** Makes the view by its script, and compares what it joins. */
  async assertJoined(script: string): Promise<void> {
    const view = `joined_${this.table}`;
    const sql = postgres(this.postgres.url, { max: 1, onnotice: () => {} });
    try {
      await sql.unsafe(
        script.replaceAll("aggregated_events", this.table).replaceAll("joined_aggregates", view),
      );
      const rows = await sql.unsafe(`SELECT * FROM ${view}`);
      const several = rows.filter(({ instances }) => instances > 1);
      assert.ok(several.length > 0, "partitions are not by name, so several instances have a series");
      for (const { agg_func, is_exact, value } of several) {
        assert.equal(is_exact, !["last", "p50"].includes(agg_func), agg_func);
        assert.equal(value === null, !is_exact, agg_func);
      }
      for (const [name, { sum, count }] of this.published) {
        const of = (func: string) => rows.filter((row) => row.name === name && row.agg_func === func);
        const total = (func: string) => of(func).reduce((all, { value }) => all + value, 0);
        assert.deepEqual([total("sum"), total("count")], [sum, count], name);
        const weighted = of("avg").reduce((all, row) => all + row.value * Number(row.count), 0);
        assert.ok(Math.abs(weighted - sum) < 1e-6 * Math.max(1, sum), name);
      }
      await sql.unsafe(`DROP VIEW ${view}`);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  private async sumOf(func: string): Promise<number> {
    const rows = await this.rows.rows();
    return rows.filter(({ aggFunc }) => aggFunc === func).reduce((all, { count }) => all + count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.running.values()) await program[Symbol.asyncDispose]();
    await this.topic.remove();
  }
}
