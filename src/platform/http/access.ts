import { isIP } from "node:net";
import type { Clock } from "../clock/clock.ts";
import { Refusals } from "./refusals.ts";
import { TokenCheck, type TokenCheckOptions } from "./token_check.ts";

export interface AccessOptions extends TokenCheckOptions {
  /** Host names that clients may use besides those of loopback; in lower case. */
  readonly allowedHosts: readonly string[];
  /** What an operator does so that another name is allowed, as a part of a sentence. */
  readonly hostRemedy?: string;
  /** The token; undefined: none is asked for. */
  readonly token: string | undefined;
  /**
   * The token that a request carries; "": what it carries cannot be read; undefined: it carries none.
   * Default: that of `authorization: Bearer`.
   */
  readonly credentialOf?: (request: Request) => string | undefined;
  /** The `WWW-Authenticate` of a 401. Default: `Bearer`. */
  readonly challenge?: string;
  /** Further paths that every client may ask for. */
  readonly openPaths?: readonly string[];
  /**
   * Called for refusals, at most once a minute for each cause, with the number of refusals since the last
   * call, and the addresses that they came from. The text holds no secret.
   */
  readonly onRefusal: (refusal: Refusal, from: string, count: number) => void;
  /** Tests replace it. */
  readonly sleep?: Clock["sleep"];
}

/** Why a request is refused. */
export interface Refusal {
  readonly cause: "no token" | "wrong token" | "guessing" | "host" | "page";
  readonly status: 401 | 403 | 429;
  /** What is wrong and what to do, for the client. */
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Paths that every client may ask for: a probe for liveness has no token and uses any host name. */
const OPEN_PATHS = ["/healthz", "/readyz"];

/**
 * Decides which requests are answered, the same for every listener. A browser is not a trusted client: a page
 * of a third party may send requests to any address, and it may read the answers under a host name that it
 * lets point here (DNS rebinding). `Host` has the name that the page uses; `Origin` and `Sec-Fetch-Site` say
 * where the page comes from. A request with the token is not such a page.
 */
export class Access {
  /** Undefined: no token is asked for. */
  private readonly tokens: TokenCheck<"one"> | undefined;
  private readonly refusals: Refusals<Refusal>;

  /** @param closed When it fires, the refusals that have not been told are told. */
  constructor(private readonly options: AccessOptions, closed: AbortSignal) {
    this.refusals = new Refusals(options.onRefusal, closed, options.sleep);
    this.tokens = options.token === undefined ? undefined : new TokenCheck({ one: options.token }, options);
  }

  /**
   * Why the request is refused; undefined: it may be answered.
   *
   * @param from Address of the client, for the log.
   */
  async refusal(request: Request, from: string): Promise<Refusal | undefined> {
    const path = pathOf(request) ?? "";
    if (OPEN_PATHS.includes(path) || this.options.openPaths?.includes(path)) return undefined;
    const refusal = this.tokens === undefined
      ? strangerRefusal(request, this.options)
      : this.tokenRefusal(request, this.tokens, from);
    if (refusal === undefined) return undefined;
    this.refusals.happened(refusal.cause, refusal, from);
    if (refusal.cause !== "wrong token" || await this.tokens!.holdBack()) return refusal;
    return GUESSING;
  }

  private tokenRefusal(request: Request, tokens: TokenCheck<"one">, from: string): Refusal | undefined {
    const { credentialOf = bearerOf, challenge = "Bearer" } = this.options;
    const headers = { "www-authenticate": challenge };
    const text = credentialOf(request);
    if (text === undefined) return { ...NO_TOKEN, headers };
    const owner = tokens.ownerOf(text, from);
    if (owner === "one") return undefined;
    return owner === "guessing" ? GUESSING : { ...WRONG_TOKEN, headers };
  }
}

/**
 * The path of a request. The host in the URL is the client's own text and may not be a valid host. Undefined:
 * there is no path either.
 */
export function pathOf(request: Request): string | undefined {
  return /^https?:\/\/[^/]*(\/[^?#]*)/.exec(request.url)?.[1];
}

/** The token of `authorization: Bearer`; "": there is another one; undefined: there is none. */
export function bearerOf(request: Request): string | undefined {
  const given = request.headers.get("authorization");
  return given === null ? undefined : /^bearer +(\S+) *$/i.exec(given)?.[1] ?? "";
}

/** Whether only programs on this host reach an address. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" ||
    (isIP(name) === 4 && name.startsWith("127.")) || /^::ffff:127\.\d+\.\d+\.\d+$/.test(name);
}

export const NO_TOKEN = {
  cause: "no token",
  status: 401,
  message: "a bearer token is needed: send authorization: Bearer and the token",
} as const;
export const WRONG_TOKEN = { cause: "wrong token", status: 401, message: "the token is not right" } as const;
export const GUESSING: Refusal = {
  cause: "guessing",
  status: 429,
  message: "too many wrong tokens have come from there: none is looked at for some seconds",
  headers: { "retry-after": "1" },
};

/**
 * Why a request without a token is refused for the host name that it uses, or for the page that it comes
 * from; undefined: it is not.
 */
export function strangerRefusal(
  request: Request,
  options: Pick<AccessOptions, "allowedHosts" | "hostRemedy">,
): Refusal | undefined {
  return hostRefusal(request, options) ?? pageRefusal(request);
}

const HOST_REMEDY = "add the name to its HTTP_ALLOWED_HOSTS";

/** Why a request is refused for the host name that it uses; undefined: it is not. */
export function hostRefusal(
  request: Request,
  { allowedHosts, hostRemedy = HOST_REMEDY }: Pick<AccessOptions, "allowedHosts" | "hostRemedy">,
): Refusal | undefined {
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
      `use an address, or ${hostRemedy}`,
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

/** The `Host` with its port, in lower case. */
function hostOf(request: Request): string {
  return (request.headers.get("host") ?? URL.parse(request.url)?.host ?? "").trim().toLowerCase();
}
