import { type Aggregate, describeSeries, firstWithLabels } from "../../aggregation/aggregate.ts";
import type { Logger } from "../../platform/log/logger.ts";
import {
  type OutboxBatch,
  type OutboxId,
  type Sink,
  type SinkAlarm,
  type SinkContext,
  SinkError,
} from "../../contract/sink.ts";
import { probeAnswer } from "../../contract/probe_answer.ts";
import { emptySink, missingRows, swallowedRows } from "../alarms.ts";
import type { AggregateColumns } from "../aggregate_columns.ts";
import { claim, claimLost } from "../claim_keeper.ts";
import type { PostgresConnection } from "./postgres_connection.ts";
import { WRITING } from "./postgres_errors.ts";
import { PostgresReadBack } from "./postgres_read_back.ts";
import { contradictions, missing, uniqueSorted, type Upsert, upsert } from "./postgres_rows.ts";
import { PostgresSession } from "./postgres_session.ts";
import { isLostRace, PostgresTables, type PostgresTablesOptions, type Prepared } from "./postgres_tables.ts";

export interface PostgresSinkOptions extends PostgresTablesOptions {
  /** The operator's name for the sink. */
  readonly id: string;
  readonly connection: PostgresConnection;
}

/** An open sink and its findings. */
interface Opened {
  readonly context: SinkContext;
  readonly prepared: Prepared;
}

/** A handler that starts at the same time may create the tables between two steps of a rehearsal. */
const REHEARSALS = 3;

/**
 * Writes aggregates into a PostgreSQL table (13 or newer) by an idempotent upsert.
 *
 * A batch is one statement and so one transaction: there is never an open transaction to clean up. Its rows
 * are unique and sorted by primary key, so two writers cannot deadlock.
 */
export class PostgresSink implements Sink {
  readonly id: string;
  readonly repeat = "upsert";
  readonly readBack: PostgresReadBack;
  private readonly session: PostgresSession;
  private readonly tables: PostgresTables;
  private opened: Opened | undefined;
  /** The outbox id that the claim must have reached by the writes since the sink was opened. */
  private writtenTo = 0;

  constructor(private readonly options: PostgresSinkOptions, private readonly logger: Logger) {
    this.id = options.id;
    this.session = new PostgresSession(options.connection, logger);
    this.tables = new PostgresTables(options, this.session);
    this.readBack = new PostgresReadBack(this.session, options.table);
  }

  async open(context: SinkContext, signal: AbortSignal): Promise<OutboxId> {
    await this.close();
    const prepared = await this.tables.prepare(signal);
    for (const table of prepared.made) this.logger.info("table created", { table });
    for (const flaw of prepared.flaws) this.logger.warn(flaw, { table: this.options.table });
    this.opened = { context, prepared };
    this.writtenTo = 0;
    if (prepared.isClaiming) await claim(this.tables.claim(signal), context, this.address, this.logger);
    const alarm = await this.missing(this.opened, signal);
    if (alarm !== undefined) context.alarm(alarm);
    return context.cursor;
  }

