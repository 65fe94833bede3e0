import { AggregateColumns } from "../aggregate_columns.ts";
import { SinkError } from "../../contract/sink.ts";
import { createWriterTable, PostgresClaim } from "./postgres_claim.ts";
import { tableFlaws } from "./postgres_columns.ts";
import { upsert, WEAK_COMMITS } from "./postgres_rows.ts";
import type { PostgresSession } from "./postgres_session.ts";
import { addLabels, createTable } from "./postgres_table.ts";
import { quoted, writerTableOf } from "./postgres_table_name.ts";

/** The result of preparing the tables. */
export interface Prepared {
  /** Whether the table of the rows was created. */
  readonly isNew: boolean;
  /** Tables that were created. */
  readonly made: readonly string[];
  /** Problems that do not prevent writing, but that the operator should know. */
  readonly flaws: readonly string[];
  /** Why the table cannot have labels, and what to do, as sentences; undefined: it can. */
  readonly labelsAdvice: string | undefined;
  /** Whether there is a table for claims. */
  readonly isClaiming: boolean;
  /** Whether commits must be durable, which the operator can override in the connection string. */
  readonly isDurable: boolean;
}

export interface PostgresTablesOptions {
  /** `table` or `schema.table`. It is quoted, so upper and lower case differ. */
  readonly table: string;
  /** Whether to create the table when it is missing. */
  readonly createTable: boolean;
  readonly instance: string;
}

/** Several handlers may start at once and race for the same catalogue entry. Those that lose try again. */
const CREATE_ATTEMPTS = 3;
const LOST_RACE_STATES = ["23505", "42P07", "42710"];

/** The tables that a sink writes to: the table of the rows, and the small table of claims beside it. */
export class PostgresTables {
  constructor(private readonly options: PostgresTablesOptions, private readonly session: PostgresSession) {}

  /**
   * Creates missing tables and tries every right that writing needs. Flaws do not prevent writing. @throws
   * {SinkError}
   */
  async prepare(signal: AbortSignal): Promise<Prepared> {
    const { session, options: { table, instance } } = this;
    const durability = await this.durability(signal);
    const isDurable = !durability.isGiven;
    const isNew = await this.ensureTable(signal);
    const labelsFix = await session.query("the key", signal, (sql) => addLabels(sql, table));
    const hasLabels = labelsFix === undefined;
    // A write without rows makes the server check everything but the rows: columns, types, primary key,
    // privileges.
    const nothing = {
      table,
      hasLabels,
      instance,
      rows: AggregateColumns.of([], new Int32Array()),
      isDurable,
    };
    await session.query("the table", signal, (sql) => upsert(sql, nothing));
    const ofTable = await session.query("the columns", signal, (sql) => tableFlaws(sql, table));
    const writerTable = await this.ensureWriterTable(signal);
    return {
      isNew,
      made: [...(isNew ? [table] : []), ...(writerTable.isNew ? [writerTableOf(table)] : [])],
      flaws: [durability.flaw, ...ofTable, writerTable.flaw].filter((flaw) => flaw !== undefined),
      labelsAdvice: hasLabels
        ? undefined
        : `It was made by a former version. Run: ${labelsFix} It locks the table while the key is ` +
          "built; the rows wait",
      isClaiming: writerTable.flaw === undefined,
      isDurable,
    };
  }

  /** The claim of the instance. */
  claim(signal: AbortSignal): PostgresClaim {
    const { table, instance } = this.options;
    return new PostgresClaim(table, instance, (what, build) => this.session.query(what, signal, build));
  }

  /** The operator's value of `synchronous_commit`, and what is wrong with it. */
  private async durability(signal: AbortSignal): Promise<{ isGiven: boolean; flaw: string | undefined }> {
    const [found] = await this.session.query(
      "to read synchronous_commit",
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
        ? `the connection string sets synchronous_commit to ${found.setting}: rows that the server has ` +
          "confirmed may be gone after its crash or a fail-over, and `redeliver` has to bring them " +
          "again. Leave it out, and it is on"
        : undefined,
    };
  }

  /** Creates the table of the rows where it is missing. Returns whether it was created. */
  private async ensureTable(signal: AbortSignal): Promise<boolean> {
    const { table } = this.options;
    if (await this.exists(table, signal)) return false;
    const statement = createTable(table);
    if (!this.options.createTable) {
      throw new SinkError(
        "misconfigured",
        `PostgreSQL has no table ${table}, and POSTGRES_CREATE_TABLE is false. Run: ${statement}`,
      );
    }
    await this.create(table, statement, signal);
    return true;
  }

  /**
   * Creates the table of claims where it is missing, and tries the rights on it. Without this table, two
   * handlers on copies of one state cannot be detected.
   */
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
      await this.claim(signal).tryRights();
      return { isNew };
    } catch (error) {
      if (!(error instanceof SinkError) || error.kind !== "misconfigured") throw error;
      const flaw =
        `two handlers on copies of one state cannot be noticed here, since the table ${writerTable} ` +
        `cannot be used: ${error.message} Run: ${createWriterTable(table)} and grant SELECT, INSERT ` +
        "and UPDATE on it";
      return { isNew: false, flaw };
    }
  }

  private async create(table: string, statement: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !await this.exists(table, signal); attempt++) {
      try {
        await this.session.query("to create a table", signal, (sql) => sql.unsafe(statement));
      } catch (error) {
        if (attempt === CREATE_ATTEMPTS || !isLostRace(error)) throw error;
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
}

/** Whether another process has created the same table at the same time. */
export function isLostRace(error: unknown): boolean {
  const { code = "" } = ((error as Error).cause ?? {}) as { code?: string };
  return LOST_RACE_STATES.includes(code);
}
