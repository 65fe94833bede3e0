import type { Socket } from "node:net";
import postgres from "postgres";
import type { Logger } from "../../platform/log/logger.ts";
import { gate } from "../../platform/net/frame_gate.ts";
import type { PostgresConnection, PostgresHost, PostgresTls } from "./postgres_connection.ts";
import { PostgresFrames } from "./postgres_frames.ts";
import { addressOf, openSocket } from "./postgres_socket.ts";

export type Sql = postgres.Sql;

/** One way to connect: a server, with TLS or without. */
export interface Way {
  readonly host: PostgresHost;
  readonly tls: PostgresTls | undefined;
}

export interface DriverOptions {
  readonly connection: PostgresConnection;
  /** Bytes of the answer to the present statement, at most. */
  readonly answer: { readonly maxBytes: number };
  readonly logger: Logger;
  /** Called with every socket, so that it can be closed whatever happens. */
  readonly opened: (socket: Socket) => void;
  /** Called where a statement was committed and a synchronous standby may lack it. */
  readonly notReplicated: () => void;
}

/** The function of the server that waits for synchronous standbys. Its messages come in many languages. */
const WAIT_FOR_STANDBY = "SyncRepWaitForLSN";

/** A driver for a single connection to this server. It connects with its first statement. */
export function createSql({ host, tls }: Way, options: DriverOptions): Sql {
  const { connection, answer, logger, opened, notReplicated } = options;
  const { user, password, database, applicationName, connectTimeoutMs, keepAliveMs, requiredLogin } =
    connection;
  const driverOptions = {
    host: host.host,
    port: host.port,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(database !== undefined && { database }),
    max: 1,
    // The TLS handshake is complete when the driver gets the socket.
    ssl: false,
    keep_alive: null,
    idle_timeout: null,
    // Arrays are sent as text, so the driver need not look up their types first.
    fetch_types: false,
    max_lifetime: null,
    connect_timeout: connectTimeoutMs / 1000,
    connection: {
      application_name: applicationName,
      ...(connection.options !== undefined && { options: connection.options }),
    },
    onnotice: (notice: postgres.Notice) => {
      logger.debug("PostgreSQL notice", { notice: notice.message });
      if (notice.routine === WAIT_FOR_STANDBY) notReplicated();
    },
    socket: async () => {
      const { socket, isTrusted } = await openSocket({
        host,
        tls,
        timeoutMs: connectTimeoutMs,
        keepAliveMs,
        opened,
      });
      gate(socket, new PostgresFrames({ address: addressOf(host), isTrusted, requiredLogin, answer }));
      return socket;
    },
  };
  return postgres(driverOptions as unknown as postgres.Options<Record<string, never>>);
}
