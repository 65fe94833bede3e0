import type { Logger } from "../../platform/log/logger.ts";
import { SinkError, type SinkErrorKind } from "../../contract/sink.ts";
import { PostgresClient } from "./postgres_client.ts";
import type { Sql } from "./postgres_driver.ts";
import type { PostgresConnection } from "./postgres_connection.ts";

/** The server has answered with an error of the statement, so the connection stays usable. */
const REFUSALS: readonly SinkErrorKind[] = ["rejected", "postponed", "unexplained"];

/** The single connection of a sink. It is opened when it is needed, and dropped after a failure. */
export class PostgresSession {
  private client: PostgresClient | undefined;
  private connections = 0;
  /** Within the transaction the connection is not closed. It is closed after it. */
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

  /** Runs the queries of `work` in one transaction, which is rolled back in any case. */
  async rehearse<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    this.isRehearsing = true;
    try {
      return await this.connected().rehearse(signal, work);
    } finally {
      this.isRehearsing = false;
    }
  }

  /** Never throws. The next query connects again. */
  async close(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.close();
  }

  private connected(): PostgresClient {
    return this.client ??= new PostgresClient(this.connection, this.connections++, this.logger);
  }
}
