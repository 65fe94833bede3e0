import assert from "node:assert/strict";
import { ByteCache } from "../../../src/codec/mapping/byte_cache.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("what was kept is found by its bytes, wherever they stand", () => {
  const cache = new ByteCache<string>();
  cache.add(bytesOf("xabc"), 1, 3, "content");
  assert.equal(cache.find(bytesOf("abc"), 0, 3), "content");
  assert.equal(cache.find(bytesOf("abcd"), 0, 4), undefined);
  assert.equal(cache.find(bytesOf("abd"), 0, 3), undefined);
});

Deno.test("a full cache keeps what it has, until others come that are more", () => {
  const cache = new ByteCache<number>(10_000);
  const add = (i: number) => cache.add(bytesOf(`${i}`), 0, `${i}`.length, i);
  const found = (from: number, to: number) => {
    let count = 0;
    for (let i = from; i < to; i++) if (cache.find(bytesOf(`${i}`), 0, `${i}`.length) !== undefined) count++;
    return count;
  };
  for (let i = 0; i < 60; i++) add(i);
  const kept = found(0, 1000);
  assert.ok(kept > 30 && kept < 45, `${kept}`);
  assert.equal(found(0, kept), kept);
  for (let i = 1000; i < 1200; i++) add(i);
  assert.equal(found(0, 60), 0);
  assert.ok(found(1000, 1200) > 0);
});
