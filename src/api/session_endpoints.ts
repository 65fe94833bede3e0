import * as z from "zod";
import type { AdminGate } from "./admin_gate.ts";
import { ApiError } from "./api_error.ts";
import { type Caller, type Endpoint, endpoint, jsonReply } from "./endpoint.ts";

const NO_QUERY = z.strictObject({});

const STANDING = z.strictObject({
  /** Null: nobody has logged in. */
  role: z.enum(["viewer", "admin"]).nullable(),
  /** How the caller has shown the role. */
  by: z.enum(["token", "session", "loopback", "nothing"]),
  /** Whether a token opens a session here. */
  takes_tokens: z.boolean(),
});

/** The sessions of the page: a token is exchanged for a cookie that scripts cannot read. */
export function sessionEndpoints(gate: AdminGate): Endpoint[] {
  const standing = ({ role, by }: Pick<Caller, "role" | "by">) => ({
    role: role ?? null,
    by,
    takes_tokens: gate.hasTokens,
  });
  return [
    endpoint({
      method: "GET",
      path: "/api/session",
      role: "open",
      summary: "the role of who asks",
      query: NO_QUERY,
      reply: STANDING,
      answer: ({ caller }) => standing(caller),
    }),
    endpoint({
      method: "POST",
      path: "/api/session",
      role: "open",
      summary: "opens a session of 12 h by a token, as a cookie",
      query: NO_QUERY,
      body: z.strictObject({ token: z.string().min(1).max(4096) }),
      reply: STANDING,
      errorStatuses: [401, 429],
      answer: async ({ body: { token }, caller }) => {
        if (!gate.hasTokens) {
          throw new ApiError(403, "no_tokens", "no token is set, so there is nothing to log in to");
        }
        const role = await gate.roleOf(token, caller.from);
        const response = jsonReply(200, standing({ role, by: "session" }));
        response.headers.set("set-cookie", gate.openSession(role));
        return response;
      },
    }),
    endpoint({
      method: "DELETE",
      path: "/api/session",
      role: "open",
      summary: "ends the session of the cookie",
      query: NO_QUERY,
      reply: z.literal(""),
      status: 204,
      answer: ({ request }) => {
        return new Response(null, { status: 204, headers: { "set-cookie": gate.endSession(request) } });
      },
    }),
  ];
}
