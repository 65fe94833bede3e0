import assert from "node:assert/strict";
import * as z from "zod";
import { FUNCTION, LABELS } from "../../src/api/query_parameters.ts";

/** Whether the OpenAPI document allows a text. */
function allows(parameter: z.ZodType, text: string): boolean {
  const { anyOf, pattern } = z.toJSONSchema(parameter, { io: "input", unrepresentable: "any" }) as {
    pattern?: string;
    anyOf?: { pattern: string }[];
  };
  return (anyOf ?? [{ pattern: pattern! }]).some(({ pattern }) => new RegExp(pattern, "u").test(text));
}

Deno.test("the document allows the functions and labels that are understood", () => {
  const functions = ["sum", "p0", "p99.9", "p099", "p100", "p100.0", "p999", "p101", "p100.1", "median", ""];
  for (const text of functions) {
    assert.equal(allows(FUNCTION, text), FUNCTION.safeParse(text).success, `func=${text}`);
  }
  for (const text of ["line:4", "line:4,site:north", '{"line":"4,5"}', "{}", "line"]) {
    assert.equal(allows(LABELS, text), LABELS.safeParse(text).success, `labels=${text}`);
  }
});
