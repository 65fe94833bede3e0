/** The surroundings of a handler under test: its bus, its environment, and the contents of its sinks. */
import { DatabaseSync } from "node:sqlite";
import postgres from "postgres";
import { type BusServer, startBus } from "../../src/bus/server.ts";
import { type Environment, PATIENCE_MS, Program, until } from "../support/executable.ts";
import { jsonBatches, type StreamEvent } from "../support/event_stream.ts";
import { freePort } from "../support/free_port.ts";
import { type KafkaBroker, startKafka } from "../support/kafka_broker.ts";
import { sharedKafka, sharedPostgres } from "../support/shared_servers.ts";
import type { Oracle, Row } from "../support/oracle.ts";
import { type PostgresServer, startPostgres } from "../support/postgres_server.ts";
import { latestRows, readTopic, type TopicRecord } from "./topic.ts";
import { SILENT } from "../support/logs.ts";

export const INSTANCE = "e2e";
const PUBLISH_BATCH_SIZE = 5000;

/**
 * The reference bus, in memory and in the process of the test: most tests need no more of one, and a program
 * takes long to start.
 */
export class Bus implements AsyncDisposable {
  protected constructor(readonly url: string, private readonly server?: BusServer) {}

  static start(): Promise<Bus> {
    const server = startBus({
      hostname: "127.0.0.1",
      port: 0,
      store: { kind: "memory" },
      maxEvents: 10_000_000,
      maxBytes: 2 ** 32,
      consumerExpiryMs: 86_400_000,
      allowedHosts: [],
      logger: SILENT,
    });
    return Promise.resolve(new Bus(server.url, server));
  }

  /** Publishes events, given as JSON texts, in their order. */
  async publish(texts: Iterable<string>): Promise<void> {
    for (const body of jsonBatches(texts, PUBLISH_BATCH_SIZE)) await this.publishBatch(body);
  }

  /** Publishes one JSON array of events. */
  async publishBatch(body: string): Promise<void> {
    if (!await this.offerBatch(body)) throw new Error("the log of the bus is full");
  }

