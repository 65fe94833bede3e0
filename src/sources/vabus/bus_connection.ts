import { denialOf } from "../../platform/log/denial.ts";
import { dialectOf } from "../../platform/net/dialect.ts";
import { SourceError } from "../../contract/source.ts";
import { type BusAddress, clientFor, credentialsAdvice, headersFor, viaProxy } from "./bus_address.ts";
import { dateOf, explanation, readBody, retryAfterMs, strayForm } from "./bus_answer.ts";

export interface BusRequest {
  readonly path: string;
  readonly method?: "GET" | "POST";
  readonly body?: string;
  /** How long the bus may take to answer, beyond the time for the connection. */
  readonly waitSeconds?: number;
  /** How many events were asked for. */
  readonly events?: number;
  /** Statuses that are valid for this request. Any other is an error. */
  readonly expected: readonly number[];
  /** Called once an answer of the bus has begun, with its status. */
  readonly answered?: (status: number) => void;
}

export interface BusResponse {
  readonly status: number;
  readonly body: Uint8Array;
  /** The time that the bus tells, Unix ms; undefined: it does not tell. */
  readonly dateMs: number | undefined;
}

const ANSWER_TIMEOUT_MS = 15_000;
const BODY_TIMEOUT_MS = 120_000;
/** How long a request takes at most, beyond the time that the bus was asked to wait. */
export const REQUEST_MAX_MS = ANSWER_TIMEOUT_MS + BODY_TIMEOUT_MS;
const KIB = 1024;
const MIB = 1024 * KIB;
/**
 * Bytes of the replies of all buses together, one reply each: a million events of the usual size. Larger
 * replies would exhaust the memory, even if they are small while compressed; so would replies of many buses
 * that are each within a bound.
 */
const REPLIES_MAX_BYTES = 128 * MIB;
/**
 * Bytes that a reply may have for any number of events. So a single event may be large: it is refused with
 * its offset, and the next one is read.
 */
const LEAST_REPLY_BYTES = 8 * MIB;
/** Bytes of an event in a reply of many, on average: as much as a dead letter keeps of an event. */
const EVENT_MAX_BYTES = 64 * KIB;
/** Bytes at most of any other answer, such as what a bus reports about itself. */
const ANSWER_MAX_BYTES = MIB;

/**
 * HTTP requests to one bus over connections that stay open. Every failure is a {@link SourceError}; nothing
 * is retried.
 */
export class BusConnection {
  readonly name: string;
  /** Whether it has ever answered in HTTP. Then a failed connection needs no search for its protocol. */
  private hasAnswered = false;
  private readonly base: string;
  private headers: Record<string, string>;
  private client: Deno.HttpClient;
  /** Bytes of a reply at most. */
  private readonly shareBytes: number;
  /** The part of messages about the proxy. */
  private via: string;
  private credentialsAdvice: string;

  /** @param name The operator's name for it; left out: its URL without credentials. */
  constructor(address: BusAddress, name?: string) {
    const url = new URL(address.url);
    url.username = url.password = "";
    this.base = url.href.replace(/\/$/, "");
    this.name = name ?? this.base;
    this.headers = headersFor(address);
    this.client = clientFor(address);
    this.shareBytes = Math.floor(REPLIES_MAX_BYTES / (address.busCount ?? 1));
    this.via = viaProxy(address);
    this.credentialsAdvice = credentialsAdvice(address);
  }

  /** Uses other credentials and certificates from the next request on. */
  change(address: BusAddress): void {
    this.headers = headersFor(address);
    this.via = viaProxy(address);
    this.credentialsAdvice = credentialsAdvice(address);
    const before = this.client;
    this.client = clientFor(address);
    // Requests that are under way are completed.
    before.close();
  }

  /** Asks the bus for the time only, Unix ms; undefined: it does not tell. @throws {SourceError} */
  async time(signal: AbortSignal): Promise<number | undefined> {
    return (await this.request({ path: "/healthz", expected: [200, 404] }, signal)).dateMs;
  }

