import { Access, type AccessOptions, type Refusal } from "./access.ts";
import { Rarely } from "./rarely.ts";

export interface HttpListenerOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM texts; undefined: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** How long requests that are being answered may hold up closing. */
  readonly closingGraceMs: number;
  readonly access: AccessOptions;
  /** The reply to who is not let in. */
  readonly refuse: (refusal: Refusal) => Response;
  readonly answer: (request: Request) => Response | Promise<Response>;
  /** The reply in place of an answer that threw. */
  readonly onError: (error: unknown) => Response;
  /** Every connection has been given up, and why: mostly because the process may not open another file. Once a minute at most. */
  readonly onInterruption: (reason: string) => void;
}

/** For the log, when that has happened. */
export const INTERRUPTED =
  "all connections were given up; where there are too many open files, raise the limit (ulimit -n, LimitNOFILE)";

/** Descriptors come free within it, as a rule; and a process that cannot have them is not kept busy by trying. */
const RETRY_MS = 100;

/**
 * Serves HTTP until it is closed. The runtime's server ends for good where accepting fails, as it does when descriptors run out, and
 * keeps what it has: who only opens connections would shut all others out. So its connections are given up then, which makes the
 * descriptors free again for clients that mean something and for the rest of the process, and a new server takes its place.
 */
export class HttpListener {
  /** Where it listens, the same as long as it does. */
  readonly port: number;
  private isClosing = false;
  /** A crowd that stays brings an interruption with each try: not each is worth a line. */
  private readonly rarely = new Rarely();
  private readonly access: Access;
  private server: Deno.HttpServer<Deno.NetAddr>;

  /** @throws {Error} It cannot listen there, or not with this certificate. */
  constructor(private readonly options: HttpListenerOptions) {
    this.access = new Access(options.access);
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
    const refusal = await this.access.refusal(request, from);
    return refusal === undefined ? await this.options.answer(request) : this.options.refuse(refusal);
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
