import { assertJson, BodyError, readBody } from "../platform/http/body.ts";
import { ByteBudget } from "../platform/http/byte_budget.ts";
import { HttpListener, INTERRUPTED } from "../platform/http/http_listener.ts";
import { Rarely } from "../platform/http/rarely.ts";
import type { Logger } from "../platform/log/logger.ts";
import { type ChunkStore, EventLog, type WhenFull } from "./event_log.ts";
import { LogFullError, UnwritableError } from "./log_errors.ts";
import { MemoryStore } from "./memory_store.ts";
import { QueryError, ReadQuery } from "./query.ts";
import { splitArray } from "./raw_events.ts";
import { JSON_TYPE, Replies } from "./reply.ts";
import { openStores } from "./sqlite_store.ts";

export interface BusServerOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  readonly store: { readonly kind: "memory" } | { readonly kind: "sqlite"; readonly path: string };
  readonly maxEvents: number;
  readonly maxBytes: number;
  /**
   * Undefined: events are refused while a known consumer has not read those that would have to be dropped.
   */
  readonly whenFull?: WhenFull | undefined;
  /** Silence after which a consumer no longer counts. */
  readonly consumerExpiryMs: number;
  /** Undefined: everybody may read and write. */
  readonly token?: string;
  /** Host names, besides those of loopback, that a client without the token may use. */
  readonly allowedHosts: readonly string[];
  /** PEM texts; undefined: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly logger: Logger;
}

export interface BusServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** The bus cannot be started. The message is for the operator. */
export class BusError extends Error {
  override readonly name = "BusError";

  /** @param isInUse Whether another bus has the log. */
  constructor(message: string, readonly isInUse = false) {
    super(message);
  }
}

const METRICS_BOUNDS = { maxEvents: 100_000, maxBytes: 64 * 1024 * 1024 };
const MAX_READERS = 256;
/** How long closing waits for requests that are being answered. */
const CLOSING_GRACE_MS = 1000;
/** Bytes of all request bodies that are still being read, small ones not counted. */
const BODIES_MAX_BYTES = 128 * 1024 * 1024;
/** `Retry-After` for a publisher while the event log takes nothing. */
const RETRY_SECONDS = 5;

/** Starts the reference VaBus: the whole protocol over HTTP. @throws {BusError} */
export function startBus(options: BusServerOptions): BusServer {
  const bus = Bus.open(options);
  try {
    return bus.listen();
  } catch (error) {
    bus.closeLogs();
    throw error;
  }
}

class Bus {
  private readers = 0;
  private readonly bodies = new ByteBudget(BODIES_MAX_BYTES);
  private readonly replies = new Replies();
  private readonly fullness = new Rarely();
  private readonly failures = new Rarely();

  private constructor(
    private readonly options: BusServerOptions,
    private readonly events: EventLog,
    private readonly metrics: EventLog,
  ) {}

  static open(options: BusServerOptions): Bus {
    const { store, logger } = options;
    const strangers = new Rarely();
    const common = {
      whenFull: options.whenFull,
      consumerExpiryMs: options.consumerExpiryMs,
      nowMs: () => performance.now(),
      onStranger: (consumer: string) =>
        strangers.happened(() =>
          logger.warn("too many consumers are known: what this one has not read may be dropped", { consumer })
        ),
    };
    const onLoss = (first: number) =>
      logger.warn(
        "the log is full: the oldest events are dropped though not every consumer has acknowledged them",
        { first },
      );
    try {
      const storeNamed = opened(store);
      const { maxEvents, maxBytes } = options;
      return new Bus(
        options,
        new EventLog(storeNamed("events"), { ...common, maxEvents, maxBytes, onLoss }),
        new EventLog(storeNamed("metrics"), { ...common, ...METRICS_BOUNDS, onLoss: () => {} }),
      );
    } catch (error) {
      const path = store.kind === "sqlite" ? store.path : "in memory";
      const reason = (error as Error).message;
      const isInUse = /locked/.test(reason);
      throw new BusError(
        isInUse
          ? `The log ${path} is in use by another bus. Stop that one, or give another --data-dir.`
          : `The log ${path} cannot be opened: ${reason}. Mend or move the file, or give another --data-dir.`,
        isInUse,
      );
    }
  }

  listen(): BusServer {
    const { hostname, port, tls, token, allowedHosts, logger } = this.options;
    let listener: HttpListener;
    try {
      listener = new HttpListener({
        hostname,
        port,
        tls,
        closingGraceMs: CLOSING_GRACE_MS,
        guard: {
          access: {
            allowedHosts: [...allowedHosts, hostname.toLowerCase()],
            token,
            onRefusal: ({ message }, from, count) =>
              logger.warn("a request was refused", { reason: message, from, count }),
          },
          refuse: ({ status, message, headers }) => problem(status, message, headers),
        },
        answer: (request) => this.answer(request),
        onError: (error) => {
          logger.error("a request could not be answered", { error: (error as Error).message });
          return problem(500, "the bus could not answer");
        },
        onInterruption: (reason) => logger.error(INTERRUPTED, { reason }),
      });
    } catch (error) {
      const reason = (error as Error).message.split("\n")[0];
      const advice = tls === undefined ? "Give another --listen" : "Look at --listen and the TLS files";
      throw new BusError(`The bus cannot listen on ${hostname}:${port}: ${reason}. ${advice}.`);
    }
    return {
      port: listener.port,
      url: listener.url,
      close: async () => {
        this.events.endWaiting();
        this.metrics.endWaiting();
        await listener.close();
        this.closeLogs();
      },
    };
  }

