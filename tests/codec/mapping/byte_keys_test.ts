import assert from "node:assert/strict";
import { ByteCache, OnePart, type Parts } from "../../../src/codec/mapping/byte_cache.ts";
import { Words } from "../../../src/codec/words.ts";

const BYTES = Uint8Array.from({ length: 24 }, (_, i) => 0xf0 - 9 * i);

Deno.test("each range of bytes is found as itself, wherever it stands, and as no other", () => {
  const cache = new ByteCache<string>();
  const words = new Words(BYTES);
  const moved = new Words(Uint8Array.of(1, 2, 3, ...BYTES));
  for (let start = 0; start < BYTES.length; start++) {
    for (let end = start + 1; end <= BYTES.length; end++) {
      assert.equal(cache.find(words, new OnePart().at(start, end)), undefined, `${start} to ${end}`);
      cache.add(`${start} to ${end}`);
    }
  }
  for (let start = 0; start < BYTES.length; start++) {
    for (let end = start + 1; end <= BYTES.length; end++) {
      assert.equal(cache.find(words, new OnePart().at(start, end)), `${start} to ${end}`);
      assert.equal(cache.find(moved, new OnePart().at(start + 3, end + 3)), `${start} to ${end}`);
    }
  }
});

Deno.test("a part that is none is another than an empty one, and only the chosen parts count", () => {
  const cache = new ByteCache<string>();
  const words = new Words(BYTES);
  const partsOf = (ranges: readonly (readonly [number, number])[], ...chosen: number[]): Parts => ({
    start: Int32Array.from(ranges, ([start]) => start),
    end: Int32Array.from(ranges, ([, end]) => end),
    chosen: Int32Array.from(chosen),
  });
  const keys: Readonly<Record<string, Parts>> = {
    empty: partsOf([[4, 4]], 0),
    none: partsOf([[0, -1]], 0),
    "two parts": partsOf([[0, 5], [5, 9]], 0, 1),
    "in another order": partsOf([[0, 5], [5, 9]], 1, 0),
    "the first": partsOf([[0, 5], [5, 9]], 0),
    "the second": partsOf([[0, 5], [5, 9]], 1),
    "no part": partsOf([[0, 5]]),
  };
  for (const [name, parts] of Object.entries(keys)) {
    assert.equal(cache.find(words, parts), undefined, name);
    cache.add(name);
  }
  for (const [name, parts] of Object.entries(keys)) assert.equal(cache.find(words, parts), name);
  assert.equal(cache.find(words, partsOf([[9, 9], [7, 7]], 1)), "empty");
});

Deno.test("keys of up to 4096 words are kept: their owner, and of each part two words beside its own", () => {
  const words = new Words(new Uint8Array(20_000));
  const longest = 4 * (4096 - 3);
  const isKept = (...lengths: number[]) => {
    const cache = new ByteCache<string>();
    const parts: Parts = {
      start: new Int32Array(lengths.length),
      end: Int32Array.from(lengths),
      chosen: Int32Array.from(lengths, (_, i) => i),
    };
    cache.find(words, parts);
    assert.equal(cache.hasRoom(), cache.hasRoom());
    cache.add("content");
    return cache.find(words, parts) === "content";
  };
  assert.deepEqual([isKept(longest), isKept(longest + 1), isKept(longest + 8)], [true, false, false]);
  assert.deepEqual([isKept(longest - 12, 4), isKept(longest - 12, 5)], [true, false]);
});

Deno.test("what came beside a key counts, and a full cache has no room until others come that are more", () => {
  const words = new Words(BYTES);
  const cache = new ByteCache<number>(1000);
  const find = (at: number) => cache.find(words, new OnePart().at(at, at + 4));
  for (const at of [0, 1]) {
    assert.equal(find(at), undefined);
    assert.ok(cache.hasRoom());
    cache.add(at);
  }
  // Each took 256 bytes and four words; the list of contents begins with an entry that stands for none.
  cache.grow(1000 - 2 * (256 + 16) - 256);
  find(2);
  assert.ok(cache.hasRoom(), "what is full to the byte has room");
  cache.grow(0);
  find(2);
  for (let missed = 1; missed <= 6; missed++) assert.ok(!cache.hasRoom(), `${missed}`);
  assert.equal(find(1), 1, "what it has it keeps");
  find(2);
  assert.ok(cache.hasRoom());
  cache.add(2);
  assert.deepEqual([find(0), find(1), find(2)], [undefined, undefined, 2]);
  cache.grow(1000);
  find(3);
  for (let missed = 1; missed <= 4; missed++) {
    assert.ok(!cache.hasRoom(), "it counts from the beginning again");
  }
  assert.ok(cache.hasRoom());
});

Deno.test("a cache grows with its entries, and finds each of them by its owner", () => {
  const cache = new ByteCache<number>();
  const words = new Words(BYTES);
  const part = new OnePart().at(0, 9);
  for (let owner = 0; owner < 5000; owner++) {
    assert.equal(cache.find(words, part, owner), undefined);
    cache.add(owner);
  }
  for (let owner = 0; owner < 5000; owner++) assert.equal(cache.find(words, part, owner), owner);
  assert.equal(cache.find(words, part, 5000), undefined);
});