  /** @throws {SourceError} */
  async request(request: BusRequest, signal: AbortSignal): Promise<BusResponse> {
    const timeout = new AbortController();
    const stopwatch = setTimeout(
      () => timeout.abort(),
      ANSWER_TIMEOUT_MS + (request.waitSeconds ?? 0) * 1000,
    );
    let isAnswering = false;
    let bodyStopwatch: ReturnType<typeof setTimeout> | undefined;
    try {
      const options: RequestInit & { readonly client: Deno.HttpClient } = {
        client: this.client,
        method: request.method ?? "GET",
        headers: request.body === undefined ? this.headers : { ...this.headers, ...JSON_BODY },
        ...(request.body !== undefined && { body: request.body }),
        // A token is sent to the configured bus only, never after a redirect.
        redirect: "manual",
        signal: AbortSignal.any([signal, timeout.signal]),
      };
      const response = await fetch(this.base + request.path, options);
      isAnswering = this.hasAnswered = true;
      clearTimeout(stopwatch);
      bodyStopwatch = setTimeout(() => timeout.abort(), BODY_TIMEOUT_MS);
      const isExpected = request.expected.includes(response.status);
      const stray = isExpected ? strayForm(response.headers) : undefined;
      if (stray !== undefined) {
        await response.body?.cancel();
        const what = `${request.method ?? "GET"} ${request.path.split("?")[0]}`;
        throw new SourceError(
          "garbage",
          `${this.name}: ${what} was answered with ${stray}${this.via}: is VABUS_URL that of a VaBus?`,
        );
      }
      request.answered?.(response.status);
      const body = await readBody(response, isExpected ? this.bodyMaxBytes(request) : ANSWER_MAX_BYTES);
      if (!isExpected) throw this.refusal(response, body ?? new Uint8Array(0), request);
      if (body === undefined) throw this.tooLarge(request);
      return { status: response.status, body, dateMs: dateOf(response.headers) };
    } catch (error) {
      if (error instanceof SourceError) throw error;
      if (signal.aborted) throw new SourceError("unavailable", `${this.name}: the request was cancelled`);
      if (timeout.signal.aborted) {
        throw new SourceError(
          "unavailable",
          isAnswering
            ? `${this.name}: the answer did not end within ${BODY_TIMEOUT_MS / 1000} s`
            : `${this.name}: no answer in time`,
        );
      }
      const failure = await this.failure(error, isAnswering, signal);
      if (signal.aborted) throw new SourceError("unavailable", `${this.name}: the request was cancelled`);
      throw failure;
    } finally {
      clearTimeout(stopwatch);
      clearTimeout(bodyStopwatch);
    }
  }

  close(): void {
    this.client.close();
  }

  private bodyMaxBytes({ events }: BusRequest): number {
    if (events === undefined) return ANSWER_MAX_BYTES;
    return Math.min(this.shareBytes, LEAST_REPLY_BYTES + events * EVENT_MAX_BYTES);
  }

  private tooLarge(request: BusRequest): SourceError {
    const size = `${Math.floor(this.bodyMaxBytes(request) / KIB)} KiB`;
    if (request.events === undefined) {
      return new SourceError("garbage", `${this.name}: the answer is larger than ${size}: is this a VaBus?`);
    }
    return new SourceError(
      "incomplete",
      `${this.name}: the answer is larger than ${size}, which is what ${request.events} events may come to` +
        `${
          this.shareBytes < REPLIES_MAX_BYTES ? " where several buses share the memory" : ""
        }: lower VABUS_BATCH_SIZE`,
    );
  }

