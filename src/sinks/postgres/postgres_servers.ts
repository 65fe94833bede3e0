import { dialectOf, speaks } from "../../platform/net/dialect.ts";
import { SinkError } from "../../contract/sink.ts";
import type { PostgresConnection, PostgresHost, PostgresTls } from "./postgres_connection.ts";
import { createSql, type DriverOptions, type Sql, type Way } from "./postgres_driver.ts";
import { toPostgresSinkError } from "./postgres_errors.ts";
import { addressOf, isSocketDirectory } from "./postgres_socket.ts";

/** An open connection. */
export interface Link {
  readonly sql: Sql;
  readonly host: PostgresHost;
}

/**
 * Refused before the password was asked for: in `allow` and `prefer` the other kind of connection is tried
 * then.
 */
const NOT_LET_IN = "28000";
/** The server starts, stops or recovers, so the next server is tried. */
const NOT_NOW = "57P03";
/** Attempts for one server: with TLS, and without. */
const WAYS_MAX = 2;
/** Steps with a limit of their own: connection, request for TLS, handshake, login and first query. */
const STEPS_MAX = 5;
const END_TIMEOUT_SECONDS = 1;

/** The servers of a connection string, of which the first suitable one is used. */
export class PostgresServers {
  private readonly drivers: Sql[] = [];
  private isClosed = false;

  /** @param hosts In the order in which they are tried. */
  constructor(private readonly hosts: readonly PostgresHost[], private readonly options: DriverOptions) {}

  /** For messages. */
  get addresses(): string {
    return this.hosts.map(addressOf).join(", ");
  }

  /** Longer than all steps for all servers together. */
  get openMaxMs(): number {
    return this.hosts.length * WAYS_MAX * STEPS_MAX * this.options.connection.connectTimeoutMs;
  }

  /**
   * The first server that can be reached and is suitable. As with `libpq`, a server that refuses the user
   * ends the search.
   *
   * @throws {SinkError}
   */
  async open(): Promise<Link> {
    const failures: SinkError[] = [];
    for (const host of this.hosts) {
      const found = await this.tryHost(host);
      if ("sql" in found) return found;
      failures.push(found);
    }
    throw together(failures);
  }

  /**
   * Returns why a server is not suitable, where another one may be. @throws {SinkError} where no other one
   * can be.
   */
  private async tryHost(host: PostgresHost): Promise<Link | SinkError> {
    const stranger = await strangerAt(host, this.options.connection.tls.isDirect);
    if (stranger !== undefined) return stranger;
    const ways = waysTo(host, this.options.connection.tls);
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

  /** @throws the driver's error, or {@link SinkError} where the server is of the wrong kind. */
  private async tryWay(way: Way): Promise<Link> {
    if (this.isClosed) throw new SinkError("unavailable", "The connection was closed.");
    const sql = createSql(way, this.options);
    this.drivers.push(sql);
    try {
      const unfit = unfitness(await stateOf(sql), this.options.connection.target);
      if (unfit !== undefined) {
        throw new SinkError("misconfigured", `PostgreSQL at ${addressOf(way.host)} ${unfit}.`);
      }
      return { sql, host: way.host };
    } catch (error) {
      void sql.end({ timeout: 0 }).catch(() => {});
      throw error;
    }
  }

  /** Closes every connection. Never throws and takes about a second at most. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.drivers.map((sql) => sql.end({ timeout: END_TIMEOUT_SECONDS }).catch(() => {})));
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

/** Why a server is not suitable. */
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

/** The error where something else than PostgreSQL answers. */
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

/** The failure of all servers. It may pass without an operator where that of one server may. */
function together(failures: readonly SinkError[]): SinkError {
  if (failures.length === 1) return failures[0]!;
  const kind = failures.every((failure) => failure.kind === "misconfigured")
    ? "misconfigured"
    : "unavailable";
  const messages = failures.map(({ message }) => message).join(" ");
  return new SinkError(kind, `None of the servers can be used. ${messages}`, { cause: failures[0]!.cause });
}
