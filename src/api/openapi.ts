import * as z from "zod";
import { VERSION } from "../version.ts";
import type { Endpoint } from "./endpoint.ts";

type Json = Readonly<Record<string, unknown>>;

/** The shape of every error, see `ApiError`. */
export const ERROR = z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) });

const ERROR_STATUSES: Readonly<Record<number, string>> = {
  400: "a parameter or the body is wrong; the message says which, and what is allowed",
  401: "a token is needed, or this one is not right",
  403: "this caller may not do that",
  404: "there is no such thing",
  408: "the body came too slowly",
  409: "it cannot be done at the moment; the message says why",
  413: "the body is too large",
  415: "the body is no JSON",
  429: "too many wrong tokens have come from there",
  503: "it cannot be answered at the moment; ask again",
};

/** An OpenAPI 3.1 document of endpoints, from their own schemas. */
export function openApi(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const endpoint of endpoints) {
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operationOf(endpoint);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "VaBus Data Handler",
      version: VERSION,
      description: "The admin listener of a handler. Times are Unix seconds.",
    },
    paths,
    components: {
      schemas: { Error: schemaOf(ERROR) },
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

function operationOf(endpoint: Endpoint): Json {
  const { body, role, summary } = endpoint;
  return {
    summary,
    security: securityOf(role),
    parameters: parametersOf(endpoint),
    ...(body !== undefined && {
      requestBody: {
        // No body at all is an empty object.
        required: !body.safeParse({}).success,
        content: { "application/json": { schema: schemaOf(body) } },
      },
    }),
    responses: responsesOf(endpoint),
  };
}

/** The cookie of a session is the page's own, so it is none of these. */
function securityOf(role: Endpoint["role"]): Json[] {
  if (role === "admin") return [{ token: [] }];
  // Without tokens, programs on this host are viewers.
  return role === "open" ? [{}] : [{}, { token: [] }];
}

function parametersOf({ query }: Endpoint): Json[] {
  const { properties = {}, required = [] } = schemaOf(query) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }));
}

function responsesOf(endpoint: Endpoint): Json {
  const { body, contentType = "application/json", errorStatuses = [], otherStatuses = [], reply, role } =
    endpoint;
  const { status = 200 } = endpoint;
  const good = [status, ...otherStatuses].map((code): [number, Json] => [
    code,
    {
      description: code < 300 ? "done" : "the same, while it is not so",
      ...(code !== 204 && {
        content: { [contentType.split(";")[0]!]: { schema: schemaOf(reply, "output") } },
      }),
    },
  ]);
  // Whoever has no token at all is told of a probe, too.
  const admission = role === "probe" ? [401, 429] : [401, 403, 429];
  const errors = new Set([
    ...(role === "probe" ? [] : [400]),
    ...admission,
    ...(body === undefined ? [] : [400, 408, 413, 415]),
    ...errorStatuses,
  ]);
  const bad = [...errors].map((code): [number, Json] => [
    code,
    {
      description: ERROR_STATUSES[code] ?? "it was not done; the message says why",
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
    },
  ]);
  return Object.fromEntries([...bad, ...good]);
}

/** @param io Whether the schema is of what comes in, before it is read, or of what goes out. */
function schemaOf(schema: z.ZodType, io: "input" | "output" = "input"): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Json;
  return json;
}
