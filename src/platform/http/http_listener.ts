import { Access, type AccessOptions, type Refusal } from "./access.ts";
import { Rarely } from "./rarely.ts";

/** Decides which requests are answered. */
export interface Guard {
  readonly access: AccessOptions;
  /** The reply to a request that is refused. */
  readonly refuse: (refusal: Refusal, request: Request) => Response;
}

export interface HttpListenerOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM texts; undefined: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** How long closing waits for requests that are being answered. */
  readonly closingGraceMs: number;
  /** Undefined: the answer decides who gets one. */
  readonly guard?: Guard;
  /** @param from Address of the client. */
  readonly answer: (request: Request, from: string) => Response | Promise<Response>;
  /** The reply where the handler threw. */
  readonly onError: (error: unknown) => Response;
  /**
   * Called when all connections had to be closed, with the reason, mostly that the process cannot open
   * another file. At most once a minute.
   */
  readonly onInterruption: (reason: string) => void;
}

/** The log line for `onInterruption`. */
export const INTERRUPTED =
  "all connections were given up; where there are too many open files, raise the limit (ulimit -n, " +
  "LimitNOFILE)";

/**
 * Pause before the next try. Descriptors usually become free within it, and it keeps a process without
 * descriptors from a busy loop.
 */
const RETRY_MS = 100;

/**
 * Serves HTTP until it is closed. The runtime's server ends for good where accepting a connection fails, as
 * it does without free descriptors, but it keeps its open connections. So anybody who opens enough
 * connections could end the service. Therefore all connections are closed then, which frees the descriptors
 * for other clients and for the rest of the process, and a new server is started.
 */
export class HttpListener {
  /** The port that it listens on. It stays the same when a new server is started. */
  readonly port: number;
  private isClosing = false;
  private readonly closed = new AbortController();
  /** While many connections keep coming, each try fails again. Not each failure is worth a log line. */
  private readonly rarely = new Rarely();
  private readonly access: Access | undefined;
  private server: Deno.HttpServer<Deno.NetAddr>;

  /** @throws {Error} It cannot listen there, or not with this certificate. */
  constructor(private readonly options: HttpListenerOptions) {
    this.access = options.guard && new Access(options.guard.access, this.closed.signal);
    this.server = this.listen(options.port);
    this.port = this.server.addr.port;
  }

  get url(): string {
    const { hostname, tls } = this.options;
    return `${tls ? "https" : "http"}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${this.port}`;
  }

  async close(): Promise<void> {
    this.isClosing = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const grace = new Promise<void>((resolve) => timer = setTimeout(resolve, this.options.closingGraceMs));
    await Promise.race([this.server.shutdown(), grace]);
    clearTimeout(timer);
    this.closed.abort();
  }

  private listen(port: number): Deno.HttpServer<Deno.NetAddr> {
    const { hostname, tls, onError } = this.options;
    const connections = new AbortController();
    const { signal } = connections;
    const server = Deno.serve(
      { hostname, port, signal, onListen: () => {}, onError, ...tls },
      (request, { remoteAddr }) => this.answer(request, remoteAddr.hostname),
    );
    server.finished.catch((error: Error) => {
      connections.abort();
      this.report(error.message);
      this.listenAgain();
    });
    return server;
  }

  private async answer(request: Request, from: string): Promise<Response> {
    const { answer, guard } = this.options;
    const refusal = await this.access?.refusal(request, from);
    return refusal === undefined ? await answer(request, from) : guard!.refuse(refusal, request);
  }

  private report(reason: string): void {
    this.rarely.happened(() => this.options.onInterruption(reason));
  }

  private listenAgain(): void {
    setTimeout(() => {
      if (this.isClosing) return;
      try {
        this.server = this.listen(this.port);
      } catch (error) {
        this.report(`cannot listen again: ${(error as Error).message}`);
        this.listenAgain();
      }
    }, RETRY_MS);
  }
}
