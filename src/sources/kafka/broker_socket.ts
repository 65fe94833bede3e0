import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { WireFault } from "../../platform/kafka/wire_reader.ts";
import type { TlsConfig } from "../../settings/declaration.ts";

/** Where a broker listens. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

const CONNECT_MAX_MS = 10_000;

/** A connection to a broker. @param name The broker, for messages. @throws {SourceError} */
export async function connectedSocket(
  name: string,
  { host, port }: BrokerAddress,
  tls: TlsConfig | undefined,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let socket: Socket;
  try {
    socket = tls === undefined
      ? connectTcp({ host, port }, resolve)
      : connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...textsOf(tls) }, resolve);
  } catch (error) {
    throw sourceErrorOf(name, error);
  }
  const over = new AbortController();
  const stop = () => reject(new SourceError("unavailable", `connecting to ${name} was called off`));
  signal.addEventListener("abort", stop, { signal: over.signal });
  if (signal.aborted) stop();
  socket.once("error", (error) => reject(sourceErrorOf(name, error)));
  void clock.sleep(CONNECT_MAX_MS, over.signal).then(() =>
    reject(new SourceError("unavailable", `${name} does not answer: check host and port`))
  );
  try {
    await promise;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    return socket;
  } catch (error) {
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  } finally {
    over.abort();
  }
}

function textsOf({ ca, cert, key }: TlsConfig): { ca?: string; cert?: string; key?: string } {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** What went wrong with a connection, for the operator. @param name The broker, for messages. */
export function sourceErrorOf(name: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  if (error instanceof WireFault) return new SourceError("garbage", `what ${name} answers ${error.message}`);
  const message = error instanceof Error ? error.message : String(error);
  if (/certificate|\bPEM\b|private key|self.signed|UnknownIssuer/i.test(message)) {
    return new SourceError(
      "refused",
      `${name}: ${message}: check VABUS_CA_FILE, VABUS_CERT_FILE and VABUS_KEY_FILE`,
      undefined,
      { cause: error },
    );
  }
  return new SourceError("unavailable", `${name} cannot be reached: ${message}`, undefined, { cause: error });
}
