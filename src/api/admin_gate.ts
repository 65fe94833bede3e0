import { mayUse, type Requirement, type Role } from "../access/role.ts";
import {
  bearerOf,
  GUESSING,
  hostRefusal,
  isLoopback,
  NO_TOKEN,
  pathOf,
  type Refusal,
  strangerRefusal,
  WRONG_TOKEN,
} from "../platform/http/access.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { Refusals } from "../platform/http/refusals.ts";
import { TokenCheck, type TokenCheckOptions } from "../platform/http/token_check.ts";
import type { Logger } from "../platform/log/logger.ts";
import { nameOf } from "./actor.ts";
import { ApiError } from "./api_error.ts";
import type { Caller } from "./endpoint.ts";
import type { Client, Gate } from "./router.ts";
import { SessionCookie } from "./session_cookie.ts";
import { type Session, Sessions } from "./sessions.ts";

/** The tokens of the admin listener; undefined: there is none for that role. */
export type RoleTokens = Readonly<Record<Role, string | undefined>>;

export interface AdminGateOptions extends TokenCheckOptions {
  /** The address that is listened on. */
  readonly hostname: string;
  readonly port: number;
  readonly tokens: RoleTokens;
  readonly hasTls: boolean;
  /** Whether clients need a certificate for all but probes. */
  readonly asksForCertificates: boolean;
  /** Host names that clients may use besides those of loopback; in lower case. */
  readonly allowedHosts: readonly string[];
  /** The wall clock; tests replace it. */
  readonly wallMs?: () => number;
  /** Tests replace it. */
  readonly sleep?: Clock["sleep"];
  readonly logger: Logger;
}

/** A header that no page of another site can send: a second sign, beside `Origin`, that the own page asks. */
export const OWN_PAGE_HEADER = "x-vabus-request";

/** Decides who is admitted to the admin listener. */
export class AdminGate implements Gate {
  /** Whether any token is set. */
  readonly hasTokens: boolean;
  private readonly sessions: Sessions;
  private readonly cookie: SessionCookie;
  private readonly tokens: TokenCheck<Role>;
  private readonly refusals: Refusals<string>;
  /** Whether everybody who reaches the listener may read. */
  private readonly isOpen: boolean;

  /** @param closed When it fires, the refusals that have not been logged are logged. */
  constructor(private readonly options: AdminGateOptions, closed: AbortSignal) {
    const { hasTls, hostname, logger, port, tokens } = options;
    const log = (reason: string, from: string, count: number) =>
      logger.warn("a request was refused", { reason, from, count });
    this.refusals = new Refusals(log, closed, options.sleep);
    this.hasTokens = Object.values(tokens).some((token) => token !== undefined);
    this.tokens = new TokenCheck(tokens, options);
    this.sessions = new Sessions(options.wallMs ?? Date.now);
    this.cookie = new SessionCookie(port, hasTls);
    this.isOpen = !this.hasTokens && isLoopback(hostname);
  }

  async admit(request: Request, requirement: Requirement, client: Client): Promise<Caller> {
    this.checkCertificate(requirement, client);
    const caller = await this.callerOf(request, requirement, client);
    // A probe is answered as nobody in particular where the same caller gets nothing else.
    if (requirement === "probe" && this.lacksCertificate(client)) return { ...caller, role: undefined };
    const isServed = caller.role !== undefined || this.hasTokens || requirement === "probe"
      ? mayUse(caller.role, requirement)
      : requirement === "metrics";
    if (isServed) return caller;
    throw this.lacking(request, requirement, caller);
  }

  /**
   * The role that a token gives.
   *
   * @throws {ApiError} None: 401, after a while; or 429.
   */
  async roleOf(token: string, from: string): Promise<Role> {
    const owner = this.tokens.ownerOf(token, from);
    if (owner === "viewer" || owner === "admin") return owner;
    const refusal = owner === "guessing" ? GUESSING : { ...WRONG_TOKEN, headers: CHALLENGE };
    this.tell(refusal, from);
    if (owner === "wrong" && await this.tokens.holdBack()) throw errorOf(refusal);
    throw errorOf(GUESSING);
  }

  /** Opens a session. Returns the `Set-Cookie`. */
  openSession(role: Role): string {
    return this.cookie.storing(this.sessions.open(role));
  }

  /** Ends the session of a request, where it has one. Returns the `Set-Cookie`. */
  endSession(request: Request): string {
    const session = this.sessionOf(request);
    if (session !== undefined) this.sessions.end(session);
    return this.cookie.removing();
  }

  private sessionOf(request: Request): Session | undefined {
    const text = this.cookie.textOf(request);
    return text === undefined ? undefined : this.sessions.read(text);
  }

