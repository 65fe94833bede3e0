import assert from "node:assert/strict";
import { FunctionCache } from "../../src/aggregation/function_cache.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("a cached answer is that of the whole name, with the hash of its series", () => {
  const cache = new FunctionCache();
  const answerOf = (text: string, hash: number) =>
    cache.has(bytesOf(text), 0, bytesOf(text).length, hash) ? cache.found : undefined;
  cache.put(bytesOf("load"), 5, 7);
  assert.equal(answerOf("load", 5), 7);
  assert.equal(answerOf('load\0{"line":"1"}', 5), 7, "labels are behind the name");
  for (const hash of [6, 5 + 2 ** 10]) assert.equal(answerOf("load", hash), undefined, "another series");
  cache.put(bytesOf("l"), 8, 9);
  assert.equal(answerOf("l", 8), 9);
  assert.equal(answerOf("", 0), undefined, "nothing was kept");
  for (const other of ["loads", "loa", "lord", "road", ""]) {
    assert.equal(answerOf(other, 5), undefined, other);
  }
});

Deno.test("a name that is too long for the cache is not kept, and takes nobody's place", () => {
  const cache = new FunctionCache();
  const [short, long] = [bytesOf("n".repeat(64)), bytesOf("n".repeat(65))];
  cache.put(short, 1, 3);
  cache.put(long, 1, 4);
  assert.equal(cache.has(long, 0, long.length, 1), false);
  assert.equal(cache.has(short, 0, short.length, 1), true);
  assert.equal(cache.found, 3);
});

Deno.test("the cache grows while names evict each other, and answers them all then", () => {
  const cache = new FunctionCache();
  const names = Array.from({ length: 2000 }, (_, i) => bytesOf(`name ${i}`));
  const isKnown = (name: Uint8Array, hash: number) =>
    cache.has(name, 0, name.length, hash) && cache.found === hash;
  for (let round = 0; round < 4; round++) {
    names.forEach((name, hash) => {
      if (!isKnown(name, hash)) cache.put(name, hash, hash);
    });
  }
  assert.ok(names.every(isKnown));
  const other = bytesOf("name x");
  assert.ok(!names.some((_, hash) => cache.has(other, 0, other.length, hash)));
});
