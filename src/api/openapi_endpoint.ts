import * as z from "zod";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { openApi } from "./openapi.ts";

/** The document of all endpoints, itself included. */
export function openApiEndpoint(others: readonly Endpoint[]): Endpoint {
  const self: Endpoint = endpoint({
    method: "GET",
    path: "/api/openapi.json",
    role: "viewer",
    summary: "this API as an OpenAPI 3.1 document",
    query: z.strictObject({}),
    reply: z.looseObject({ openapi: z.literal("3.1.0"), paths: z.record(z.string(), z.unknown()) }),
    answer: () => openApi([...others, self]) as { openapi: "3.1.0"; paths: Record<string, unknown> },
  });
  return self;
}
