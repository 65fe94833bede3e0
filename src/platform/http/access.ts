import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { Guesses } from "./guesses.ts";
import { Rarely } from "./rarely.ts";

export interface AccessOptions {
  /** Names that a client may call the listener by, beside those of loopback; in lower case. */
  readonly allowedHosts: readonly string[];
  /** Undefined: none is asked for. */
  readonly token: string | undefined;
  /** Told of refusals once a minute and cause at most, with how many there have been since. Nothing in it is secret. */
  readonly onRefusal: (refusal: Refusal, from: string, count: number) => void;
  /** Resolves after some time; another one only in tests. */
  readonly pause?: (milliseconds: number) => Promise<void>;
  /** Of a clock that is never set; another one only in tests. */
  readonly nowMs?: () => number;
}

/** Why a request is not answered. */
export interface Refusal {
  readonly cause: "no token" | "wrong token" | "guessing" | "host" | "page";
  readonly status: 401 | 403 | 429;
  /** For the client: what is wrong and what to do. */
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What asks whether the process is alive knows neither its name nor its token, and learns nothing else. */
const OPEN_PATHS = ["/healthz", "/readyz"];
/** Who gives a wrong token waits so long for the answer. */
const WRONG_TOKEN_PAUSE_MS = 1000;
/** Those who wait take memory: beyond so many they are told at once to come later. */
const MAX_PAUSING = 256;

/**
 * Decides who is answered, the same for every listener. A browser is everybody's: a page of a third party may send requests to any
 * address, and by a name of its own that it lets point here (DNS rebinding) it may read the answers. The name it uses stands in
 * `Host`, where the page comes from in `Origin` and `Sec-Fetch-Site`; a program with the token is no such page.
 */
export class Access {
  private readonly token: Uint8Array | undefined;
  private readonly guesses: Guesses;
  private readonly rarely = new Map<Refusal["cause"], Rarely>();
  private pausing = 0;

  constructor(private readonly options: AccessOptions) {
    this.token = options.token === undefined ? undefined : digest(options.token);
    this.guesses = new Guesses(options.nowMs ?? (() => performance.now()));
  }

  /**
   * Undefined: the request may be answered.
   *
   * @param from Address of the client, for the log.
   */
  async refusal(request: Request, from: string): Promise<Refusal | undefined> {
    if (OPEN_PATHS.includes(pathOf(request) ?? "")) return undefined;
    const refusal = this.token === undefined
      ? hostRefusal(request, this.options.allowedHosts) ?? pageRefusal(request)
      : this.tokenRefusal(request, this.token, from);
    if (refusal === undefined) return undefined;
    this.tell(refusal, from);
    if (refusal.cause !== "wrong token") return refusal;
    if (this.pausing >= MAX_PAUSING) return GUESSING;
    this.pausing++;
    await (this.options.pause ?? pause)(WRONG_TOKEN_PAUSE_MS);
    this.pausing--;
    return refusal;
  }

  private tokenRefusal(request: Request, token: Uint8Array, from: string): Refusal | undefined {
    const given = request.headers.get("authorization");
    if (given === null) return NO_TOKEN;
    if (!this.guesses.mayTry(from)) return GUESSING;
    const [, text] = /^bearer +(\S+) *$/i.exec(given) ?? [];
    if (text !== undefined && timingSafeEqual(digest(text), token)) {
      this.guesses.succeeded(from);
      return undefined;
    }
    this.guesses.failed(from);
    return WRONG_TOKEN;
  }

  private tell(refusal: Refusal, from: string): void {
    let rarely = this.rarely.get(refusal.cause);
    if (rarely === undefined) this.rarely.set(refusal.cause, rarely = new Rarely());
    rarely.happened((count) => this.options.onRefusal(refusal, from, count));
  }
}

/** The host in a URL is what the client says, and may be no host at all. Undefined: not even a path. */
export function pathOf(request: Request): string | undefined {
  return /^https?:\/\/[^/]*(\/[^?#]*)/.exec(request.url)?.[1];
}

/** Whether only programs on this host reach an address. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" ||
    (isIP(name) === 4 && name.startsWith("127.")) || /^::ffff:127\.\d+\.\d+\.\d+$/.test(name);
}

const NO_TOKEN: Refusal = {
  cause: "no token",
  status: 401,
  message: "a bearer token is needed: send authorization: Bearer and the token",
  headers: { "www-authenticate": "Bearer" },
};
const WRONG_TOKEN: Refusal = {
  cause: "wrong token",
  status: 403,
  message: "the token is not right",
  headers: {},
};
const GUESSING: Refusal = {
  cause: "guessing",
  status: 429,
  message: "too many wrong tokens have come from there: none is looked at for some seconds",
  headers: { "retry-after": "1" },
};

function hostRefusal(request: Request, allowedHosts: readonly string[]): Refusal | undefined {
  const text = hostOf(request);
  const [, address, name] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(text) ?? [];
  const hostname = (address ?? name)?.replace(/\.$/, "");
  const isAllowed = hostname !== undefined &&
    (hostname === "" || isIP(hostname) !== 0 || isLoopback(hostname) || allowedHosts.includes(hostname));
  if (isAllowed) return undefined;
  return {
    cause: "host",
    status: 403,
    message: `this listener is not known as "${text.slice(0, 100).replace(/[^!-~]|"/g, "?")}": ` +
      "use an address, or add the name to its HTTP_ALLOWED_HOSTS",
    headers: {},
  };
}

function pageRefusal(request: Request): Refusal | undefined {
  const site = request.headers.get("sec-fetch-site")?.trim().toLowerCase();
  const origin = request.headers.get("origin");
  const isOwn = origin === null || URL.parse(origin)?.host === hostOf(request);
  if (isOwn && site !== "cross-site" && site !== "same-site") return undefined;
  return {
    cause: "page",
    status: 403,
    message: "pages of other sites are not answered (Origin, Sec-Fetch-Site); a program may send a token",
    headers: {},
  };
}

/** With its port, in lower case. */
function hostOf(request: Request): string {
  return (request.headers.get("host") ?? URL.parse(request.url)?.host ?? "").trim().toLowerCase();
}

/** Of equal length whatever the text, so that comparing tells nothing about it. */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