  closeLogs(): void {
    this.events.close();
    this.metrics.close();
  }

  private async answer(request: Request): Promise<Response> {
    try {
      const url = URL.parse(request.url);
      if (url === null) return problem(400, "path or host is not one of HTTP");
      return await this.route(request, url);
    } catch (error) {
      if (error instanceof QueryError) return problem(400, error.message);
      if (error instanceof BodyError) return bodyProblem(error);
      if (error instanceof LogFullError) return this.fullProblem(error);
      if (error instanceof UnwritableError) return this.unwritableProblem(error);
      throw error;
    }
  }

  private async route(request: Request, url: URL): Promise<Response> {
    const handlers: Record<string, Record<string, () => Response | Promise<Response>>> = {
      "/events": {
        GET: () => this.read(this.events, request, url),
        POST: async () => json(202, { next: await this.publish(this.events, request) }),
      },
      "/metrics": {
        GET: () => this.read(this.metrics, request, url),
        POST: async () => {
          await this.publish(this.metrics, request);
          return new Response(null, { status: 204 });
        },
      },
      "/event": { GET: () => this.take() },
      "/healthz": {
        GET: () => {
          const { id, first, next } = this.events;
          return json(200, { status: "ok", log: id, first, next });
        },
      },
    };
    const methods = handlers[url.pathname];
    if (methods === undefined) return problem(404, "there is /events, /event, /metrics and /healthz");
    if (Object.hasOwn(methods, request.method)) return await methods[request.method]!();
    const allow = Object.keys(methods).join(", ");
    return problem(405, `${url.pathname} takes ${allow}`, { allow });
  }

  private fullProblem({ message, isForGood }: LogFullError): Response {
    if (isForGood) return problem(413, message);
    this.fullness.happened((count) =>
      this.options.logger.warn("events were refused; --when-full drop-oldest would drop old ones instead", {
        reason: message,
        count,
      })
    );
    return problem(429, message, { "retry-after": `${RETRY_SECONDS}` });
  }

  private unwritableProblem({ message }: UnwritableError): Response {
    this.failures.happened((count) =>
      this.options.logger.error("the log cannot be written, and publishers are told to send again later", {
        error: message,
        count,
      })
    );
    return problem(503, "the log cannot be written; send again later", { "retry-after": `${RETRY_SECONDS}` });
  }

  private async read(log: EventLog, request: Request, url: URL): Promise<Response> {
    const query = new ReadQuery(url.searchParams);
    const ack = query.ack ?? 0;
    // An acknowledgement beyond the end belongs to an earlier event log.
    if (query.consumer !== undefined && ack <= log.next) log.acknowledge(query.consumer, ack);
    const { id, first, next } = log;
    const offset = query.offset ?? first;
    if (offset < first) return json(410, { log: id, first, next });
    if (offset > next) return json(416, { log: id, first, next });
    const isGzipped = acceptsGzip(request);
    if (offset < next || query.waitMs === 0) {
      return await this.replies.now(log, offset, query.limit, isGzipped) ??
        problem(503, "too many large replies have not been taken", { "retry-after": "1" });
    }
    if (this.readers >= MAX_READERS) return problem(503, "too many readers wait", { "retry-after": "1" });
    this.readers++;
    return this.replies.later(
      log,
      offset,
      query.limit,
      isGzipped,
      (gone) => log.waitFor(offset, query.waitMs, gone).finally(() => this.readers--),
    );
  }

  private async publish(log: EventLog, request: Request): Promise<number> {
    assertJson(request);
    log.append(splitArray(await readBody(request, this.bodies)));
    return log.next;
  }

  private take(): Response {
    const event = this.events.take();
    if (event === undefined) return new Response(null, { status: 204 });
    return new Response(event.slice(), { headers: JSON_TYPE });
  }
}

function opened(store: BusServerOptions["store"]): (logName: string) => ChunkStore {
  if (store.kind === "memory") return () => new MemoryStore();
  return openStores(store.path);
}

function acceptsGzip(request: Request): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(request.headers.get("accept-encoding") ?? "");
}

function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: { ...JSON_TYPE, ...headers } });
}

function bodyProblem({ status, message, position }: BodyError): Response {
  return json(status, { error: message, position }, status === 503 ? { "retry-after": "1" } : {});
}

function problem(status: number, error: string, headers?: Readonly<Record<string, string>>): Response {
  return json(status, { error }, headers);
}
