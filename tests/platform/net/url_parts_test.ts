import assert from "node:assert/strict";
import { parametersIn, userIn } from "../../../src/platform/net/url_parts.ts";

Deno.test("parameters of a URL are decoded, in their order", () => {
  assert.deepEqual([...parametersIn("a=1&&b=x%3D%26y=z&c=&d&%=1&e=%zz")], [
    ["a", "1"],
    ["b", "x=&y=z"],
    ["c", ""],
    ["d", ""],
    ["%", "1"],
    ["e", ""],
  ]);
  assert.deepEqual([...parametersIn(undefined)], []);
});

Deno.test("a login of a URL is decoded; empty parts are not there", () => {
  assert.deepEqual(userIn("a%40b:c%3Ad:e"), { username: "a@b", password: "c:d:e" });
  assert.deepEqual(userIn("token"), { username: "token", password: undefined });
  assert.deepEqual(userIn(":secret"), { username: undefined, password: "secret" });
  assert.deepEqual(userIn(undefined), { username: undefined, password: undefined });
  assert.equal(userIn("a:%zz"), undefined);
});
