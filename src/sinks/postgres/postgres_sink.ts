import { type Aggregate, describeSeries } from "../../aggregation/aggregate.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { emptySink, missingRows, swallowedRows } from "../alarms.ts";
import { claim, claimLost } from "../claim_keeper.ts";
import { columnFlaw } from "./postgres_columns.ts";
import { createWriterTable, PostgresClaim } from "./postgres_claim.ts";
import type { PostgresConnection } from "./postgres_connection.ts";
import { PostgresReadBack } from "./postgres_read_back.ts";
import { PostgresSession } from "./postgres_session.ts";
import { WRITING } from "./postgres_errors.ts";
import { contradictions, missing, uniqueSorted, type Upsert, upsert, WEAK_COMMITS } from "./postgres_rows.ts";
import { addLabels, createTable } from "./postgres_table.ts";
import { quoted, writerTableOf } from "./postgres_table_name.ts";
import {
  type OutboxBatch,
  type Sink,
  type SinkAlarm,
  type SinkContext,
  SinkError,
} from "../../contract/sink.ts";

/** What writing needs is there. */
interface Prepared {
  /** Whether the table of the rows had to be made. */
  readonly isNew: boolean;
  /** Tables that had to be made. */
  readonly made: readonly string[];
  /** What keeps nobody from writing, and ought to be known. */
  readonly flaws: readonly string[];
}

export interface PostgresSinkOptions {
  /** What the operator calls it. */
  readonly id: string;
  readonly connection: PostgresConnection;
  /** `table` or `schema.table`; quoted, so upper case counts. */
  readonly table: string;
  /** Whether to create the table when it is missing. */
  readonly createTable: boolean;
  readonly instance: string;
}

/** Several handlers may start at once and race for the same catalogue entry; the losers look again. */
const CREATE_ATTEMPTS = 3;
const LOST_RACE_STATES = ["23505", "42P07", "42710"];

/**
 * Writes aggregates into a PostgreSQL table (13 or newer) by an idempotent upsert.
 *
 * A batch is one statement and therefore one transaction: there is never a half-open transaction to clean up. Its rows
 * are unique and sorted by primary key, so two writers cannot deadlock.
 */
export class PostgresSink implements Sink {
  readonly id: string;
  readonly repeat = "upsert";
  readonly readBack: PostgresReadBack;
  private readonly session: PostgresSession;
  private context: SinkContext | undefined;
  /** What gives the table labels; undefined: it has them. */
  private addLabels: string | undefined;
  /** Whether there is a table that holds who writes here. */
  private isClaiming = false;
  /** The operator has said in the connection string when a commit counts. */
  private isDurabilityGiven = false;

  constructor(private readonly options: PostgresSinkOptions, private readonly logger: Logger) {
    this.id = options.id;
    this.session = new PostgresSession(options.connection, logger);
    this.readBack = new PostgresReadBack(this.session, options.table);
  }

  async open(context: SinkContext, signal: AbortSignal): Promise<number> {
    await this.close();
    const { isNew, made, flaws } = await this.prepare(signal);
    for (const table of made) this.logger.info("table created", { table });
    for (const flaw of flaws) this.logger.warn(flaw, { table: this.options.table });
    this.context = context;
    if (this.isClaiming) await claim(this.claimStore(signal), context, this.address, this.logger);
    const alarm = await this.missing(isNew, context, signal);
    if (alarm !== undefined) context.alarm(alarm);
    return context.cursor;
  }