  /** The same. Where the event log is full until the handler has acknowledged more, nothing is published. */
  async offerBatch(body: string): Promise<boolean> {
    const reply = await fetch(`${this.url}/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const text = await reply.text();
    if (reply.status === 429) return false;
    if (reply.status !== 202) throw new Error(`the bus answered a batch with ${reply.status}: ${text}`);
    return true;
  }

  /** The values of one of the handler's own metrics, as the bus has received them. */
  async metric(name: string): Promise<number[]> {
    const reply = await fetch(`${this.url}/metrics?offset=0&limit=100000`);
    if (reply.status !== 200) throw new Error(`the bus answered /metrics with ${reply.status}`);
    const { events } = await reply.json() as { events: { name: string; value: number; timestamp: number }[] };
    return events.filter((event) => event.name === name).map((event) => event.value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server?.close();
  }
}

/** The same as a process of the executable. */
export class BusProgram extends Bus {
  private constructor(
    url: string,
    private readonly port: number,
    private readonly directory: string | undefined,
    private readonly flags: readonly string[],
    public program: Program,
  ) {
    super(url);
  }

  /**
   * @param directory Directory of its event log. Undefined: in memory.
   * @param flags Further flags of `bus`.
   */
  static override async start(
    directory?: string,
    port: number = freePort(),
    flags: readonly string[] = [],
  ): Promise<BusProgram> {
    const program = startBusProgram(port, directory, flags);
    const bus = new BusProgram(`http://127.0.0.1:${port}`, port, directory, flags, program);
    await bus.healthy();
    return bus;
  }

  /** Ends the bus as a power cut would. */
  async kill(): Promise<void> {
    await this.program.kill9();
  }

  /** Starts it again, on the same log and address. */
  async restart(): Promise<void> {
    this.program = startBusProgram(this.port, this.directory, this.flags);
    await this.healthy();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }

  private async healthy(): Promise<void> {
    await until(
      async () => {
        if (this.program.exitCode !== undefined) throw new Error("the bus has ended");
        const reply = await fetch(`${this.url}/healthz`);
        await reply.body?.cancel();
        return reply.status === 200;
      },
      "the bus to answer",
      PATIENCE_MS,
      [this.program],
    );
  }
}

function startBusProgram(port: number, directory: string | undefined, flags: readonly string[]): Program {
  const store = directory === undefined ? ["--memory"] : ["--data-dir", directory];
  return Program.start(["bus", "--listen", `127.0.0.1:${port}`, ...store, ...flags]);
}

/** A handler with all its files below `directory`, without listener and metrics, and with short patience. */
export function handlerEnvironment(busUrl: string, directory: string, more: Environment = {}): Environment {
  return {
    VABUS_URL: busUrl,
    STATE_DIR: `${directory}/state`,
    SQLITE_PATH: sqlitePath(directory),
    INSTANCE_ID: INSTANCE,
    HTTP_LISTEN: "off",
    METRICS_INTERVAL: "0",
    IDLE_TIMEOUT: "1",
    ...more,
  };
}

/** Where a handler of {@link handlerEnvironment} has its SQLite sink. */
export function sqlitePath(directory: string): string {
  return `${directory}/aggregates.sqlite`;
}

/** The contents of a sink. */
export interface Arrivals {
  rows(): Promise<Row[]>;
  /** Events in all of its rows; 0 as long as there is no table. */
  sumOfCounts(): Promise<number>;
}

export function sqliteSink(path: string): Arrivals {
  const read = <T>(sql: string, whenMissing: T, take: (rows: Record<string, unknown>[]) => T): T => {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { readOnly: true, timeout: PATIENCE_MS });
      return take(database.prepare(sql).all());
    } catch (error) {
      if (/unable to open|no such table/.test(String(error))) return whenMissing;
      throw error;
    } finally {
      database?.close();
    }
  };
  return {
    rows: () => Promise.resolve(read("SELECT * FROM aggregated_events", [], (rows) => rows.map(sqliteRow))),
    sumOfCounts: () =>
      Promise.resolve(
        read("SELECT coalesce(sum(count), 0) AS total FROM aggregated_events", 0, (rows) =>
          Number(rows[0]!.total)),
      ),
  };
}

const NO_LABELS = "{}";

function labelled(labels: string): Pick<Row, "labels"> {
  return labels === NO_LABELS ? {} : { labels };
}

function sqliteRow(row: Record<string, unknown>): Row {
  return {
    name: String(row.name),
    // A table of a former version has no such column.
    ...labelled(String(row.labels ?? NO_LABELS)),
    aggFunc: String(row.agg_func),
    windowStartMs: Math.round(Number(row.window_start) * 1000),
    windowEndMs: Math.round(Number(row.window_end) * 1000),
    value: Number(row.value),
    count: Number(row.count),
    revision: Number(row.revision),
    instance: String(row.instance),
  };
}

/** @param url With a database that the handler writes to as well. */
export function postgresSink(url: string, table = "aggregated_events"): Arrivals {
  const query = async <T>(run: (sql: postgres.Sql) => Promise<T>, whenMissing: T): Promise<T> => {
    const sql = postgres(url, { max: 1, connect_timeout: PATIENCE_MS / 1000, onnotice: () => {} });
    try {
      return await run(sql);
    } catch (error) {
      if (error instanceof postgres.PostgresError && error.code === "42P01") return whenMissing;
      throw error;
    } finally {
      await sql.end({ timeout: 1 });
    }
  };
  return {
    rows: () =>
      query(async (sql) => {
        const rows = await sql<(Omit<Row, "count"> & { count: string; labels: string })[]>`
          SELECT name, labels::text, agg_func AS "aggFunc", value, count, revision, instance,
            (extract(epoch FROM window_start) * 1000)::float8 AS "windowStartMs",
            (extract(epoch FROM window_end) * 1000)::float8 AS "windowEndMs"
          FROM ${sql(table)}`;
        return rows.map(({ labels, ...row }) => ({ ...row, ...labelled(labels), count: Number(row.count) }));
      }, []),
    sumOfCounts: () =>
      query(async (sql) => {
        const [row] = await sql`SELECT coalesce(sum(count), 0)::float8 AS total FROM ${sql(table)}`;
        return Number(row!.total);
      }, 0),
  };
}

