import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "../clock/clock.ts";
import { reasonOf } from "../log/denial.ts";

/** Where a server listens. */
export interface ServerAddress {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** PEM texts; undefined `ca`: the system's authorities. */
export interface TlsTexts {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Why a connection was not made, for the operator. */
export class ConnectFault extends Error {
  /** @param isOfTls Whether one of the sides does not take the other's identity. */
  constructor(message: string, readonly isOfTls: boolean, options?: ErrorOptions) {
    super(message, options);
  }
}

const KEEP_ALIVE_MS = 60_000;

/** How a connection is made: over the network, or over a simulated one. */
export type ConnectSocket = typeof connectSocket;

/**
 * Connects to a server, with TLS from the first byte on where `tls` is given.
 *
 * @param maxMs How long it may take.
 *
 * @throws {ConnectFault}
 */
export async function connectSocket(
  { host, port }: ServerAddress,
  tls: TlsTexts | undefined,
  maxMs: number,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<Socket> {
  return await readied(
    (ready) =>
      tls === undefined
        ? connectTcp({ host, port }, ready)
        : connectTls({ host, port, ...identity(host, tls) }, ready),
    maxMs,
    clock,
    signal,
  );
}

/**
 * Goes over to TLS on a connection, for protocols that begin in plaintext.
 *
 * @throws {ConnectFault}
 */
export async function startTls(
  socket: Socket,
  host: string,
  tls: TlsTexts,
  maxMs: number,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return await readied(
    (ready) => connectTls({ socket, ...identity(host, tls) }, ready),
    maxMs,
    clock,
    signal,
  );
}

async function readied<S extends Socket>(
  start: (ready: () => void) => S,
  maxMs: number,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<S> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let socket: S;
  try {
    socket = start(resolve);
  } catch (error) {
    throw faultOf(error);
  }
  const over = new AbortController();
  const stop = () => reject(new ConnectFault("connecting was called off", false));
  signal.addEventListener("abort", stop, { signal: over.signal });
  if (signal.aborted) stop();
  const failed = (error: unknown) => reject(faultOf(error));
  socket.once("error", failed);
  socket.once("close", () => reject(new ConnectFault("the connection was closed at once", false)));
  void clock.sleep(maxMs, over.signal).then(() =>
    reject(new ConnectFault("no answer: check host and port", false))
  );
  try {
    await promise;
    socket.off("error", failed);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    return socket;
  } catch (error) {
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  } finally {
    over.abort();
  }
}

function identity(host: string, { ca, cert, key }: TlsTexts) {
  return {
    // Names alone can be asked for: an address is compared with the certificate all the same.
    ...(isIP(host) === 0 ? { servername: host } : { host }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

function faultOf(error: unknown): ConnectFault {
  const message = reasonOf(error);
  const isOfTls = /certificate|\bPEM\b|private key|self.signed|UnknownIssuer|alert/i.test(message);
  return new ConnectFault(message, isOfTls, { cause: error });
}
