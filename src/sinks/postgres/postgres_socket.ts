import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, getCACertificates } from "node:tls";
import type { PostgresHost, PostgresTls } from "./postgres_connection.ts";
import { SinkError } from "../../contract/sink.ts";

/** PostgreSQL's code for the packet that asks for TLS; also the whole packet: its length and this. */
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);
const YES = "S".charCodeAt(0);
const NO = "N".charCodeAt(0);
/** The server's address, as sockets write it. */
const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/;

export interface SocketOptions {
  readonly host: PostgresHost;
  /** Undefined: no TLS. */
  readonly tls: PostgresTls | undefined;
  /** Time limit for each step: connection, answer to the request for TLS, handshake. */
  readonly timeoutMs: number;
  /** Undefined: no probes. */
  readonly keepAliveMs: number | undefined;
  /** Called with every socket, so that it can be closed whatever happens. */
  readonly opened: (socket: Socket) => void;
}

export interface OpenSocket {
  readonly socket: Socket;
  /** Whether the password may be sent to the server: it is verified by TLS, or it is this host. */
  readonly isTrusted: boolean;
}

/** Opens a connection to one server, including TLS, as `libpq` does. The driver then uses the socket. */
export async function openSocket(options: SocketOptions): Promise<OpenSocket> {
  const { host, tls, timeoutMs, keepAliveMs, opened } = options;
  const raw = isSocketDirectory(host)
    ? connect(`${host.host}/.s.PGSQL.${host.port}`)
    : connect(host.port, host.address ?? host.host);
  opened(raw);
  await settled(raw, "connect", timeoutMs, "connection");
  // With Nagle's algorithm, the socket would wait for more data in the middle of a statement.
  raw.setNoDelay(true);
  if (keepAliveMs !== undefined) raw.setKeepAlive(true, keepAliveMs);
  const isHere = isSocketDirectory(host) || LOOPBACK.test(raw.remoteAddress ?? "");
  if (tls === undefined) return { socket: raw, isTrusted: isHere };
  if (!tls.isDirect && !await isTlsOffered(raw, timeoutMs)) {
    if (tls.mode === "prefer") return { socket: raw, isTrusted: isHere };
    raw.destroy();
    throw new SinkError(
      "misconfigured",
      `PostgreSQL at ${addressOf(host)} offers no TLS, which sslmode=${tls.mode} asks for. ` +
        "Switch TLS on there, or change sslmode in POSTGRES_CONNECTION_STRING.",
    );
  }
  const secure = connectTls({ socket: raw, ...tlsOptions(host, tls) });
  opened(secure);
  await settled(secure, "secureConnect", timeoutMs, "TLS handshake");
  return { socket: secure, isTrusted: isHere || tls.provesServer };
}

/** The address for messages: `db:5432`, `/run/postgresql/.s.PGSQL.5432`. */
export function addressOf(host: PostgresHost): string {
  return isSocketDirectory(host) ? `${host.host}/.s.PGSQL.${host.port}` : `${host.host}:${host.port}`;
}

export function isSocketDirectory({ host }: PostgresHost): boolean {
  return host.startsWith("/");
}

async function isTlsOffered(socket: Socket, timeoutMs: number): Promise<boolean> {
  socket.write(SSL_REQUEST);
  const answer = await settled<Uint8Array>(socket, "data", timeoutMs, "answer to the request for TLS");
  // Bytes before the handshake could have been injected by anybody on the way.
  if (answer.length === 1 && (answer[0] === YES || answer[0] === NO)) return answer[0] === YES;
  socket.destroy();
  throw new Error("what answers does not speak PostgreSQL's protocol");
}

function tlsOptions(
  { host }: PostgresHost,
  { mode, isDirect, ca, cert, key }: PostgresTls,
): ConnectionOptions {
  // Where an authority is given, `require` checks like `verify-ca`.
  const isVerified = mode === "verify-full" || mode === "verify-ca" ||
    (mode === "require" && ca !== undefined);
  return {
    host,
    rejectUnauthorized: isVerified,
    ...(ca !== undefined && { ca: ca === "system" ? getCACertificates("system") : ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    ...(mode !== "verify-full" && { checkServerIdentity: () => undefined }),
    ...(isDirect && { ALPNProtocols: ["postgresql"] }),
  };
}

/** Waits for an event. Destroys the socket where an error, the end or the limit comes first. */
async function settled<T>(socket: Socket, event: string, timeoutMs: number, what: string): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onClose = () => reject(new Error("the connection was closed"));
  const timer = setTimeout(
    () => socket.destroy(new Error(`no ${what} within ${timeoutMs / 1000} seconds`)),
    timeoutMs,
  );
  socket.once("error", reject).once("close", onClose).once(event, resolve);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.off("error", reject).off("close", onClose).off(event, resolve);
    // The next owner of the socket has its own listener for errors. Until then an error must not end the
    // process.
    socket.on("error", () => {});
  }
}
