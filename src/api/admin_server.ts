import { isLoopback, pathOf } from "../platform/http/access.ts";
import { HttpListener, INTERRUPTED } from "../platform/http/http_listener.ts";
import type { Logger } from "../platform/log/logger.ts";
import { alarmsOf, causesOf } from "../runtime/readiness.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "./prometheus.ts";

export interface AdminServerOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** Host names that clients may use besides those of loopback. */
  readonly allowedHosts: readonly string[];
  /** The state of the handler. */
  readonly look: () => LiveOverview;
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

const TEXT = "text/plain; charset=utf-8";
const INDEX =
  "VaBus Data Handler\n\n/healthz  is the process alive\n/readyz   do events go in and aggregates out\n" +
  "/metrics  for Prometheus\n";

/** Listens on the address for a moment. @throws {AdminError} */
export function tryAdminAddress({ hostname, port }: Pick<AdminServerOptions, "hostname" | "port">): void {
  try {
    Deno.listen({ hostname, port }).close();
  } catch (error) {
    throw unobtainable(hostname, port, error);
  }
}

/** Serves `/healthz`, `/readyz` and `/metrics`. @throws {AdminError} */
export function startAdminServer(options: AdminServerOptions): AdminServer {
  const { hostname, port, allowedHosts, logger } = options;
  try {
    const listener = new HttpListener({
      hostname,
      port,
      access: {
        allowedHosts: [...allowedHosts, hostname.toLowerCase()],
        token: undefined,
        onRefusal: ({ message }, from, count) =>
          logger.warn("a request was refused", { reason: message, from, count }),
      },
      refuse: ({ status, message, headers }) => reply(status, TEXT, `${message}\n`, headers),
      closingGraceMs: CLOSING_GRACE_MS,
      answer: (request) => answer(request, options),
      onError: () => {
        logger.error("the admin listener could not answer a request");
        return new Response("internal error\n", { status: 500 });
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

function answer(request: Request, { look }: AdminServerOptions): Response {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return reply(405, TEXT, "only GET\n", { allow: "GET, HEAD" });
  }
  switch (pathOf(request)) {
    case "/healthz":
      return json(200, { status: "ok" });
    case "/readyz": {
      const overview = look();
      const causes = causesOf(overview);
      const alarms = alarmsOf(overview);
      const said = { causes, ...(alarms.length > 0 && { alarms }) };
      return causes.length === 0
        ? json(200, { status: "ready", ...said })
        : json(503, { status: "not_ready", ...said });
    }
    case "/metrics":
      return reply(200, PROMETHEUS_CONTENT_TYPE, prometheusText(look()));
    case "/":
      return reply(200, TEXT, INDEX);
    default:
      return reply(404, TEXT, "not found\n");
  }
}

function json(status: number, value: unknown): Response {
  return reply(status, "application/json", JSON.stringify(value) + "\n");
}

function reply(status: number, type: string, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    status,
    headers: {
      "content-type": type,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}
