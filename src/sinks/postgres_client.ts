import { connect, type Socket } from "node:net";
import postgres from "postgres";
import type { Logger } from "../log/logger.ts";
import { withDeadline } from "./deadline.ts";
import { toPostgresSinkError } from "./postgres_errors.ts";
import { SinkError } from "./sink.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 60_000;
const END_TIMEOUT_SECONDS = 1;
/** PostgreSQL's code for the packet that asks to cancel a statement. */
const CANCEL_REQUEST_CODE = 80877102;

export type Sql = postgres.Sql;

/** Which server process works on a statement; the driver fills it in once the statement is sent. */
interface Backend {
  readonly pid: number;
  readonly secret: number;
}

/**
 * One connection to PostgreSQL, of which nothing can hang: neither connecting, nor a statement, nor closing.
 * After an error of kind `unavailable` it is of no more use.
 */
export class PostgresClient {
  readonly #sql: Sql;
  readonly #address: ServerAddress;
  readonly #sockets = new Set<Socket>();

  /**
   * @param attempt counts up with each connection made; with several hosts in the connection string they take turns.
   * @throws {SinkError} `misconfigured` when the connection string cannot be read.
   */
  constructor(connectionString: string, attempt: number, logger: Logger) {
    const { url, address } = parseConnectionString(connectionString, attempt);
    this.#address = address;
    this.#sql = createSql(url, (options) => this.#connect(options.path || undefined), logger);
  }

  /**
   * Runs one statement; `what` names it in errors. When it takes too long or the signal fires, the server is asked to
   * cancel it, so that statements that wait for a lock do not pile up there.
   */
  async query<Row>(
    what: string,
    signal: AbortSignal,
    build: (sql: Sql) => Promise<Row>,
  ): Promise<Row> {
    const place = `PostgreSQL at ${this.#address.host}:${this.#address.port} (${what})`;
    let statement: Promise<Row> | undefined;
    try {
      return await withDeadline(place, STATEMENT_TIMEOUT_MS, signal, () => {
        statement = build(this.#sql);
        return statement;
      });
    } catch (error) {
      if (!(error instanceof SinkError)) throw toPostgresSinkError(error, what, this.#address);
      const backend = (statement as { state?: Backend | null } | undefined)?.state;
      if (backend?.pid) this.#requestCancel(backend);
      throw error;
    }
  }

  /** Never throws, and takes no longer than a second or so. */
  async close(): Promise<void> {
    await this.#sql.end({ timeout: END_TIMEOUT_SECONDS }).catch(() => {});
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The driver's own socket would wait for more to send (Nagle) in the middle of a statement. */
  #connect(path: string | undefined): Promise<Socket> {
    const { host, port } = this.#address;
    const socket = path === undefined ? connect(port, host) : connect(path);
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // The driver takes the server's name for TLS from here.
    Object.assign(socket, { host, port });
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const timer = setTimeout(
      () => socket.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS / 1000} seconds`)),
      CONNECT_TIMEOUT_MS,
    );
    const onClose = () => reject(new Error("the connection was closed"));
    socket.once("error", reject).once("close", onClose).once("connect", () => {
      socket.off("error", reject).off("close", onClose);
      socket.setNoDelay(true);
      resolve(socket);
    });
    return promise.finally(() => clearTimeout(timer));
  }

  /** Best effort, unencrypted as `libpq` does it: the packet holds nothing but the number of the statement's process. */
  #requestCancel({ pid, secret }: Backend): void {
    const packet = new DataView(new ArrayBuffer(16));
    packet.setInt32(0, packet.byteLength);
    packet.setInt32(4, CANCEL_REQUEST_CODE);
    packet.setInt32(8, pid);
    packet.setInt32(12, secret);
    const socket = connect(this.#address.port, this.#address.host);
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket)).on("error", () => {});
    socket.end(new Uint8Array(packet.buffer));
  }
}

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 5432;
/** Scheme and credentials, hosts, the rest. */
const CONNECTION_STRING = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/is;

function parseConnectionString(text: string, attempt: number): { url: string; address: ServerAddress } {
  const [, start, hosts, rest] = CONNECTION_STRING.exec(text) ?? [];
  if (start === undefined || hosts === undefined || rest === undefined) {
    throw unreadable("it must look like postgres://user:password@host:5432/database");
  }
  if (rest.includes("@")) {
    throw unreadable("special characters in the password must be percent-encoded, such as %2F for /");
  }
  const choices = hosts.split(",");
  const host = choices[attempt % choices.length]!;
  const url = start + host + rest;
  try {
    const { hostname, port } = new URL(url.replace(/^[^:]+/, "http"));
    const address = {
      host: hostname.replace(/^\[|\]$/g, "") || "localhost",
      port: Number(port) || DEFAULT_PORT,
    };
    return { url, address };
  } catch {
    // The error of URL shows the whole text, password included.
    throw unreadable("it must look like postgres://user:password@host:5432/database");
  }
}

function unreadable(reason: string): SinkError {
  return new SinkError("misconfigured", `POSTGRES_CONNECTION_STRING cannot be read: ${reason}.`);
}

interface SocketOptions {
  readonly path: string | false;
}

function createSql(url: string, socket: (options: SocketOptions) => Promise<Socket>, logger: Logger): Sql {
  const options = {
    max: 1,
    // Arrays are sent as text, so the driver need not look up their types first.
    fetch_types: false,
    max_lifetime: null,
    connect_timeout: CONNECT_TIMEOUT_MS / 1000,
    connection: { application_name: "vabus-data-handler" },
    onnotice: (notice: postgres.Notice) => logger.debug("PostgreSQL notice", { notice: notice.message }),
    socket,
  };
  return postgres(url, options as postgres.Options<Record<string, never>>);
}