  private async failure(error: unknown, isAnswering: boolean, signal: AbortSignal): Promise<SourceError> {
    const denial = denialOf(error);
    if (denial !== undefined) return new SourceError("refused", `${this.name}: ${denial}`);
    const cause = causeOf(error);
    const blocked = BLOCKED_PORT.exec(cause)?.[1];
    if (blocked !== undefined) {
      return new SourceError(
        "refused",
        `${this.name}: port ${blocked} belongs to another protocol, and no HTTP is sent to it (the ` +
          "list of blocked ports that browsers have): let the bus listen on another port",
      );
    }
    const stranger = this.hasAnswered || this.via !== "" || REACHES_NOBODY.test(cause)
      ? undefined
      : await this.stranger(signal);
    if (stranger !== undefined) return new SourceError("refused", `${this.name}: ${stranger}`);
    const words = forPeople(cause);
    if (/certificate|handshake|tls/i.test(cause)) {
      return new SourceError("refused", `${this.name}: no secure connection${this.via}: ${words}`);
    }
    return isAnswering
      ? new SourceError("incomplete", `${this.name}: the answer was cut off: ${words}`)
      : new SourceError("unavailable", `${this.name}: no connection${this.via}: ${words}`);
  }

  /** The error where the port speaks another protocol than the URL says. */
  private async stranger(signal: AbortSignal): Promise<string | undefined> {
    const { protocol, hostname, port } = new URL(this.base);
    const isSecure = protocol === "https:";
    const dialect = await dialectOf(
      hostname.replace(/^\[|\]$/g, ""),
      Number(port) || (isSecure ? 443 : 80),
      signal,
    );
    if (dialect === undefined || dialect === (isSecure ? "TLS" : "HTTP")) return undefined;
    if (dialect === "TLS") return "this port wants TLS: write https:// in VABUS_URL";
    if (dialect === "HTTP") return "this port speaks plain HTTP: write http:// in VABUS_URL";
    return `what answers there speaks ${dialect}, not HTTP: check host and port in VABUS_URL`;
  }

  private refusal(response: Response, body: Uint8Array, { path, method }: BusRequest): SourceError {
    const { status } = response;
    const at = `${this.name}: ${method ?? "GET"} ${
      path.split("?")[0]
    } was answered with ${status}${this.via}`;
    if (status === 407) {
      return new SourceError("refused", `${at}: the proxy wants a login, as in http://user:password@proxy`);
    }
    if (status === 401 || status === 403) {
      return new SourceError("refused", `${at}${explanation(body)}: ${this.credentialsAdvice}`);
    }
    if (status === 408 || status === 429 || status >= 500) {
      return new SourceError("unavailable", at + explanation(body), retryAfterMs(response.headers));
    }
    if (status >= 300 && status < 400) {
      return new SourceError("garbage", `${at}, a redirection: set VABUS_URL to where the bus really is`);
    }
    const advice = /\/(events?|metrics|healthz)\/*$/.test(new URL(this.base).pathname)
      ? "VABUS_URL names the bus alone, without what it is asked for"
      : "is this a VaBus?";
    return new SourceError("garbage", `${at}${explanation(body)}: ${advice}`);
  }
}

/** The runtime's error for a port that the Fetch standard blocks. */
const BLOCKED_PORT = /\bRequests to port (\d+) are blocked/;
/**
 * Errors that say that nobody answers there. So nobody can be asked for the protocol, and the error is kept.
 */
const REACHES_NOBODY = /os error (?:101|110|111|113)|dns error|lookup/i;

const JSON_BODY = { "content-type": "application/json" };

/** The innermost cause: the message of the operating system or of TLS, without the URL. */
function causeOf(error: unknown): string {
  let message = error instanceof Error ? error.message : String(error);
  for (let inner = error; inner instanceof Error; inner = inner.cause) message = inner.message;
  return message.replace(/^error sending request.*?\): /, "").replace(/https?:\/\/\S+/g, "the bus");
}

/** The cause without the client's layers and the number of the error, which say nothing to an operator. */
function forPeople(cause: string): string {
  const bare = cause.replace(/^client error \(\w+\): /, "").replace(/^(?:tcp connect|dns) error: /, "")
    .replace(/ \(os error \d+\)/, "");
  return bare === "" ? cause : bare[0]!.toLowerCase() + bare.slice(1);
}
