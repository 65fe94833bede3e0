import { isLoopback, pathOf } from "../platform/http/access.ts";
import { HttpListener, INTERRUPTED } from "../platform/http/http_listener.ts";
import { Refusals } from "../platform/http/refusals.ts";
import { reasonOf } from "../platform/log/denial.ts";
import { printable } from "../platform/log/printable.ts";
import type { Logger } from "../platform/log/logger.ts";
import { AdminError } from "./admin_error.ts";
import { AdminGate, type RoleTokens } from "./admin_gate.ts";
import { type ApiSurroundings, endpointsOver } from "./endpoints.ts";
import { type Client, internalError, Router } from "./router.ts";
import { sessionEndpoints } from "./session_endpoints.ts";

export interface AdminServerOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** Host names that clients may use besides those of loopback. */
  readonly allowedHosts: readonly string[];
  readonly tokens: RoleTokens;
  /** PEM texts; undefined: plain HTTP. `clientCa` undefined: no certificate of clients is asked for. */
  readonly tls: AdminTls | undefined;
  /** What the endpoints stand on. */
  readonly surroundings: ApiSurroundings;
  readonly logger: Logger;
  /** Resolves after some time; tests replace it. */
  readonly pause?: (milliseconds: number) => Promise<void>;
  /** The wall clock; tests replace it. */
  readonly wallMs?: () => number;
}

export interface AdminTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

export interface AdminServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** How long closing waits for the rest of a request, so that no client can keep the handler from stopping. */
const CLOSING_GRACE_MS = 500;

/** A request that was not answered for a defect of the handler. */
interface Failure {
  readonly path: string;
  readonly reason: string;
}

type AdminAddress = Pick<AdminServerOptions, "hostname" | "port" | "tls">;

/** Listens on the address for a moment. @throws {AdminError} */
export function tryAdminAddress(address: AdminAddress): void {
  const { hostname, port, tls } = address;
  try {
    Deno.listen({ hostname, port }).close();
  } catch (error) {
    throw unobtainable(address, error);
  }
  assertUsable(tls);
}

/** Whether key and certificate go together. @throws {AdminError} They do not. */
function assertUsable(tls: AdminTls | undefined): void {
  if (tls === undefined) return;
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: tls.cert, key: tls.key }).close();
  } catch (error) {
    throw new AdminError(
      `The admin listener cannot serve https (${firstLine(error)}). ` +
        "Does the key of HTTP_KEY_FILE belong to the certificate of HTTP_CERT_FILE?",
    );
  }
}

/** Serves the endpoints. @throws {AdminError} */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  assertUsable(options.tls);
  try {
    const server = await listen(options);
    tellExposure(options, server.url);
    return server;
  } catch (error) {
    throw unobtainable(options, error);
  }
}

async function listen(options: AdminServerOptions): Promise<AdminServer> {
  const { hostname, port, tls, logger } = options;
  const closing = new AbortController();
  const closed = new AbortController();
  const router = routerOf(options, closing.signal, closed.signal);
  const failures = new Refusals<Failure>(
    (failure, from, count) =>
      logger.error("the admin listener could not answer a request", { ...failure, from, count }),
    closed.signal,
  );
  const answer = async (request: Request, client: Client) => {
    try {
      return await router.answer(request, client);
    } catch (error) {
      const failure = { path: printable(pathOf(request) ?? ""), reason: printable(firstLine(error)) };
      failures.happened(`${failure.path} ${failure.reason}`, failure, client.from);
      return internalError();
    }
  };
  const served = {
    hostname,
    port,
    closingGraceMs: CLOSING_GRACE_MS,
    onError: internalError,
    onInterruption: (reason: string) => logger.error(INTERRUPTED, { reason: printable(reason) }),
  };
  if (tls?.clientCa === undefined) {
    const listener = new HttpListener({
      ...served,
      tls,
      answer: (request, from) => answer(request, { from, certificate: undefined }),
    });
    return endingStreams(listener, closing, closed);
  }
  // Only who asks for certificates pays for Node's HTTPS.
  const { CertifiedListener } = await import("../platform/http/certified_listener.ts");
  const listener = await CertifiedListener.open({
    ...served,
    tls: { ...tls, clientCa: tls.clientCa },
    onFull: (connections) =>
      logger.warn("the admin listener has as many connections as it takes: further ones are closed", {
        connections,
      }),
    answer: (request, from, certificate) =>
      answer(request, { from, certificate: certificate && printable(certificate) }),
  });
  return endingStreams(listener, closing, closed);
}

/**
 * A server that ends its streams before it waits for the replies that are on their way, and that logs the
 * last refusals after them.
 */
function endingStreams(
  listener: AdminServer,
  closing: AbortController,
  closed: AbortController,
): AdminServer {
  const { url, port } = listener;
  const close = async () => {
    closing.abort();
    await listener.close();
    closed.abort();
  };
  return { url, port, close };
}

function routerOf(options: AdminServerOptions, closing: AbortSignal, closed: AbortSignal): Router {
  const { allowedHosts, hostname, surroundings, tls } = options;
  const gate = new AdminGate({
    ...options,
    hasTls: tls !== undefined,
    asksForCertificates: tls?.clientCa !== undefined,
    allowedHosts: [...allowedHosts, hostname.toLowerCase()],
  }, closed);
  return new Router(endpointsOver(surroundings, sessionEndpoints(gate), closing), gate);
}

/** Says what other hosts can reach. That tokens are sent in the clear is a warning of the settings. */
function tellExposure({ hostname, logger, tokens }: AdminServerOptions, url: string): void {
  if (isLoopback(hostname) || tokens.viewer !== undefined || tokens.admin !== undefined) return;
  logger.warn(
    "other hosts reach the admin listener, and no token is set: health and metrics are open to them all, " +
      "and nothing else is served (VIEWER_TOKEN, ADMIN_TOKEN)",
    { url },
  );
}

function unobtainable({ hostname, port }: AdminAddress, error: unknown): AdminError {
  return new AdminError(
    `The admin listener cannot have ${hostname}:${port} (${firstLine(error)}). ` +
      "Set HTTP_LISTEN to another address, or to off.",
  );
}

function firstLine(error: unknown): string {
  return reasonOf(error).split("\n")[0]!;
}
