/** The bodies of orders, as curl sends them. */
import assert from "node:assert/strict";
import * as z from "zod";
import { ApiError } from "../../src/api/api_error.ts";
import { checkedBody, checkedQuery } from "../../src/api/boundary.ts";
import { deadLetterOrders } from "../../src/api/dead_letter_orders.ts";

const JSON_TYPE = { "content-type": "application/json" };
const FIELDS = z.strictObject({ since: z.number().optional() });

function body(text: string | undefined, headers: Record<string, string>, schema: z.ZodType = FIELDS) {
  const init = {
    method: "POST",
    headers,
    ...(text !== undefined && { body: new TextEncoder().encode(text) }),
  };
  return checkedBody(new Request("http://localhost/api/order", init), schema);
}

Deno.test("no body is an empty object, whether or not its type is named", async () => {
  for (const text of [undefined, ""]) {
    for (const headers of [{}, JSON_TYPE]) assert.deepEqual(await body(text, headers), {});
  }
  assert.deepEqual(await body('{"since": 5}', JSON_TYPE), { since: 5 });
});

Deno.test("a wrong body is refused with what is wrong", async () => {
  const refusals: [text: string, headers: Record<string, string>, status: number, words: RegExp][] = [
    ["{", JSON_TYPE, 400, /not JSON/],
    ['{"sinec": 5}', JSON_TYPE, 400, /no field "sinec"; there are: since/],
    ["{}", {}, 415, /content-type: application\/json/],
  ];
  for (const [text, headers, status, words] of refusals) {
    await assert.rejects(body(text, headers), (error: ApiError) => {
      assert.deepEqual([error instanceof ApiError, error.status], [true, status], text);
      return words.test(error.message);
    });
  }
});

Deno.test("a reason that there is none of is told those that there are", async () => {
  const orders = deadLetterOrders(() => assert.fail("nothing is carried out"));
  const retry = orders.find(({ path }) => path === "/api/dead-letters/retry")!;
  await assert.rejects(
    body('{"reason": "wrong"}', JSON_TYPE, retry.body!),
    /"reason" \(invalid, future, late, .*\) or both/,
  );
});

Deno.test("a value that a parameter or field does not have is told those that it has", async () => {
  const since = { message: 'field "since": has to be of the type number' };
  await assert.rejects(body('{"since": "2026-01-31"}', JSON_TYPE), since);
  const spans = z.strictObject({ span: z.enum(["hour", "day"]).optional() });
  const message = /^(parameter|field) "span": is not understood\. Allowed: hour, day$/;
  await assert.rejects(body('{"span": "week"}', JSON_TYPE, spans), { message });
  assert.throws(() => checkedQuery(new Request("http://localhost/?span=week"), spans), { message });
});
