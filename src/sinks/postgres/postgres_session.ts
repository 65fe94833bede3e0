import type { Logger } from "../../platform/log/logger.ts";
import { SinkError, type SinkErrorKind } from "../../contract/sink.ts";
import { PostgresClient } from "./postgres_client.ts";
import type { Sql } from "./postgres_driver.ts";
import type { PostgresConnection } from "./postgres_connection.ts";

/** The server has answered: the connection is as good as before. */
const REFUSALS: readonly SinkErrorKind[] = ["rejected", "postponed", "unexplained"];

/** The one connection of a sink: made when it is needed, and dropped when it has failed. */
export class PostgresSession {
  private client: PostgresClient | undefined;
  private connections = 0;
  /** In the middle of it nothing is closed: the connection ends with the transaction. */
  private isRehearsing = false;

  constructor(private readonly connection: PostgresConnection, private readonly logger: Logger) {}

  /** Runs one statement; `what` names it in errors. @throws {SinkError} */
  async query<Rows>(
    what: string,
    signal: AbortSignal,
    build: (sql: Sql) => Promise<Rows>,
    answerMaxBytes?: number,
  ): Promise<Rows> {
    try {
      return await this.connected().query(what, signal, build, answerMaxBytes);
    } catch (error) {
      if (!(error instanceof SinkError && REFUSALS.includes(error.kind)) && !this.isRehearsing) {
        await this.close();
      }
      throw error;
    }
  }

  /** Runs the queries that `work` makes meanwhile in one transaction, which is undone whatever comes of them. */
  async rehearse<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    this.isRehearsing = true;
    try {
      return await this.connected().rehearse(signal, work);
    } finally {
      this.isRehearsing = false;
    }
  }

  /** Never throws; the next query connects anew. */
  async close(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.close();
  }

  private connected(): PostgresClient {
    return this.client ??= new PostgresClient(this.connection, this.connections++, this.logger);
  }
}
