import { connect, type Socket } from "node:net";
import postgres from "postgres";
import type { Logger } from "../../platform/log/logger.ts";
import { dialectOf, speaks } from "../../platform/net/dialect.ts";
import { withDeadline } from "../deadline.ts";
import { gate } from "../../platform/net/frame_gate.ts";
import type { PostgresConnection, PostgresHost, PostgresTls } from "./postgres_connection.ts";
import { toPostgresSinkError } from "./postgres_errors.ts";
import { ANSWER_MAX_BYTES, PostgresFrames } from "./postgres_frames.ts";
import { addressOf, isSocketDirectory, openSocket } from "./postgres_socket.ts";
import { SinkError } from "../../contract/sink.ts";

const STATEMENT_TIMEOUT_MS = 60_000;
const END_TIMEOUT_SECONDS = 1;
/** PostgreSQL's code for the packet that asks to cancel a statement. */
const CANCEL_REQUEST_CODE = 80877102;
/** Refused before the password was asked for: in `allow` and `prefer` the other kind of connection is tried then. */
const NOT_LET_IN = "28000";
/** The server starts, stops or recovers: another one may do. */
const NOT_NOW = "57P03";

/** To one server: with TLS, and without. */
const WAYS_MAX = 2;
/** Each with a limit of its own: connection, request for TLS, handshake, login and first query. */
const STEPS_MAX = 5;

export type Sql = postgres.Sql;

/** Which server process works on a statement; the driver fills it in once the statement is sent. */
interface Backend {
  readonly pid: number;
  readonly secret: number;
}

/** A connection that works. */
interface Link {
  readonly sql: Sql;
  readonly host: PostgresHost;
}

/** One way to connect: a server, with TLS or without. */
interface Way {
  readonly host: PostgresHost;
  readonly tls: PostgresTls | undefined;
}
/** Thrown through the driver's transaction to have it undone. */
const UNDO = Symbol("undo");

/**
 * One connection to PostgreSQL, of which nothing can hang: neither connecting, nor a statement, nor closing.
 * After an error of kind `unavailable` it is of no more use.
 */
export class PostgresClient {
  private readonly connection: PostgresConnection;
  private readonly hosts: readonly PostgresHost[];
  private readonly sockets = new Set<Socket>();
  private readonly drivers: Sql[] = [];
  /** What the answer to the present statement may come to. */
  private readonly answer = { maxBytes: ANSWER_MAX_BYTES };
  private link: Promise<Link> | undefined;
  private isClosed = false;
  /** What a rehearsal runs its statements in. */
  private rehearsal: Sql | undefined;

  /**
   * @param attempt counts up with each client made: of several servers, each client begins with another one, since the first may
   * have been reached and have failed all the same.
   */
  constructor(connection: PostgresConnection, attempt: number, private readonly logger: Logger) {
    this.connection = connection;
    const { hosts } = connection;
    this.hosts = hosts.map((_, index) => hosts[(attempt + index) % hosts.length]!);
  }

