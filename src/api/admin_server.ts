import { isLoopback } from "../platform/http/access.ts";
import { HttpListener, INTERRUPTED } from "../platform/http/http_listener.ts";
import type { Logger } from "../platform/log/logger.ts";
import { AdminGate } from "./admin_gate.ts";
import { type ApiSurroundings, endpointsOver } from "./endpoints.ts";
import { internalError, Router } from "./router.ts";

export interface AdminServerOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** Host names that clients may use besides those of loopback. */
  readonly allowedHosts: readonly string[];
  /** What the endpoints stand on. */
  readonly surroundings: ApiSurroundings;
  readonly logger: Logger;
}

export interface AdminServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** The listener cannot be opened. The message is for the operator. */
export class AdminError extends Error {
  override readonly name = "AdminError";
}

/** How long closing waits for the rest of a request, so that no client can keep the handler from stopping. */
const CLOSING_GRACE_MS = 500;

/** Listens on the address for a moment. @throws {AdminError} */
export function tryAdminAddress({ hostname, port }: Pick<AdminServerOptions, "hostname" | "port">): void {
  try {
    Deno.listen({ hostname, port }).close();
  } catch (error) {
    throw unobtainable(hostname, port, error);
  }
}

/** Serves the endpoints. @throws {AdminError} */
export function startAdminServer(options: AdminServerOptions): AdminServer {
  const { hostname, port, allowedHosts, surroundings, logger } = options;
  const gate = new AdminGate({ allowedHosts: [...allowedHosts, hostname.toLowerCase()], logger });
  const router = new Router(endpointsOver(surroundings), gate);
  try {
    const listener = new HttpListener({
      hostname,
      port,
      closingGraceMs: CLOSING_GRACE_MS,
      answer: (request, from) => router.answer(request, from),
      onError: () => {
        logger.error("the admin listener could not answer a request");
        return internalError();
      },
      onInterruption: (reason) => logger.error(INTERRUPTED, { reason }),
    });
    if (!isLoopback(hostname)) {
      logger.warn("other hosts reach the admin listener: health and metrics are open to them all", {
        url: listener.url,
      });
    }
    return listener;
  } catch (error) {
    throw unobtainable(hostname, port, error);
  }
}

function unobtainable(hostname: string, port: number, error: unknown): AdminError {
  return new AdminError(
    `The admin listener cannot have ${hostname}:${port} (${(error as Error).message.split("\n")[0]}). ` +
      "Set HTTP_LISTEN to another address, or to off.",
  );
}
