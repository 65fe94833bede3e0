import { leastOf, type Requirement } from "../access/role.ts";
import { pathOf } from "../platform/http/access.ts";
import { ApiError } from "./api_error.ts";
import { checkedBody, checkedQuery } from "./boundary.ts";
import type { Caller, Endpoint } from "./endpoint.ts";

/** Where a request comes from. */
export type Client = Pick<Caller, "from" | "certificate">;

/** Decides who is admitted. */
export interface Gate {
  /** The caller of a request that may use what asks for that. @throws {ApiError} */
  admit(request: Request, requirement: Requirement, client: Client): Promise<Caller>;
}

/** What a path that nobody has declared asks for: strangers learn nothing, not even which paths there are. */
const OF_UNKNOWN: Requirement = "viewer";

/**
 * The headers of every reply, errors included. The page has its scripts and styles in files of its own, and
 * only these say that they may be kept.
 */
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * Finds the endpoint of a request and has it answered. The caller is checked first: before whether there is
 * such a path, whether it takes the method, and what query and body hold.
 */
export class Router {
  private readonly byPath: ReadonlyMap<string, readonly Endpoint[]>;

  constructor(endpoints: readonly Endpoint[], private readonly gate: Gate) {
    this.byPath = Map.groupBy(endpoints, ({ path }) => path);
  }

  /** @throws What an answer throws that is no `ApiError`. */
  async answer(request: Request, client: Client): Promise<Response> {
    let response: Response;
    try {
      response = await this.answered(request, client);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      response = error.toResponse();
    }
    return withHeaders(request.method === "HEAD" ? withoutBody(response) : response);
  }

  private async answered(request: Request, client: Client): Promise<Response> {
    const atPath = this.byPath.get(pathOf(request) ?? "") ?? [];
    const method = request.method === "HEAD" ? "GET" : request.method;
    const found = atPath.find((endpoint) => endpoint.method === method);
    const requirement = found?.role ?? leastOf(atPath.map(({ role }) => role)) ?? OF_UNKNOWN;
    const caller = await this.gate.admit(request, requirement, client);
    if (atPath.length === 0) throw new ApiError(404, "not_found", "there is nothing at this path");
    if (found === undefined) throw wrongMethod(atPath);
    const query = checkedQuery(request, found.query);
    const body = found.body && await checkedBody(request, found.body);
    return toResponse(found, await found.answer({ query, body, caller, request }));
  }
}

/** The reply where an answer failed for a reason that is not the client's. */
export function internalError(): Response {
  return withHeaders(
    new ApiError(500, "internal", "the handler could not answer; its log says more").toResponse(),
  );
}

function wrongMethod(atPath: readonly Endpoint[]): ApiError {
  const allowed = atPath.flatMap(({ method }) => method === "GET" ? ["GET", "HEAD"] : [method]).join(", ");
  return new ApiError(405, "method_not_allowed", `this path takes ${allowed}`, { allow: allowed });
}

function toResponse({ contentType = "application/json", status = 200 }: Endpoint, value: unknown): Response {
  if (value instanceof Response) return value;
  const body = contentType === "application/json" ? `${JSON.stringify(value)}\n` : String(value);
  return new Response(status === 204 ? null : body, {
    status,
    headers: status === 204 ? {} : { "content-type": contentType },
  });
}

function withoutBody(response: Response): Response {
  response.body?.cancel().catch(() => {});
  return new Response(null, response);
}

function withHeaders(response: Response): Response {
  const cacheControl = response.headers.get("cache-control");
  for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
  if (cacheControl !== null) response.headers.set("cache-control", cacheControl);
  return response;
}
