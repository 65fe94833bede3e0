import assert from "node:assert/strict";
import { redisError } from "../../../src/sources/redis/redis_errors.ts";

Deno.test("an error of Redis has advice where there is some, and else nothing behind it", () => {
  const told = (text: string) => {
    const { kind, message } = redisError("Redis at r:6379", text);
    return [kind, message];
  };
  assert.deepEqual(told("WRONGTYPE of a key"), [
    "refused",
    "Redis at r:6379 answers WRONGTYPE of a key: the key is no stream: check the key in VABUS_URL",
  ]);
  for (const text of ["BUSY with a script", "ERR of a later version"]) {
    assert.deepEqual(told(text), ["unavailable", `Redis at r:6379 answers ${text}`]);
  }
  const long = "ERR ".padEnd(301, "x");
  assert.deepEqual(told(long), ["unavailable", `Redis at r:6379 answers ${long.slice(0, -1)}`]);
});
