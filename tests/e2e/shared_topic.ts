/** Events in all partitions of a topic, and what the rows of all instances together must come to. */
import assert from "node:assert/strict";
import postgres from "postgres";
import type { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { PATIENCE_MS, type Program, until } from "../support/executable.ts";
import { randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { arrival, type Arrivals, postgresSink } from "./plant.ts";

export const WINDOW_MS = 1000;
const WINDOWS = 20;
const NAMES = 20;
const RECORDS_A_SEND = 1000;
/** So few that what is published beside other work stays a small load for a busy machine. */
const EVENTS_AT_A_TIME = 50;

export class SharedTopic {
  readonly table: string;
  readonly rows: Arrivals;
  /** The sum and the number of the events of each name, as they were published. */
  private readonly published = new Map<string, { sum: number; count: number }>();
  private readonly baseMs = recentBaseMs(WINDOW_MS, WINDOWS);
  private readonly random;
  private sent = 0;

  /** @param postgresUrl Of the database with the one table of all instances. */
  constructor(
    readonly topic: KafkaTopic,
    private readonly partitions: number,
    private readonly postgresUrl: string,
    seed: number,
  ) {
    this.table = topic.name.replaceAll("-", "_");
    this.rows = postgresSink(postgresUrl, this.table);
    this.random = randomNumbers(seed);
  }

  /** How many events were published. */
  get total(): number {
    return this.sent;
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
    this.sent += events;
    for (let at = 0; at < events; at += RECORDS_A_SEND) {
      await this.topic.send(messages.slice(at, at + RECORDS_A_SEND));
    }
  }

  /** Publishes again and again while `work` goes on. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    let isOver = false;
    const load = (async () => {
      while (!isOver) await this.publish(EVENTS_AT_A_TIME);
    })();
    // It is reported below, after the work.
    load.catch(() => {});
    try {
      return await work();
    } finally {
      isOver = true;
      await load;
    }
  }

  /** Waits until the rows stand for as many events as were published, at least. */
  async assertNoneMissing(programs: readonly Program[]): Promise<void> {
    await until(
      async () => await this.sumOf("count") >= this.total,
      `${this.total} events`,
      PATIENCE_MS,
      programs,
    );
  }

  /** Waits until everything is in the table: each event once, in the rows of one instance or another. */
  async assertExact(programs: readonly Program[]): Promise<void> {
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

  /** Makes the view by its script, over one of an older form, and compares what it joins. */
  async assertJoined(script: string): Promise<void> {
    const view = `joined_${this.table}`;
    const sql = postgres(this.postgresUrl, { max: 1, onnotice: () => {} });
    try {
      await sql.unsafe(`CREATE VIEW ${view} AS SELECT instance AS older, name FROM ${this.table}`);
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
}
