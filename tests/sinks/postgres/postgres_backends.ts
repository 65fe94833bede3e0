import postgres from "postgres";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { labelsIn } from "../../../src/event/labels.ts";
import type { Logger } from "../../../src/platform/log/logger.ts";
import { PostgresSink, type PostgresSinkOptions } from "../../../src/sinks/postgres/postgres_sink.ts";
import type { TableBackend } from "../../contract/holding_contract.ts";
import { postgresConnection } from "../../support/postgres_connection.ts";
import { TcpProxy } from "../../support/tcp_proxy.ts";

let tables = 0;

/** A name that no table has. */
export function newTable(): string {
  return `t${crypto.randomUUID().slice(0, 8)}_${tables++}`;
}

/** The tables of a server, each a backend for sinks, and who looks at them beside the handler. */
export class PostgresBackends {
  constructor(private readonly url: string, private readonly logger: Logger) {}

  createSink(table: string, options: Partial<PostgresSinkOptions> = {}): PostgresSink {
    const connection = postgresConnection(this.url);
    const given = { id: "postgres", connection, table, createTable: true, instance: "plant-1", ...options };
    return new PostgresSink(given, this.logger);
  }

  /** One whose connection can be cut. */
  createWiredSink(table: string, options: Partial<PostgresSinkOptions> = {}) {
    const wire = TcpProxy.start();
    const url = new URL(this.url);
    wire.leadTo(Number(url.port));
    url.host = wire.address;
    const connection = postgresConnection(url.href);
    return { sink: this.createSink(table, { connection, ...options }), wire };
  }

  /** Runs `query` with a connection of its own. */
  async ask<T>(query: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const sql = postgres(this.url, { max: 1, onnotice: () => {} });
    try {
      return await query(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  readTable(table: string, instance: string): Promise<Aggregate[]> {
    return this.ask(async (sql) => {
      const rows = await sql<(Aggregate & { labels: string })[]>`
        select name, labels::text, agg_func as "aggFunc", value, count::float8, revision,
          round(extract(epoch from window_start) * 1000)::float8 as "windowStartMs",
          round(extract(epoch from window_end) * 1000)::float8 as "windowEndMs"
        from ${sql(table)} where instance = ${instance}`;
      return rows.map(({ labels, ...row }) => ({ ...row, ...labelsIn(labels) }));
    });
  }

  async drop(table: string): Promise<void> {
    await this.ask((sql) => sql`drop table if exists ${sql(table)}, ${sql(`${table}_writer`)}`);
  }

  /** A new table, made by the first sink that is opened. */
  create(): TableBackend {
    const table = newTable();
    const wires = new AsyncDisposableStack();
    return {
      createSink: (instance) => this.createSink(table, { instance }),
      createWiredSink: (instance) => {
        const wired = this.createWiredSink(table, { instance });
        wires.use(wired.wire);
        return wired;
      },
      read: (instance) => this.readTable(table, instance),
      execute: async (statement) =>
        void await this.ask((sql) => sql.unsafe(statement.replace("$table", table))),
      swallowing: `
        create function ${table}_swallow() returns trigger language plpgsql
          as 'begin if new.name = ''swallowed'' then return null; end if; return new; end';
        create trigger swallow before insert on $table for each row execute function ${table}_swallow()`,
      remove: async () => {
        await wires.disposeAsync();
        await this.drop(table);
      },
    };
  }
}
