import { connect, type Socket } from "node:net";
import type { Logger } from "../../platform/log/logger.ts";
import { SinkError } from "../../contract/sink.ts";
import { withDeadline } from "../deadline.ts";
import type { PostgresConnection, PostgresHost } from "./postgres_connection.ts";
import type { Sql } from "./postgres_driver.ts";
import { toPostgresSinkError } from "./postgres_errors.ts";
import { ANSWER_MAX_BYTES } from "./postgres_frames.ts";
import { type Link, PostgresServers } from "./postgres_servers.ts";
import { addressOf, isSocketDirectory } from "./postgres_socket.ts";

const STATEMENT_TIMEOUT_MS = 60_000;
/** PostgreSQL's code for the packet that asks to cancel a statement. */
const CANCEL_REQUEST_CODE = 80877102;
/** The server process that works on a statement. The driver sets it once the statement is sent. */
interface Backend {
  readonly pid: number;
  readonly secret: number;
}

/** Thrown inside the driver's transaction so that it is rolled back. */
const UNDO = Symbol("undo");

/**
 * One connection to PostgreSQL. Connecting, statements and closing all have time limits. After an error of
 * kind `unavailable` it cannot be used any more.
 */
export class PostgresClient {
  /** Bytes of the answer to the present statement, at most. */
  private readonly answer = { maxBytes: ANSWER_MAX_BYTES };
  private readonly sockets = new Set<Socket>();
  private readonly servers: PostgresServers;
  private link: Promise<Link> | undefined;
  private isClosed = false;
  /** Whether no synchronous standby may lack what the present statement has committed. */
  private isReplicated = true;
  /** The transaction of a rehearsal. */
  private rehearsal: Sql | undefined;

  /**
   * @param attempt Number of the client. With several servers, each client begins with another one: the first
   * may be reachable and yet fail.
   */
  constructor(connection: PostgresConnection, attempt: number, logger: Logger) {
    const { hosts } = connection;
    const { answer } = this;
    this.servers = new PostgresServers(
      hosts.map((_, index) => hosts[(attempt + index) % hosts.length]!),
      {
        connection,
        answer,
        logger,
        opened: (socket) => this.keep(socket),
        notReplicated: () => this.isReplicated = false,
      },
    );
  }

  /**
   * Runs one statement; `what` names it in errors. When it takes too long or the signal fires, the server is
   * asked to cancel it, so that statements that wait for a lock do not pile up.
   *
   * @param answerMaxBytes Bytes of the answer at most, as {@link PostgresFrames} counts them.
   */
  async query<Row>(
    what: string,
    signal: AbortSignal,
    build: (sql: Sql) => Promise<Row>,
    answerMaxBytes = ANSWER_MAX_BYTES,
  ): Promise<Row> {
    const link = await this.linked(signal);
    const address = addressOf(link.host);
    let statement: Promise<Row> | undefined;
    let result: Row;
    this.isReplicated = true;
    try {
      result = await withDeadline(
        `PostgreSQL at ${address} (${what})`,
        STATEMENT_TIMEOUT_MS,
        signal,
        () => {
          this.answer.maxBytes = answerMaxBytes;
          statement = build(this.rehearsal ?? link.sql);
          return statement;
        },
      );
    } catch (error) {
      if (!(error instanceof SinkError)) throw toPostgresSinkError(error, what, address);
      const backend = (statement as { state?: Backend | null } | undefined)?.state;
      if (backend?.pid) this.requestCancel(link.host, backend);
      throw error;
    }
    if (!this.isReplicated) throw notReplicated(what, address);
    return result;
  }

  /** Runs the queries of `work` in one transaction, which is rolled back in any case. */
  async rehearse<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const link = await this.linked(signal);
    const address = addressOf(link.host);
    let outcome: Promise<T> | undefined;
    try {
      await withDeadline(
        `PostgreSQL at ${address} (a rehearsal)`,
        STATEMENT_TIMEOUT_MS,
        signal,
        () =>
          link.sql.begin(async (transaction) => {
            this.rehearsal = transaction as unknown as Sql;
            outcome = work();
            await outcome;
            throw UNDO;
          }),
      );
    } catch (error) {
      if (error instanceof SinkError) throw error;
      // Where the rollback has failed as well, the first error tells more.
      if (error !== UNDO) await outcome;
      if (error !== UNDO) throw toPostgresSinkError(error, "a transaction", address);
    } finally {
      this.rehearsal = undefined;
    }
    return await outcome!;
  }

  /** Never throws and takes about a second at most. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.servers.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private async linked(signal: AbortSignal): Promise<Link> {
    const { servers } = this;
    const what = `PostgreSQL at ${servers.addresses} (the connection)`;
    return await withDeadline(what, servers.openMaxMs, signal, () => this.link ??= servers.open());
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
    if (this.isClosed) socket.destroy();
  }

  /**
   * Best effort and unencrypted, as `PQcancel` of `libpq` does it. The packet contains only the number of the
   * server process and its cancel key.
   */
  private requestCancel(host: PostgresHost, { pid, secret }: Backend): void {
    const packet = new DataView(new ArrayBuffer(16));
    packet.setInt32(0, packet.byteLength);
    packet.setInt32(4, CANCEL_REQUEST_CODE);
    packet.setInt32(8, pid);
    packet.setInt32(12, secret);
    const socket = isSocketDirectory(host)
      ? connect(addressOf(host))
      : connect(host.port, host.address ?? host.host);
    this.keep(socket.on("error", () => {}));
    socket.end(new Uint8Array(packet.buffer));
  }
}

function notReplicated(what: string, address: string): SinkError {
  return new SinkError(
    "unavailable",
    `PostgreSQL at ${address} (${what}) has committed, but the wait for its synchronous standby was ` +
      "cancelled: a server that takes over may lack it. It is done again.",
  );
}
