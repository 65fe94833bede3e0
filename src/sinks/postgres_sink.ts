import type { Aggregate } from "../aggregation/aggregate.ts";
import type { Logger } from "../log/logger.ts";
import { PostgresClient, type Sql } from "./postgres_client.ts";
import { type OutboxBatch, type ProvableSink, type SinkContext, SinkError } from "./sink.ts";

export interface PostgresSinkOptions {
  /** `postgres://user:password@host:5432/database?sslmode=…`; several hosts with commas take turns. */
  readonly connectionString: string;
  /** `table` or `schema.table`; quoted, so upper case counts. */
  readonly table: string;
  /** Whether to create the table when it is missing. */
  readonly createTable: boolean;
  readonly instance: string;
}

/** Several handlers may start at once and race for the same catalogue entry; the losers look again. */
const CREATE_ATTEMPTS = 3;
/** Settings of `synchronous_commit` that confirm rows which a crash or a fail-over can still lose. */
const WEAK_COMMITS = ["off", "local", "remote_write"];
const LOST_RACE_STATES = ["23505", "42P07", "42710"];

/**
 * Writes aggregates into a PostgreSQL table (13 or newer) by an idempotent upsert.
 *
 * A batch is one statement and therefore one transaction: there is never a half-open transaction to clean up. Its rows
 * are unique and sorted by primary key, so two writers cannot deadlock.
 */
export class PostgresSink implements ProvableSink {
  readonly name = "postgres";
  #client: PostgresClient | undefined;
  #connections = 0;
  /** The operator has said in the connection string when a commit counts. */
  #isDurabilityGiven = false;

  constructor(private readonly options: PostgresSinkOptions, private readonly logger: Logger) {}

  async open(context: SinkContext, signal: AbortSignal): Promise<number> {
    await this.close();
    const durability = await this.#durability(signal);
    this.#isDurabilityGiven = durability.isGiven;
    if (durability.flaw !== undefined) this.logger.warn(durability.flaw, { table: this.options.table });
    await this.#ensureTable(signal);
    // Writing no rows makes the server check everything but the rows: columns, types, primary key, privileges.
    await this.#query("the table", signal, (sql) => this.#upsert(sql, []));
    return context.cursor;
  }