  async write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    if (batch.aggregates.length === 0) return;
    const rows = uniqueSorted(batch.aggregates);
    const { opened } = this;
    if (opened === undefined) throw new SinkError("unavailable", `${this.address} is not open.`);
    const { context, prepared } = opened;
    this.assertRoomForLabels(rows, prepared);
    const claim = prepared.isClaiming ? { life: context.claimant.life, nextId: batch.nextId } : undefined;
    const wanted = { ...this.upsert(rows, prepared), claim, overwrites: batch.overwrites };
    const [answer] = await this.session.query(WRITING, signal, (sql) => upsert(sql, wanted));
    const { written, isClaimed, claimedTo } = answer!;
    if (!isClaimed) throw await claimLost(this.tables.claim(signal), context, this.address);
    this.assertNotPutBack(claimedTo);
    this.writtenTo = Math.max(this.writtenTo, batch.nextId);
    if (written < rows.length) await this.explain(rows, opened, signal);
  }

  /** Does what `open` does, and a write without rows, in a transaction that is rolled back. */
  async probe(signal: AbortSignal): Promise<string> {
    for (let rehearsal = 1;; rehearsal++) {
      try {
        return await this.rehearse(signal);
      } catch (error) {
        if (rehearsal === REHEARSALS || !isLostRace(error)) throw error;
      }
    }
  }

  private async rehearse(signal: AbortSignal): Promise<string> {
    const [server] = await this.session.query(
      "a first query",
      signal,
      (sql) => sql<{ version: string }[]>`select current_setting('server_version') as version`,
    );
    const { isNew, flaws, labelsAdvice } = await this.session.rehearse(
      signal,
      () => this.tables.prepare(signal),
    );
    const state = isNew ? "will be created" : "is there";
    const labels = labelsAdvice === undefined ? [] : [`it takes no series with labels. ${labelsAdvice}`];
    const found = `PostgreSQL ${server!.version}, table ${this.options.table} ${state}`;
    return probeAnswer(found, [...flaws, ...labels]);
  }

  async close(): Promise<void> {
    await this.session.close();
  }

  private get address(): string {
    return `PostgreSQL, table ${this.options.table}`;
  }

  /**
   * Behind a pooler another server may take over, or a backup may be restored, while the connection stays.
   * Then the sink is opened again, which looks for the rows that were confirmed.
   */
  private assertNotPutBack(claimedTo: number | null): void {
    if (claimedTo === null || claimedTo >= this.writtenTo) return;
    throw new SinkError(
      "unavailable",
      `${this.address} is of an earlier time than what was written over this connection: it was restored, ` +
        "or a replica that was behind has taken over. It is opened again.",
    );
  }

  /** Refuses rows with labels where the key has none: series that differ only in labels would be one row. */
  private assertRoomForLabels(rows: AggregateColumns, { labelsAdvice }: Prepared): void {
    if (labelsAdvice === undefined) return;
    const labelled = firstWithLabels(rows);
    if (labelled === undefined) return;
    throw new SinkError(
      "misconfigured",
      `${this.address} takes no series with labels, such as ${describeSeries(labelled)}. ${labelsAdvice}`,
    );
  }

  private async missing(
    { context: { confirmed }, prepared }: Opened,
    signal: AbortSignal,
  ): Promise<SinkAlarm | undefined> {
    const { table } = this.options;
    if (!confirmed.any) return undefined;
    if (prepared.isNew) {
      return emptySink(confirmed, `the table ${table} was not there and had to be created again`);
    }
    const [found] = await this.session.query(
      "a first row",
      signal,
      (sql) => sql<{ any: boolean }[]>`select exists (select 1 from ${sql(table)}) as any`,
    );
    if (!found!.any) return emptySink(confirmed, `the table ${table} is empty`);
    const rows = uniqueSorted(confirmed.newest);
    return missingRows(confirmed, await this.missingOf(rows, prepared, signal));
  }

  /** Finds out why fewer rows were written than the batch has. Mostly they are there already. */
  private async explain(
    rows: AggregateColumns,
    { context, prepared }: Opened,
    signal: AbortSignal,
  ): Promise<void> {
    const sought = this.upsert(rows, prepared);
    context.contradicted(
      await this.session.query("the rows there", signal, (sql) => contradictions(sql, sought)),
    );
    const alarm = swallowedRows(await this.missingOf(rows, prepared, signal));
    if (alarm !== undefined) context.alarm(alarm);
  }

  private async missingOf(
    rows: AggregateColumns,
    prepared: Prepared,
    signal: AbortSignal,
  ): Promise<Aggregate[]> {
    const sought = this.upsert(rows, prepared);
    return await this.session.query("the rows there", signal, (sql) => missing(sql, sought));
  }

  private upsert(rows: AggregateColumns, { labelsAdvice, isDurable }: Prepared): Upsert {
    const { table, instance } = this.options;
    return { table, hasLabels: labelsAdvice === undefined, instance, rows, isDurable };
  }
}
