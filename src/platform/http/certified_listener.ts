import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { Rarely } from "./rarely.ts";

/** What the clients of a listener may take of it together, and how long each may keep it waiting. */
export interface ListenerLimits {
  /** Connections at one time. Further ones are closed at once. */
  readonly connections: number;
  /** From the connection to the end of the TLS handshake. */
  readonly handshakeMs: number;
  /** From the first byte of a request to the end of its headers; its body may take six times as long. */
  readonly headersMs: number;
  /** Without a byte in either direction. More than the time between two signs of life of a stream. */
  readonly silenceMs: number;
}

/** A quarter of the descriptors that a process has by default. */
const LIMITS: ListenerLimits = {
  connections: 256,
  handshakeMs: 10_000,
  headersMs: 10_000,
  silenceMs: 60_000,
};
const BODY_FACTOR = 6;
/**
 * Methods that a client may send and that the constructor of `Request` does not take. They are answered as
 * any other that no path has.
 */
const FORBIDDEN_METHODS = ["CONNECT", "TRACE", "TRACK"];

export interface CertifiedListenerOptions {
  readonly hostname: string;
  readonly port: number;
  /** PEM texts; `clientCa`: the authorities whose certificates count. */
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
  /** How long closing waits for requests that are being answered. */
  readonly closingGraceMs: number;
  /**
   * @param from Address of the client.
   * @param certificate Subject of the client's certificate; undefined: it has none that counts.
   */
  readonly answer: (request: Request, from: string, certificate: string | undefined) => Promise<Response>;
  /** The reply where the handler threw. */
  readonly onError: (error: unknown) => Response;
  /** Called when the listener itself failed, such as for want of descriptors; at most once a minute. */
  readonly onInterruption: (reason: string) => void;
  /** Called when there are as many connections as the listener takes; at most once a minute. */
  readonly onFull: (connections: number) => void;
  /** Tests have smaller ones. */
  readonly limits?: ListenerLimits;
}

/**
 * Serves HTTPS and reads the certificates of clients, which the runtime's own server cannot. A client without
 * one gets as far as `answer`, so that a probe may be answered.
 */
export class CertifiedListener {
  private constructor(
    private readonly server: Server,
    private readonly hostname: string,
    readonly port: number,
    private readonly closingGraceMs: number,
  ) {}

  /** @throws {Error} It cannot listen there, or not with these certificates. */
  static async open(options: CertifiedListenerOptions): Promise<CertifiedListener> {
    const { hostname, port, tls: { cert, key, clientCa }, closingGraceMs, limits = LIMITS } = options;
    const server = createServer(
      {
        ...{ cert, key, ca: clientCa, requestCert: true, rejectUnauthorized: false },
        handshakeTimeout: limits.handshakeMs,
        headersTimeout: limits.headersMs,
        requestTimeout: limits.headersMs * BODY_FACTOR,
        connectionsCheckingInterval: limits.headersMs / 2,
      },
      (incoming, outgoing) => void respond(incoming, outgoing, options),
    );
    server.setTimeout(limits.silenceMs, (socket) => void socket.destroy());
    server.maxConnections = limits.connections;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, hostname, resolve);
    });
    server.removeAllListeners("error");
    watch(server, limits, options);
    // A client that breaks off while it introduces itself is no event for the operator.
    server.on("tlsClientError", () => {});
    const address = server.address();
    const bound = typeof address === "object" && address !== null ? address.port : port;
    return new CertifiedListener(server, hostname, bound, closingGraceMs);
  }

  get url(): string {
    const { hostname, port } = this;
    return `https://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    const timer = setTimeout(() => this.server.closeAllConnections(), this.closingGraceMs);
    await closed;
    clearTimeout(timer);
  }
}

/** Says when the listener fails, and when it is full. */
function watch(
  server: Server,
  { connections }: ListenerLimits,
  { onFull, onInterruption }: CertifiedListenerOptions,
): void {
  const [failures, fullness] = [new Rarely(), new Rarely()];
  server.on("error", (error: Error) => failures.happened(() => onInterruption(error.message)));
  server.on("connection", () =>
    server.getConnections((_error, count) => {
      if (count >= connections) fullness.happened(() => onFull(connections));
    }));
}

async function respond(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { answer, onError }: CertifiedListenerOptions,
): Promise<void> {
  const over = new AbortController();
  outgoing.on("close", () => over.abort());
  outgoing.on("error", () => over.abort());
  let response: Response;
  try {
    const { remoteAddress = "" } = incoming.socket;
    response = await answer(toRequest(incoming, over.signal), remoteAddress, subjectOf(incoming));
  } catch (error) {
    response = onError(error);
  }
  try {
    await send(response, outgoing, over.signal);
  } catch {
    outgoing.destroy();
  }
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { headers, method = "GET", rawHeaders, url = "/" } = incoming;
  const copied = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) copied.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  const isForbidden = FORBIDDEN_METHODS.includes(method);
  const hasBody = !isForbidden && method !== "GET" && method !== "HEAD" &&
    (headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined);
  const path = url.startsWith("/") ? url : "/";
  const request = new Request(`https://localhost${path}`, {
    method: isForbidden ? "GET" : method,
    headers: copied,
    signal,
    ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: "half" }),
  });
  return isForbidden ? Object.defineProperty(request, "method", { value: method }) : request;
}

/** The subject of a certificate that the authority has signed, such as `O=Plant, CN=client`. */
function subjectOf({ socket }: IncomingMessage): string | undefined {
  const { authorized, getPeerCertificate } = socket as TLSSocket;
  if (!authorized) return undefined;
  const { subject } = getPeerCertificate.call(socket);
  return Object.entries(subject ?? {}).map(([name, text]) => `${name}=${text}`).join(", ");
}

async function send(response: Response, outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) {
    outgoing.end();
    return;
  }
  const reader = response.body.getReader();
  // A stream that is cut off while the client takes nothing does not wait for it.
  reader.closed.catch(() => outgoing.destroy());
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      if (outgoing.write(Buffer.from(piece.value))) continue;
      await new Promise<void>((resolve) => {
        outgoing.once("drain", resolve);
        outgoing.once("close", resolve);
      });
    }
    outgoing.end();
  } finally {
    signal.removeEventListener("abort", cancel);
    if (signal.aborted) cancel();
  }
}
