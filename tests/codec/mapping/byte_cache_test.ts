import assert from "node:assert/strict";
import { ByteCache, OnePart, type Parts } from "../../../src/codec/mapping/byte_cache.ts";
import { Words } from "../../../src/codec/words.ts";

const wordsOf = (text: string) => new Words(new TextEncoder().encode(text));

/** Looks up a text as a part that begins at `start`. */
function find<T>(cache: ByteCache<T>, text: string, start = 0, owner = 0): T | undefined {
  return cache.find(wordsOf(text), new OnePart().at(start, text.length), owner);
}

function add<T>(cache: ByteCache<T>, text: string, content: T, start = 0, owner = 0): void {
  assert.equal(find(cache, text, start, owner), undefined);
  cache.add(content);
}

Deno.test("what was kept is found by its bytes, wherever they stand", () => {
  const cache = new ByteCache<string>();
  add(cache, "xabcdefg", "content", 1);
  assert.equal(find(cache, "abcdefg"), "content");
  for (const other of ["", "abcdefgh", "abcdefx", "xbcdefg", "abcdef", "abcdefg\0"]) {
    assert.equal(find(cache, other), undefined, other);
  }
  assert.equal(find(cache, "abcdefg", 0, 1), undefined, "of another owner");
});

Deno.test("the same bytes, divided into parts in another way, are others", () => {
  const cache = new ByteCache<string>();
  const words = wordsOf("abcdef");
  const parts = (...ends: number[]): Parts => ({
    start: Int32Array.from([0, ...ends.slice(0, -1)]),
    end: Int32Array.from(ends),
    chosen: Int32Array.from(ends, (_, i) => i),
  });
  assert.equal(cache.find(words, parts(2, 6)), undefined);
  cache.add("2 and 4");
  assert.equal(cache.find(words, parts(4, 6)), undefined);
  cache.add("4 and 2");
  assert.equal(cache.find(words, parts(0, 6)), undefined);
  assert.equal(cache.find(words, parts(2, 6)), "2 and 4");
  assert.equal(cache.find(words, parts(4, 6)), "4 and 2");
  assert.equal(cache.find(words, { ...parts(2, 4, 6), chosen: Int32Array.of(0, 1) }), undefined);
});

Deno.test("what is too long to be looked up is not kept, and nothing else in its place", () => {
  const cache = new ByteCache<string>();
  add(cache, "short", "content");
  add(cache, "x".repeat(100_000), "long");
  assert.equal(find(cache, "x".repeat(100_000)), undefined);
  assert.equal(find(cache, "short"), "content");
});

Deno.test("a cache of many finds each of them", () => {
  const cache = new ByteCache<number>();
  for (let i = 0; i < 20_000; i++) add(cache, `plant.line${i % 7}.sensor${i}`, i);
  for (let i = 0; i < 20_000; i++) assert.equal(find(cache, `plant.line${i % 7}.sensor${i}`), i);
});

Deno.test("a full cache keeps what it has, until others come that are more", () => {
  const cache = new ByteCache<number>(10_000);
  const found = (from: number, to: number) => {
    let count = 0;
    for (let i = from; i < to; i++) if (find(cache, `${i}`) !== undefined) count++;
    return count;
  };
  for (let i = 0; i < 60; i++) add(cache, `${i}`, i);
  const kept = found(0, 1000);
  assert.ok(kept > 30 && kept < 45, `${kept}`);
  assert.equal(found(0, kept), kept);
  for (let i = 1000; i < 1200; i++) add(cache, `${i}`, i);
  assert.equal(found(0, 60), 0);
  assert.ok(found(1000, 1200) > 0);
});
