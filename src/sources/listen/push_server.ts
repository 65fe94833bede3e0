import { parseTraceparent, TRACEPARENT } from "../../platform/telemetry/traceparent.ts";
import type { Steps } from "../../platform/clock/steps.ts";
import { BodyError, holdBody } from "../../platform/http/body.ts";
import { ByteBudget } from "../../platform/http/byte_budget.ts";
import { HttpListener, INTERRUPTED } from "../../platform/http/http_listener.ts";
import { Rarely } from "../../platform/http/rarely.ts";
import type { Logger } from "../../platform/log/logger.ts";
import type { Answer, Decoded, PushPath } from "./decoder.ts";
import { contentsKey } from "./answer_store.ts";
import type { Inbox } from "./inbox.ts";
import { InboxFullError } from "./inbox_full_error.ts";
import { DecodingRoom } from "./decoding_room.ts";
import { fixedAnswer } from "./fixed_answers.ts";
import { credentialOf } from "./credential.ts";
import { type RepeatableRequest, Repetitions } from "./repetitions.ts";
import { RequestDigests } from "./request_digest.ts";
import { Stalls } from "./stalls.ts";

export interface PushServerOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM texts; undefined: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Undefined: everybody may send. */
  readonly token: string | undefined;
}

/** How long closing waits for requests that are being answered. */
const CLOSING_GRACE_MS = 1000;
/** Bytes of all request bodies until they are answered, small ones not counted. */
const BODIES_MAX_BYTES = 128 * 1024 * 1024;
/** `Retry-After` while the inbox is full. */
const FULL_RETRY_SECONDS = 5;
const KEY_MAX_CHARACTERS = 256;
const CHALLENGE = 'Bearer, Basic realm="listen"';

/** Takes records over HTTP and answers once they are in the inbox. */
export class PushServer {
  private readonly bodies = new ByteBudget(BODIES_MAX_BYTES);
  private readonly room = new DecodingRoom();
  private readonly repetitions: Repetitions;
  private readonly stalls: Stalls;
  private readonly fullness = new Rarely();
  private readonly faults = new Rarely();
  private readonly failures = new Rarely();
  private readonly listener: HttpListener;

  /** @throws {Error} It cannot listen there, or not with this certificate. */
  constructor(
    options: PushServerOptions,
    private readonly inbox: Inbox,
    private readonly paths: Readonly<Record<string, PushPath>>,
    private readonly nowMs: () => number,
    private readonly logger: Logger,
  ) {
    this.repetitions = new Repetitions(inbox, nowMs);
    const { hostname, token } = options;
    this.listener = new HttpListener({
      ...options,
      closingGraceMs: CLOSING_GRACE_MS,
      guard: {
        access: {
          allowedHosts: [hostname.toLowerCase()],
          hostRemedy: "set VABUS_TOKEN for it, since a sender with the token may use any name",
          token,
          credentialOf,
          challenge: CHALLENGE,
          openPaths: ["/ping"],
          onRefusal: ({ message }, from, count) =>
            logger.warn("a request was refused", { reason: message, from, count }),
        },
        refuse: ({ status, message, headers }, request) => this.refusal(request, status, message, headers),
      },
      answer: (request) => this.answer(request),
      onError: (error) => {
        logger.error("a request could not be answered", { error: (error as Error).message });
        return respond(problem(500, "the listener could not answer"));
      },
      onInterruption: (reason) => logger.error(INTERRUPTED, { reason }),
    });
    this.stalls = new Stalls(nowMs);
  }

  get url(): string {
    return this.listener.url;
  }

  close(): Promise<void> {
    this.stalls.close();
    return this.listener.close();
  }

  private async answer(request: Request): Promise<Response> {
    const url = URL.parse(request.url);
    if (url === null) return respond(problem(400, "path or host is not one of HTTP"));
    const path = Object.hasOwn(this.paths, url.pathname) ? this.paths[url.pathname]! : undefined;
    if (path === undefined) {
      const health = () => ({ log: this.inbox.id, first: this.inbox.first, next: this.inbox.next });
      return respond(fixedAnswer(url, request.method, health) ?? problem(404, `there is ${this.known}`));
    }
    if (request.method !== "POST") {
      return respond(problem(405, `${url.pathname} takes POST`, { allow: "POST" }));
    }
    try {
      return respond(await this.take(request, url, path));
    } catch (error) {
      return this.failure(error, request);
    }
  }

  private get known(): string {
    return Object.keys(this.paths).join(", ");
  }