  private checkCertificate(requirement: Requirement, client: Client): void {
    if (requirement === "probe" || !this.lacksCertificate(client)) return;
    this.refusals.happened(
      "certificate",
      "the client has no certificate that counts: one of HTTP_CLIENT_CA_FILE, X.509 version 3, in its time",
      client.from,
    );
    throw new ApiError(
      403,
      "certificate_needed",
      "a client certificate is needed that the authority of HTTP_CLIENT_CA_FILE has signed",
    );
  }

  private lacksCertificate({ certificate }: Client): boolean {
    return this.options.asksForCertificates && certificate === undefined;
  }

  private async callerOf(request: Request, requirement: Requirement, client: Client): Promise<Caller> {
    const nobody: Caller = { ...client, role: undefined, by: "nothing" };
    const token = bearerOf(request);
    if (token !== undefined && this.hasTokens) {
      return { ...client, role: await this.roleOf(token, client.from), by: "token" };
    }
    const isLinked = requirement === "open" && followsLink(request);
    const stranger = (isLinked ? hostRefusal : strangerRefusal)(request, this.options);
    if (stranger !== undefined && requirement === "probe") return nobody;
    if (stranger !== undefined) {
      this.tell(stranger, client.from);
      throw errorOf(stranger);
    }
    if (this.isOpen) return { ...client, role: "viewer", by: "loopback" };
    return this.callerBySession(request, client) ?? nobody;
  }

  /** The caller by the cookie of the page; undefined: the request has none that counts. */
  private callerBySession(request: Request, client: Client): Caller | undefined {
    const session = this.sessionOf(request);
    if (session === undefined) return undefined;
    if (request.method !== "GET" && request.method !== "HEAD" && !isOfOwnPage(request)) {
      this.refusals.happened(
        "forgery",
        "a change by cookie did not come from the handler's own page",
        client.from,
      );
      throw new ApiError(
        403,
        "cross_site",
        `a change by cookie needs the own Origin and the header ${OWN_PAGE_HEADER}: 1; ` +
          "a program sends its token instead",
      );
    }
    return { ...client, role: session.role, by: "session" };
  }

  /** Why a caller is not admitted who has not the role. */
  private lacking(request: Request, requirement: Requirement, caller: Caller): ApiError {
    const { hostname, tokens } = this.options;
    if (requirement === "admin") {
      const attempt = `${request.method} ${pathOf(request) ?? ""} by ${nameOf(caller)}`;
      // Each kind of change is a cause of its own, so that the log says what was tried.
      this.refusals.happened(attempt, `a change was refused: ${attempt}`, caller.from);
    }
    if (caller.role === undefined && this.hasTokens) {
      const isOver = this.cookie.textOf(request) !== undefined;
      return isOver
        ? new ApiError(401, "session_over", "the session is over: log in again", CHALLENGE)
        : errorOf({ ...NO_TOKEN, headers: CHALLENGE });
    }
    if (caller.role === undefined) {
      return new ApiError(
        403,
        "no_tokens",
        `other hosts reach ${hostname}, and no token is set: only /healthz, /readyz and /metrics are ` +
          "served. Set VIEWER_TOKEN and ADMIN_TOKEN (or ..._FILE)",
      );
    }
    return tokens.admin === undefined
      ? new ApiError(
        403,
        "no_tokens",
        "changes need ADMIN_TOKEN, which is not set: set it (or ADMIN_TOKEN_FILE)",
      )
      : new ApiError(403, "forbidden", "this needs the admin's role: ADMIN_TOKEN has it");
  }

  private tell({ cause, message }: Refusal, from: string): void {
    this.refusals.happened(cause, message, from);
  }
}

const CHALLENGE = { "www-authenticate": "Bearer" };

const CODES: Readonly<Record<Refusal["cause"], string>> = {
  "no token": "no_token",
  "wrong token": "wrong_token",
  guessing: "too_many_guesses",
  host: "wrong_host",
  page: "cross_site",
};

function errorOf({ cause, status, message, headers }: Refusal): ApiError {
  return new ApiError(status, CODES[cause], message, headers);
}

/**
 * Whether the browser shows the reply as a page of its own, which the page with the link cannot read. The
 * session's cookie does not come with such a request.
 */
function followsLink(request: Request): boolean {
  const { headers, method } = request;
  return method === "GET" && headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document";
}

function isOfOwnPage(request: Request): boolean {
  const isSameOrigin = request.headers.has("origin") ||
    request.headers.get("sec-fetch-site")?.trim().toLowerCase() === "same-origin";
  return isSameOrigin && request.headers.has(OWN_PAGE_HEADER);
}