/** All three sinks, on real servers, with a table and a topic that no other test uses. */
export class Sinks implements AsyncDisposable {
  readonly environment: Environment;
  readonly inPostgres: Arrivals;
  readonly inSqlite: Arrivals;

  private constructor(
    readonly kafka: KafkaBroker,
    readonly postgres: PostgresServer,
    directory: string,
    private readonly topic: string,
  ) {
    const table = topic.replaceAll("-", "_");
    this.inPostgres = postgresSink(postgres.url, table);
    this.inSqlite = sqliteSink(sqlitePath(directory));
    this.environment = {
      STORAGE_TYPE: "kafka,postgres,sqlite",
      KAFKA_BOOTSTRAP_SERVERS: kafka.brokers.join(","),
      KAFKA_TOPIC: topic,
      POSTGRES_CONNECTION_STRING: postgres.url,
      POSTGRES_TABLE: table,
      // Of its own too: the transactions in Kafka are those of the instance.
      INSTANCE_ID: topic,
    };
  }

  /** @param directory That of the handler, see {@link handlerEnvironment}. */
  static async start(directory: string): Promise<Sinks> {
    const [kafka, postgres] = await Promise.all([sharedKafka(), sharedPostgres()]);
    return Sinks.of(kafka, postgres, directory);
  }

  /** Over servers of their own, which may be stopped. */
  static async startAlone(directory: string): Promise<Sinks> {
    const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
    return Sinks.of(kafka, postgres, directory);
  }

  /** Over servers that run already, of which it takes care from now on. */
  static of(kafka: KafkaBroker, postgres: PostgresServer, directory: string): Sinks {
    return new Sinks(kafka, postgres, directory, `e2e-${crypto.randomUUID().slice(0, 8)}`);
  }

  /**
   * Waits until all of them account for the oracle's events, and compares every row.
   *
   * @param rowsOf What a reader of the topic is left with. Default: nothing may be there twice.
   * @throws with the differences.
   */
  async assertEqual(
    oracle: Oracle,
    timeoutMs: number,
    programs: readonly Program[],
    rowsOf: (records: TopicRecord[]) => Row[] = latestRows,
  ): Promise<void> {
    const { aggregated } = oracle.counts;
    await arrival(this.inSqlite, aggregated, "SQLite", timeoutMs, programs);
    await arrival(this.inPostgres, aggregated, "PostgreSQL", timeoutMs, programs);
    const inKafka = {
      rows: async () => rowsOf(await readTopic(this.kafka.brokers, this.topic)),
      sumOfCounts: async () => (await inKafka.rows()).reduce((sum, row) => sum + row.count, 0),
    };
    await arrival(inKafka, aggregated, "Kafka", timeoutMs, programs);
    oracle.assertRows(await this.inSqlite.rows(), "SQLite", this.topic);
    oracle.assertRows(await this.inPostgres.rows(), "PostgreSQL", this.topic);
    oracle.assertRows(await inKafka.rows(), "Kafka", this.topic);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.kafka.remove(), this.postgres.remove()]);
  }
}

/** Waits until a sink accounts for `total` events. @throws with how far it got. */
export async function arrival(
  sink: Arrivals,
  total: number,
  where: string,
  timeoutMs: number,
  programs: readonly Program[],
): Promise<void> {
  let seen = 0;
  await until(
    async () => (seen = await sink.sumOfCounts()) === total,
    () => `${where} to account for ${total} events; it accounts for ${seen}`,
    timeoutMs,
    programs,
  );
}

/** Shows each event to `observer` while it passes by, and goes on with its text. */
export function* observed(
  events: Iterable<StreamEvent>,
  observer: { add(event: StreamEvent): void },
): Generator<string> {
  for (const event of events) {
    observer.add(event);
    yield event.text;
  }
}