  private async take(request: Request, url: URL, path: PushPath): Promise<Answer> {
    if (this.inbox.isFull) throw new InboxFullError("the inbox is full; send again later", false);
    const key = request.headers.get("idempotency-key");
    if (key !== null && !isKey(key)) {
      throw new BodyError(400, `idempotency-key must have 1 to ${KEY_MAX_CHARACTERS} characters`);
    }
    const hasCome = this.inbox.expect();
    try {
      const { bytes, release } = await holdBody(request, this.bodies, { ownEncoding: path.ownEncoding });
      const decoding = this.room.enter();
      const arrivedMs = this.nowMs();
      const waitingSinceMs = this.stalls.waitingSince(arrivedMs);
      try {
        const run = async <T>(work: Steps<T>) => {
          const done = decoding.run(work, bytes.length);
          // What has several steps takes too long to wait for.
          hasCome();
          return await done;
        };
        const { headers } = request;
        const bodyBytes = bytes.length;
        const beginnings = path.isContinued && key === null ? this.repetitions.beginningsOf(bodyBytes) : [];
        const digests = new RequestDigests(url, bytes, beginnings);
        const digest = () => digests.whole();
        const decode = async (body = bytes) =>
          traced(
            await run(path.decode({ body, query: url.searchParams, headers, arrivedMs, digest })),
            headers,
          );
        if (key !== null) {
          const sum = await decoding.run(digests.whole(), bodyBytes);
          const keyed = { mark: "key", key, digest: sum, isCertain: true, bodyBytes } as const;
          const keep = async () => this.keep(await decode(), arrivedMs, keyed);
          return await this.repetitions.once(keyed, waitingSinceMs, keep);
        }
        const kept = beginnings.length > 0
          ? await this.repetitions.keptBeginning(await run(digests.all()))
          : undefined;
        const decoded = await decode(bytes.subarray(kept?.bodyBytes ?? 0));
        const { contents } = decoded;
        if (contents === undefined) return await this.keep(decoded, arrivedMs);
        const told: RepeatableRequest = {
          mark: "contents",
          key: contentsKey({ ...contents, bodyBytes }),
          ...contents,
          bodyBytes,
          continues: kept && contentsKey(kept),
        };
        const keep = (mayBeRepeated: boolean) =>
          this.keep(mayBeRepeated ? doubtful(decoded) : decoded, arrivedMs, told);
        return await this.repetitions.once(told, waitingSinceMs, keep);
      } finally {
        decoding.leave();
        release();
      }
    } finally {
      hasCome();
    }
  }

  /** Puts records into the inbox. Returns the answer once they are on disk. */
  private async keep(
    { runs, answer: answerOrAt, refused }: Decoded,
    arrivedMs: number,
    repeatable?: RepeatableRequest,
  ): Promise<Answer> {
    const answerAt = typeof answerOrAt === "function" ? answerOrAt : () => answerOrAt;
    const keyedAt = repeatable && ((next: number) => ({ ...repeatable, answer: answerAt(next) }));
    const next = runs.length === 0 ? this.inbox.next : await this.inbox.append(runs, arrivedMs, keyedAt);
    const answer = answerAt(next);
    if (answer.status >= 400 || refused !== undefined) {
      this.faults.happened((count) =>
        this.logger.warn("records were refused, and their sender was told why", {
          answer: (refused ?? (typeof answer.body === "string" ? answer.body : "")).slice(0, 300),
          count,
        })
      );
    }
    return answer;
  }

  private failure(error: unknown, request: Request): Response {
    if (error instanceof BodyError) {
      const retry: Record<string, string> = error.status === 503 ? { "retry-after": "1" } : {};
      return this.refusal(request, error.status, error.message, retry);
    }
    if (error instanceof InboxFullError) {
      if (error.isForGood) return this.refusal(request, 413, error.message);
      this.fullness.happened((count) =>
        this.logger.warn("requests were refused: the inbox is full, and the senders try again later", {
          count,
        })
      );
      return this.refusal(request, 429, error.message, { "retry-after": `${FULL_RETRY_SECONDS}` });
    }
    this.failures.happened((count) =>
      this.logger.error("the inbox cannot be written, and the senders try again later", {
        error: (error as Error).message,
        count,
      })
    );
    const message = "the inbox cannot be written; send again later";
    return this.refusal(request, 503, message, { "retry-after": `${FULL_RETRY_SECONDS}` });
  }

  /** A refusal in the words of the path's protocol. */
  private refusal(
    request: Request,
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ): Response {
    const name = URL.parse(request.url)?.pathname ?? "";
    const path = Object.hasOwn(this.paths, name) ? this.paths[name]! : undefined;
    const answer = path?.refuse(status, message, request.headers) ?? problem(status, message);
    return respond({ ...answer, headers: { ...answer.headers, ...headers } });
  }
}

function isKey(key: string): boolean {
  return key.length > 0 && key.length <= KEY_MAX_CHARACTERS;
}

function problem(status: number, error: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ error }),
  };
}

function respond({ status, headers, body }: Answer): Response {
  return new Response(body === "" || body.length === 0 ? null : body, { status, headers });
}

/** What became of a request that may repeat an earlier one. */
function doubtful(decoded: Decoded): Decoded {
  return { ...decoded, runs: decoded.runs.map((run) => ({ ...run, mayBeRepeated: true })) };
}

/** What became of a request, with the trace that the request names. */
function traced(decoded: Decoded, headers: Headers): Decoded {
  const traceparent = headers.get(TRACEPARENT);
  if (traceparent === null || parseTraceparent(traceparent) === undefined) return decoded;
  return { ...decoded, runs: decoded.runs.map((run) => ({ ...run, traceparent })) };
}
