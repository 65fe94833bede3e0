import type { z } from "zod";
import type { Requirement, Role } from "../access/role.ts";

export type Method = "GET" | "POST" | "DELETE";

/** Who asks. */
export interface Caller {
  /** Undefined: nobody in particular. */
  readonly role: Role | undefined;
  /** How the caller has shown it, for the audit: `token`, `session`, `loopback`. */
  readonly by: "token" | "session" | "loopback" | "nothing";
  /** The address. */
  readonly from: string;
  /** The subject of the client certificate; undefined: the caller has none. */
  readonly certificate: string | undefined;
}

/** A request whose caller is admitted and whose query and body were checked. */
export interface Call<Q, B> {
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly request: Request;
}

/**
 * One endpoint of the admin listener. Its declaration decides who is admitted, what is checked, and what
 * `/api/openapi.json` says; the tests go over all declarations.
 */
export interface Endpoint<Q = unknown, B = unknown, R = unknown> {
  readonly method: Method;
  readonly path: string;
  readonly role: Requirement;
  /** One sentence without a full stop. */
  readonly summary: string;
  /** Of the parameters, each a text. A strict object, so that a slip is noticed. */
  readonly query: z.ZodType<Q>;
  /** Of the JSON body; undefined: none is taken. */
  readonly body?: z.ZodType<B>;
  /** Of the JSON reply. Of a reply that is no JSON: of its text. */
  readonly reply: z.ZodType<R>;
  /** Content type of the reply; undefined: JSON. */
  readonly contentType?: string;
  /** Status of a reply; undefined: 200. */
  readonly status?: number;
  /** Other statuses with a reply of the same schema. */
  readonly otherStatuses?: readonly number[];
  /** Statuses of errors that come from the answer itself. */
  readonly errorStatuses?: readonly number[];
  /** The reply as a value of its schema, or as a response where the endpoint decides more than that. */
  answer(call: Call<Q, B>): R | Response | Promise<R | Response>;
}

/** Declares an endpoint: its types are those of its schemas from here on, and no longer told apart. */
export function endpoint<Q, B, R>(declared: Endpoint<Q, B, R>): Endpoint {
  return declared as unknown as Endpoint;
}

/** A JSON reply with another status. */
export function jsonReply(status: number, value: unknown): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { "content-type": "application/json" },
  });
}