  async write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    if (batch.aggregates.length === 0) return;
    const rows = uniqueSorted(batch.aggregates);
    const context = this.context;
    if (context === undefined) throw new SinkError("unavailable", `${this.address} is not open.`);
    this.assertRoomForLabels(rows);
    const claim = this.isClaiming ? { life: context.claimant.life, nextId: batch.nextId } : undefined;
    const [answer] = await this.session.query(
      WRITING,
      signal,
      (sql) => upsert(sql, { ...this.upsert(rows, claim), overwrites: batch.overwrites }),
    );
    const { written, isClaimed } = answer!;
    if (!isClaimed) throw await claimLost(this.claimStore(signal), context, this.address);
    if (written < rows.length) await this.explain(rows, context, signal);
  }

  /** Does what `open` does, and a write of nothing, in a transaction that is undone. */
  async probe(signal: AbortSignal): Promise<string> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.rehearse(signal);
      } catch (error) {
        // A handler that starts at the same time has made the table.
        if (attempt === CREATE_ATTEMPTS || !LOST_RACE_STATES.includes(stateOf(error))) throw error;
      }
    }
  }

  private async rehearse(signal: AbortSignal): Promise<string> {
    const [server] = await this.session.query(
      "a first query",
      signal,
      (sql) => sql<{ version: string }[]>`select current_setting('server_version') as version`,
    );
    const { isNew, flaws } = await this.session.rehearse(signal, () => this.prepare(signal));
    const state = isNew ? "will be created" : "is there";
    const labels = this.addLabels === undefined
      ? []
      : [`it takes no series with labels. ${this.labelsAdvice}`];
    const warnings = [...flaws, ...labels].map((flaw) => `. Warning: ${flaw}`).join("");
    return `PostgreSQL ${server!.version}, table ${this.options.table} ${state}${warnings}`;
  }

  async close(): Promise<void> {
    await this.session.close();
  }

  /** What the operator has said of `synchronous_commit`, and what is wrong with it. */
  private async durability(signal: AbortSignal): Promise<{ isGiven: boolean; flaw: string | undefined }> {
    const [found] = await this.session.query(
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

  private async columnFlaw(signal: AbortSignal): Promise<string | undefined> {
    return await this.session.query("the columns", signal, (sql) => columnFlaw(sql, this.options.table));
  }

  private get address(): string {
    return `PostgreSQL, table ${this.options.table}`;
  }

  /** Makes what is missing and tries every right that writing takes. Flaws keep nobody from writing. */
  private async prepare(signal: AbortSignal): Promise<Prepared> {
    const durability = await this.durability(signal);
    this.isDurabilityGiven = durability.isGiven;
    const isNew = await this.ensureTable(signal);
    this.addLabels = await this.session.query("the key", signal, (sql) => addLabels(sql, this.options.table));
    // Writing no rows makes the server check everything but the rows: columns, types, primary key, privileges.
    await this.session.query("the table", signal, (sql) => upsert(sql, this.upsert([])));
    const columnFlaw = await this.columnFlaw(signal);
    const writerTable = await this.ensureWriterTable(signal);
    this.isClaiming = writerTable.flaw === undefined;
    const { table } = this.options;
    return {
      isNew,
      made: [...(isNew ? [table] : []), ...(writerTable.isNew ? [writerTableOf(table)] : [])],
      flaws: [durability.flaw, columnFlaw, writerTable.flaw].filter((flaw) => flaw !== undefined),
    };
  }

  /** Without labels in the key, series that differ in them alone would be one row. */
  private assertRoomForLabels(rows: readonly Aggregate[]): void {
    if (this.addLabels === undefined) return;
    const labelled = rows.find(({ labels }) => labels !== undefined);
    if (labelled === undefined) return;
    throw new SinkError(
      "misconfigured",
      `${this.address} takes no series with labels, such as ${
        describeSeries(labelled)
      }. ${this.labelsAdvice}`,
    );
  }

  private get labelsAdvice(): string {
    return `It was made by a former version. Run: ${this.addLabels} It locks the table while the key is built; the rows wait`;
  }

  /** Returns whether it was made. */
  private async ensureTable(signal: AbortSignal): Promise<boolean> {
    const { table } = this.options;
    if (await this.exists(table, signal)) return false;
    if (!this.options.createTable) throw this.tableMissing();
    await this.create(table, createTable(table), signal);
    return true;
  }

  /** Where it cannot be had, nobody can tell whether two handlers run on copies of one state. */
  private async ensureWriterTable(signal: AbortSignal): Promise<{ isNew: boolean; flaw?: string }> {
    const { table } = this.options;
    const writerTable = writerTableOf(table);
    try {
      const isNew = !await this.exists(writerTable, signal);
      if (isNew) {
        if (!this.options.createTable) {
          throw new SinkError("misconfigured", "POSTGRES_CREATE_TABLE is false.");
        }
        await this.create(writerTable, createWriterTable(table), signal);
      }
      await this.claimStore(signal).tryRights();
      return { isNew };
    } catch (error) {
      if (!(error instanceof SinkError) || error.kind !== "misconfigured") throw error;
      const flaw =
        `two handlers on copies of one state cannot be noticed here, since the table ${writerTable} cannot be used: ` +
        `${error.message} Run: ${createWriterTable(table)} and grant SELECT, INSERT and UPDATE on it`;
      return { isNew: false, flaw };
    }
  }

  private claimStore(signal: AbortSignal): PostgresClaim {
    const { table, instance } = this.options;
    return new PostgresClaim(table, instance, (what, build) => this.session.query(what, signal, build));
  }

  private async missing(
    isNew: boolean,
    { confirmed }: SinkContext,
    signal: AbortSignal,
  ): Promise<SinkAlarm | undefined> {
    const { table } = this.options;
    if (!confirmed.any) return undefined;
    if (isNew) return emptySink(confirmed, `the table ${table} was not there and had to be made anew`);
    const [found] = await this.session.query(
      "a first row",
      signal,
      (sql) => sql<{ any: boolean }[]>`select exists (select 1 from ${sql(table)}) as any`,
    );
    if (!found!.any) return emptySink(confirmed, `the table ${table} is empty`);
    const rows = uniqueSorted(confirmed.newest);
    return missingRows(confirmed, await this.missingOf(rows, signal));
  }

  /** Tells why fewer rows were written than there are: most often they are there already. */
  private async explain(
    rows: readonly Aggregate[],
    context: SinkContext,
    signal: AbortSignal,
  ): Promise<void> {
    context.contradicted(
      await this.session.query("the rows there", signal, (sql) => contradictions(sql, this.upsert(rows))),
    );
    const alarm = swallowedRows(await this.missingOf(rows, signal));
    if (alarm !== undefined) context.alarm(alarm);
  }

  private async missingOf(rows: readonly Aggregate[], signal: AbortSignal): Promise<Aggregate[]> {
    return await this.session.query("the rows there", signal, (sql) => missing(sql, this.upsert(rows)));
  }

  private async create(table: string, statement: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !await this.exists(table, signal); attempt++) {
      try {
        await this.session.query("to create a table", signal, (sql) => sql.unsafe(statement));
      } catch (error) {
        if (attempt === CREATE_ATTEMPTS || !LOST_RACE_STATES.includes(stateOf(error))) throw error;
      }
    }
  }

  private async exists(table: string, signal: AbortSignal): Promise<boolean> {
    const [row] = await this.session.query(
      "to look for the table",
      signal,
      (sql) =>
        sql<{ exists: boolean }[]>`
        select to_regclass(${quoted(table)}) is not null as exists`,
    );
    return row!.exists;
  }

  private tableMissing(): SinkError {
    const { table } = this.options;
    return new SinkError(
      "misconfigured",
      `PostgreSQL has no table ${table}, and POSTGRES_CREATE_TABLE is false. Run: ${createTable(table)}`,
    );
  }

  private upsert(rows: readonly Aggregate[], claim?: Upsert["claim"]): Upsert {
    const { table, instance } = this.options;
    const hasLabels = this.addLabels === undefined;
    return { table, hasLabels, instance, rows, isDurable: !this.isDurabilityGiven, claim };
  }
}

function stateOf(error: unknown): string {
  return ((error as SinkError).cause as { code?: string } | undefined)?.code ?? "";
}