  async write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    if (batch.aggregates.length === 0) return;
    const rows = uniqueSorted(batch.aggregates);
    await this.#query("the rows", signal, (sql) => this.#upsert(sql, rows));
  }

  async probe(signal: AbortSignal): Promise<string> {
    const [server] = await this.#query(
      "a first query",
      signal,
      (sql) => sql<{ version: string }[]>`select current_setting('server_version') as version`,
    );
    const { flaw } = await this.#durability(signal);
    const exists = await this.#tableExists(signal);
    if (!exists && !this.options.createTable) throw this.#tableMissing();
    if (exists) await this.#query("the table", signal, (sql) => sql`explain ${this.#upsert(sql, [])}`);
    const state = exists ? "is there" : "will be created";
    return `PostgreSQL ${server!.version}, table ${this.options.table} ${state}${
      flaw ? `. Warning: ${flaw}` : ""
    }`;
  }

  async sumOfCounts(instance: string, sinceMs: number, signal: AbortSignal): Promise<number> {
    const [row] = await this.#query("the sum of counts", signal, (sql) =>
      sql<{ total: number }[]>`
        select coalesce(sum(count), 0)::float8 as total from ${sql(this.options.table)}
        where instance = ${instance} and window_start >= to_timestamp(${sinceMs / 1000}::float8)`);
    return row!.total;
  }

  async rowsOfWindow(
    instance: string,
    windowStartMs: number,
    windowEndMs: number,
    signal: AbortSignal,
  ): Promise<Aggregate[]> {
    const rows = await this.#query(
      "the rows of a window",
      signal,
      (sql) =>
        sql<{ name: string; agg_func: string; value: number; count: number; revision: number }[]>`
        select name, agg_func, value::float8, count::float8, revision from ${sql(this.options.table)}
        where window_start = to_timestamp(${windowStartMs / 1000}::float8)
          and window_end = to_timestamp(${windowEndMs / 1000}::float8)
          and instance = ${instance}`,
    );
    return rows.map(({ name, agg_func: aggFunc, value, count, revision }) => ({
      name,
      aggFunc,
      value,
      windowStartMs,
      windowEndMs,
      count,
      revision,
    }));
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close();
  }

  /** Connects when there is no connection, and drops one that has failed. */
  async #query<Rows>(what: string, signal: AbortSignal, build: (sql: Sql) => Promise<Rows>): Promise<Rows> {
    this.#client ??= new PostgresClient(this.options.connectionString, this.#connections++, this.logger);
    try {
      return await this.#client.query(what, signal, build);
    } catch (error) {
      if (!(error instanceof SinkError && error.kind === "rejected")) await this.close();
      throw error;
    }
  }

  /** What the operator has said of `synchronous_commit`, and what is wrong with it. */
  async #durability(signal: AbortSignal): Promise<{ isGiven: boolean; flaw: string | undefined }> {
    const [found] = await this.#query(
      "when a commit counts",
      signal,
      (sql) =>
        sql<{ setting: string; source: string }[]>`
        select setting, source from pg_settings where name = 'synchronous_commit'`,
    );
    const isGiven = found?.source === "client";
    const isWeak = isGiven && WEAK_COMMITS.includes(found.setting);
    return {
      isGiven,
      flaw: isWeak
        ? `the connection string sets synchronous_commit to ${found.setting}: rows that the server has confirmed may be ` +
          "gone after its crash or a fail-over, and `redeliver` has to bring them again. Leave it out, and it is on"
        : undefined,
    };
  }

  async #ensureTable(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !await this.#tableExists(signal); attempt++) {
      if (!this.options.createTable) throw this.#tableMissing();
      try {
        await this.#query(
          "to create the table",
          signal,
          (sql) => sql.unsafe(createTable(this.options.table)),
        );
        this.logger.info("table created", { table: this.options.table });
      } catch (error) {
        if (attempt === CREATE_ATTEMPTS || !LOST_RACE_STATES.includes(stateOf(error))) throw error;
      }
    }
  }

  async #tableExists(signal: AbortSignal): Promise<boolean> {
    const [row] = await this.#query("to look for the table", signal, (sql) =>
      sql<{ exists: boolean }[]>`
        select to_regclass(${quoted(this.options.table)}) is not null as exists`);
    return row!.exists;
  }

  #tableMissing(): SinkError {
    const { table } = this.options;
    return new SinkError(
      "misconfigured",
      `PostgreSQL has no table ${table}, and POSTGRES_CREATE_TABLE is false. Run: ${createTable(table)}`,
    );
  }

  #upsert(sql: Sql, rows: readonly Aggregate[]) {
    // In the statement itself: a pooler between us and the server may give each transaction another session.
    const durably = this.#isDurabilityGiven ? sql`` : sql`
      with durability as (select set_config('synchronous_commit',
        case when setting in ${sql(WEAK_COMMITS)} then 'on' else setting end, true)
        from current_setting('synchronous_commit') as setting)`;
    const isSet = this.#isDurabilityGiven ? sql`` : sql`where (select true from durability)`;
    return sql`
      ${durably}
      insert into ${sql(this.options.table)} as stored
        (name, agg_func, window_start, window_end, instance, value, count, revision)
      select name, agg_func, to_timestamp(window_start_ms / 1000), to_timestamp(window_end_ms / 1000),
        ${this.options.instance}::text, value, count::bigint, revision::int
      from unnest(
        ${textArray(rows.map((row) => row.name))}::text[],
        ${textArray(rows.map((row) => row.aggFunc))}::text[],
        ${numberArray(rows.map((row) => row.windowStartMs))}::float8[],
        ${numberArray(rows.map((row) => row.windowEndMs))}::float8[],
        ${numberArray(rows.map((row) => row.value))}::float8[],
        ${numberArray(rows.map((row) => row.count))}::float8[],
        ${numberArray(rows.map((row) => row.revision))}::float8[]
      ) as incoming (name, agg_func, window_start_ms, window_end_ms, value, count, revision)
      ${isSet}
      on conflict (name, agg_func, window_start, window_end, instance) do update
      set value = excluded.value, count = excluded.count, revision = excluded.revision, written_at = now()
      where excluded.revision > stored.revision`;
  }
}

/** A statement may touch each row once: of several revisions the highest stays. */
function uniqueSorted(aggregates: readonly Aggregate[]): Aggregate[] {
  const sorted = aggregates.toSorted((a, b) => compareKeys(a, b) || b.revision - a.revision);
  return sorted.filter((row, index) => index === 0 || compareKeys(sorted[index - 1]!, row) !== 0);
}

function compareKeys(a: Aggregate, b: Aggregate): number {
  return compareText(a.name, b.name) || compareText(a.aggFunc, b.aggFunc) ||
    a.windowStartMs - b.windowStartMs || a.windowEndMs - b.windowEndMs;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function textArray(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

function numberArray(numbers: readonly number[]): string {
  return `{${numbers.join(",")}}`;
}

function stateOf(error: unknown): string {
  return ((error as SinkError).cause as { code?: string } | undefined)?.code ?? "";
}

/** `schema.table` as quoted identifiers, the way the driver quotes them in statements. */
function quoted(table: string): string {
  return `"${table.replaceAll('"', '""').replaceAll(".", '"."')}"`;
}

function createTable(table: string): string {
  const index = `${table.split(".").at(-1)}_window_start`;
  return `\
create table if not exists ${quoted(table)} (
  name text not null,
  agg_func text not null,
  window_start timestamptz not null,
  window_end timestamptz not null,
  instance text not null,
  value float8 not null,
  count bigint not null,
  revision int not null,
  written_at timestamptz not null default now(),
  primary key (name, agg_func, window_start, window_end, instance)
);
create index if not exists ${quoted(index)} on ${quoted(table)} using brin (window_start);`;
}
