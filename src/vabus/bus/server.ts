import { createHash, timingSafeEqual } from "node:crypto";
import { HttpListener, INTERRUPTED } from "../../http/http_listener.ts";
import type { Logger } from "../../log/logger.ts";
import { type ChunkStore, EventLog } from "./event_log.ts";
import { concatenated } from "../bounded_bytes.ts";
import { BodyError, readBody } from "./body.ts";
import { MemoryStore } from "./memory_store.ts";
import { QueryError, ReadQuery } from "./query.ts";
import { NotAnArrayError, splitArray } from "./raw_events.ts";
import { openDatabase, SqliteStore } from "./sqlite_store.ts";

export interface BusServerOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  readonly storage: { readonly kind: "memory" } | { readonly kind: "sqlite"; readonly path: string };
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** Undefined: everybody may read and write. */
  readonly token?: string;
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
}

const METRICS_BOUNDS = { maxEvents: 100_000, maxBytes: 64 * 1024 * 1024 };
const MAX_READERS = 256;
/** How long requests that are being answered may hold up closing. */
const CLOSING_GRACE_MS = 1000;
const WORTH_COMPRESSING_BYTES = 1024;
const COMMA = new Uint8Array([0x2c]);
const TAIL = new TextEncoder().encode("]}");

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

  private constructor(
    private readonly options: BusServerOptions,
    private readonly events: EventLog,
    private readonly metrics: EventLog,
  ) {}

  static open(options: BusServerOptions): Bus {
    const { storage, logger } = options;
    const onLoss = (first: number) =>
      logger.warn(
        "the log is full: the oldest events are trimmed though not every consumer has acknowledged them",
        {
          first,
        },
      );
    try {
      const storeNamed = opened(storage);
      return new Bus(
        options,
        new EventLog(storeNamed("events"), options, onLoss),
        new EventLog(storeNamed("metrics"), METRICS_BOUNDS, () => {}),
      );
    } catch (error) {
      const path = storage.kind === "sqlite" ? storage.path : "in memory";
      const reason = (error as Error).message;
      throw new BusError(
        /locked/.test(reason)
          ? `The log ${path} is in use by another bus. Stop that one, or give another --data-dir.`
          : `The log ${path} cannot be opened: ${reason}. Mend or move the file, or give another --data-dir.`,
      );
    }
  }

  listen(): BusServer {
    const { hostname, port, tls, logger } = this.options;
    let listener: HttpListener;
    try {
      listener = new HttpListener({
        hostname,
        port,
        tls,
        closingGraceMs: CLOSING_GRACE_MS,
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
      const refusal = url.pathname === "/healthz" ? undefined : this.refusal(request);
      return refusal ?? await this.route(request, url);
    } catch (error) {
      if (error instanceof QueryError || error instanceof NotAnArrayError) return problem(400, error.message);
      if (error instanceof BodyError) return problem(error.status, error.message);
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

  private refusal(request: Request): Response | undefined {
    const { token } = this.options;
    if (token === undefined) return undefined;
    const given = request.headers.get("authorization");
    if (given === null) {
      return problem(401, "a bearer token is needed", { "www-authenticate": "Bearer" });
    }
    return timingSafeEqual(digest(given), digest(`Bearer ${token}`))
      ? undefined
      : problem(403, "the token is not right");
  }

  private async read(log: EventLog, request: Request, url: URL): Promise<Response> {
    const query = new ReadQuery(url.searchParams);
    const ack = query.ack ?? 0;
    // Beyond the end, it speaks of a log that was here before.
    if (query.consumer !== undefined && ack <= log.next) log.acknowledge(query.consumer, ack);
    const { id, first, next } = log;
    const offset = query.offset ?? first;
    if (offset < first) return json(410, { log: id, first, next });
    if (offset > next) return json(416, { log: id, first, next });
    const isGzipped = acceptsGzip(request);
    if (offset < next || query.waitMs === 0) return await whole(reply(log, offset, query.limit), isGzipped);
    if (this.readers >= MAX_READERS) return problem(503, "too many readers wait", { "retry-after": "1" });
    return streamed(this.awaited(log, offset, query), isGzipped);
  }

  /** A reply that comes when there is something to say; the runtime tells a reader's going away only of a body it streams. */
  private awaited(
    log: EventLog,
    offset: number,
    { limit, waitMs }: ReadQuery,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const gone = new AbortController();
    this.readers++;
    return new ReadableStream({
      start: async (controller) => {
        await log.waitFor(offset, waitMs, gone.signal);
        this.readers--;
        if (gone.signal.aborted) return;
        // Where it was trimmed away meanwhile, the next request is told.
        controller.enqueue(reply(log, offset, offset < log.first ? 0 : limit));
        controller.close();
      },
      cancel: () => gone.abort(),
    });
  }

  private async publish(log: EventLog, request: Request): Promise<number> {
    log.append(splitArray(await readBody(request)));
    return log.next;
  }

  private take(): Response {
    const event = this.events.take();
    if (event === undefined) return new Response(null, { status: 204 });
    return new Response(event.slice(), { headers: JSON_TYPE });
  }
}

const JSON_TYPE = { "content-type": "application/json" };
const GZIPPED_JSON_TYPE = { ...JSON_TYPE, "content-encoding": "gzip", vary: "accept-encoding" };

function opened(storage: BusServerOptions["storage"]): (logName: string) => ChunkStore {
  if (storage.kind === "memory") return () => new MemoryStore();
  const database = openDatabase(storage.path);
  return (logName) => new SqliteStore(database, logName);
}

function reply(log: EventLog, offset: number, limit: number): Uint8Array<ArrayBuffer> {
  const { pieces, next } = log.read(offset, limit);
  const head = `{"log":"${log.id}","offset":${offset},"next":${next},"events":[`;
  const events = pieces.flatMap((piece, i) => i === 0 ? [piece] : [COMMA, piece]);
  return concatenated([new TextEncoder().encode(head), ...events, TAIL]);
}

function acceptsGzip(request: Request): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(request.headers.get("accept-encoding") ?? "");
}

async function whole(bytes: Uint8Array<ArrayBuffer>, isGzipped: boolean): Promise<Response> {
  if (!isGzipped || bytes.length < WORTH_COMPRESSING_BYTES) {
    return new Response(bytes, { headers: JSON_TYPE });
  }
  const packed = new Response(bytes).body!.pipeThrough(new CompressionStream("gzip"));
  return new Response(await new Response(packed).bytes(), { headers: GZIPPED_JSON_TYPE });
}

function streamed(body: ReadableStream<Uint8Array<ArrayBuffer>>, isGzipped: boolean): Response {
  return isGzipped
    ? new Response(body.pipeThrough(new CompressionStream("gzip")), { headers: GZIPPED_JSON_TYPE })
    : new Response(body, { headers: JSON_TYPE });
}

function json(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: { ...JSON_TYPE, ...headers } });
}

function problem(status: number, error: string, headers?: Record<string, string>): Response {
  return json(status, { error }, headers);
}

/** Of equal length whatever the text, so that comparing tells nothing about it. */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