  /**
   * Runs one statement; `what` names it in errors. When it takes too long or the signal fires, the server is asked to
   * cancel it, so that statements that wait for a lock do not pile up there.
   *
   * @param answerMaxBytes What the answer may come to, as the server sends it and {@link PostgresFrames} weighs it.
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
    try {
      return await withDeadline(`PostgreSQL at ${address} (${what})`, STATEMENT_TIMEOUT_MS, signal, () => {
        this.answer.maxBytes = answerMaxBytes;
        statement = build(this.rehearsal ?? link.sql);
        return statement;
      });
    } catch (error) {
      if (!(error instanceof SinkError)) throw toPostgresSinkError(error, what, address);
      const backend = (statement as { state?: Backend | null } | undefined)?.state;
      if (backend?.pid) this.requestCancel(link.host, backend);
      throw error;
    }
  }

  /** Runs the queries that `work` makes meanwhile in one transaction, which is undone whatever comes of them. */
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
      // Where undoing has failed as well, what came first tells more.
      if (error !== UNDO) await outcome;
      if (error !== UNDO) throw toPostgresSinkError(error, "a transaction", address);
    } finally {
      this.rehearsal = undefined;
    }
    return await outcome!;
  }

  /** Never throws, and takes no longer than a second or so. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.drivers.map((sql) => sql.end({ timeout: END_TIMEOUT_SECONDS }).catch(() => {})));
    for (const socket of this.sockets) socket.destroy();
  }

  private async linked(signal: AbortSignal): Promise<Link> {
    const addresses = this.hosts.map(addressOf).join(", ");
    const what = `PostgreSQL at ${addresses} (the connection)`;
    return await withDeadline(what, this.openMaxMs(), signal, () => this.link ??= this.open());
  }

  /**
   * The first server that can be reached and will do. Like `libpq`, one that can be reached but refuses the user ends the search.
   *
   * @throws {SinkError}
   */
  private async open(): Promise<Link> {
    const failures: SinkError[] = [];
    for (const host of this.hosts) {
      const found = await this.tryHost(host);
      if ("sql" in found) return found;
      failures.push(found);
    }
    throw together(failures);
  }

  /** Returns why a server will not do where another one may. @throws {SinkError} where no other will. */
  private async tryHost(host: PostgresHost): Promise<Link | SinkError> {
    const stranger = await strangerAt(host, this.connection.tls.isDirect);
    if (stranger !== undefined) return stranger;
    const ways = waysTo(host, this.connection.tls);
    for (const [index, way] of ways.entries()) {
      try {
        return await this.tryWay(way);
      } catch (error) {
        const state = stateCodeOf(error);
        if (index < ways.length - 1 && (state === undefined || state === NOT_LET_IN)) continue;
        if (error instanceof SinkError) return error;
        const failure = toPostgresSinkError(error, "the connection", addressOf(host));
        if (state === undefined || state === NOT_NOW) return failure;
        throw failure;
      }
    }
    throw new Error("there is no way to a server");
  }

  /** @throws what the driver throws, or {@link SinkError} where the server is of the wrong kind. */
  private async tryWay(way: Way): Promise<Link> {
    if (this.isClosed) throw new SinkError("unavailable", "The connection was closed.");
    const sql = this.createSql(way);
    this.drivers.push(sql);
    try {
      const unfit = unfitness(await stateOf(sql), this.connection.target);
      if (unfit !== undefined) {
        throw new SinkError("misconfigured", `PostgreSQL at ${addressOf(way.host)} ${unfit}.`);
      }
      return { sql, host: way.host };
    } catch (error) {
      void sql.end({ timeout: 0 }).catch(() => {});
      throw error;
    }
  }

  /** More than all steps to all servers may take. */
  private openMaxMs(): number {
    return this.hosts.length * WAYS_MAX * STEPS_MAX * this.connection.connectTimeoutMs;
  }

  private createSql({ host, tls }: Way): Sql {
    const { user, password, database, applicationName, options, connectTimeoutMs, keepAliveMs } =
      this.connection;
    const driverOptions = {
      host: host.host,
      port: host.port,
      ...(user !== undefined && { user }),
      ...(password !== undefined && { pass: password }),
      ...(database !== undefined && { database }),
      max: 1,
      // TLS is done by the time the driver gets the socket.
      ssl: false,
      keep_alive: null,
      idle_timeout: null,
      // Arrays are sent as text, so the driver need not look up their types first.
      fetch_types: false,
      max_lifetime: null,
      connect_timeout: connectTimeoutMs / 1000,
      connection: { application_name: applicationName, ...(options !== undefined && { options }) },
      onnotice: (notice: postgres.Notice) =>
        this.logger.debug("PostgreSQL notice", { notice: notice.message }),
      socket: async () => {
        const { socket, isTrusted } = await openSocket({
          host,
          tls,
          timeoutMs: connectTimeoutMs,
          keepAliveMs,
          opened: (socket) => this.keep(socket),
        });
        const { requiredLogin } = this.connection;
        const answer = this.answer;
        gate(socket, new PostgresFrames({ address: addressOf(host), isTrusted, requiredLogin, answer }));
        return socket;
      },
    };
    return postgres(driverOptions as unknown as postgres.Options<Record<string, never>>);
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
    if (this.isClosed) socket.destroy();
  }

  /** Best effort, unencrypted as `libpq` long did it: the packet holds nothing but the number of the statement's process. */
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

/** The kinds of connection that `sslmode` allows, in its order. A Unix socket needs no TLS. */
function waysTo(host: PostgresHost, tls: PostgresTls): Way[] {
  const [plain, secure] = [{ host, tls: undefined }, { host, tls }];
  if (isSocketDirectory(host) || tls.mode === "disable") return [plain];
  if (tls.mode === "allow") return [plain, secure];
  return tls.mode === "prefer" ? [secure, plain] : [secure];
}

interface ServerState {
  readonly isStandby: boolean;
  readonly readsOnly: boolean;
}

async function stateOf(sql: Sql): Promise<ServerState> {
  const [state] = await sql<ServerState[]>`
    select pg_is_in_recovery() as "isStandby", current_setting('transaction_read_only') = 'on' as "readsOnly"`;
  return state!;
}

/** Why a server will not do. */
function unfitness(
  { isStandby, readsOnly }: ServerState,
  target: PostgresConnection["target"],
): string | undefined {
  if (target === "primary" && isStandby) return "is a standby, and target_session_attrs=primary";
  if (target === "read-write" && readsOnly) return "can only be read, and target_session_attrs=read-write";
  return undefined;
}

function stateCodeOf(error: unknown): string | undefined {
  const { name, code } = error as { name?: string; code?: string };
  return name === "PostgresError" ? code : undefined;
}

/** What to say where something else than PostgreSQL answers. */
async function strangerAt(host: PostgresHost, isDirectTls: boolean): Promise<SinkError | undefined> {
  if (isSocketDirectory(host) || isDirectTls) return undefined;
  const address = [host.address ?? host.host, host.port] as const;
  if (await speaks("PostgreSQL", ...address)) return undefined;
  const dialect = await dialectOf(...address);
  if (dialect === undefined || dialect === "PostgreSQL") return undefined;
  return new SinkError(
    "misconfigured",
    `PostgreSQL at ${addressOf(host)}: what answers there speaks ${dialect}, not PostgreSQL's protocol. ` +
      "Check host and port in POSTGRES_CONNECTION_STRING.",
  );
}

/** What became of all servers; it passes by itself where that of one of them does. */
function together(failures: readonly SinkError[]): SinkError {
  if (failures.length === 1) return failures[0]!;
  const kind = failures.every((failure) => failure.kind === "misconfigured")
    ? "misconfigured"
    : "unavailable";
  const messages = failures.map(({ message }) => message).join(" ");
  return new SinkError(kind, `None of the servers will do. ${messages}`, { cause: failures[0]!.cause });
}
