import type { ClaimStore } from "../claim_keeper.ts";
import type { Sql } from "./postgres_driver.ts";
import { quoted, writerTableOf } from "./postgres_table_name.ts";
import type { Claim } from "../../contract/sink.ts";

/** Runs one statement; `what` names it in errors. */
export type Query = <Rows>(what: string, build: (sql: Sql) => Promise<Rows>) => Promise<Rows>;

interface ClaimRow {
  stateId: string;
  boot: number;
  life: string;
  nextId: number;
}

/** The claim of an instance, in a small table beside the table of the rows. */
export class PostgresClaim implements ClaimStore {
  private readonly table: string;

  constructor(table: string, private readonly instance: string, private readonly query: Query) {
    this.table = writerTableOf(table);
  }

  async read(): Promise<Claim | undefined> {
    const [row] = await this.query("to read who writes here", (sql) =>
      sql<ClaimRow[]>`
        select state_id as "stateId", boot::float8 as boot, life, next_id::float8 as "nextId"
        from ${sql(this.table)} where instance = ${this.instance}`);
    return row && { ...row };
  }

  /** @throws {SinkError} `misconfigured`: a right is missing, or the table is not ours. */
  async tryRights(): Promise<void> {
    await this.query(
      "the table of the writers",
      (sql) =>
        sql`with tried as (update ${sql(this.table)} set next_id = next_id where false)
        insert into ${sql(this.table)} (instance, state_id, boot, life, next_id)
        select instance, state_id, boot, life, next_id from ${sql(this.table)} where false`,
    );
  }

  async replace(found: Claim | undefined, { stateId, boot, life, nextId }: Claim): Promise<boolean> {
    const rows = await this.query(
      "to write who writes here",
      async (sql): Promise<readonly unknown[]> =>
        found === undefined
          ? await sql`
          insert into ${sql(this.table)} (instance, state_id, boot, life, next_id)
          values (${this.instance}, ${stateId}, ${boot}, ${life}, ${nextId}) on conflict (instance) do nothing returning 1`
          : await sql`
          update ${sql(this.table)}
          set state_id = ${stateId}, boot = ${boot}, life = ${life}, next_id = ${nextId}, claimed_at = now()
          where instance = ${this.instance} and life = ${found.life} and next_id = ${found.nextId} returning 1`,
    );
    return rows.length === 1;
  }
}

/** The statement that creates the table of the claims. */
export function createWriterTable(table: string): string {
  return `\
create table if not exists ${quoted(writerTableOf(table))} (
  instance text primary key,
  state_id text not null,
  boot bigint not null,
  life text not null,
  next_id bigint not null,
  claimed_at timestamptz not null default now()
);`;
}
