import assert from "node:assert/strict";
import { ByteCache, OnePart } from "../../../src/codec/mapping/byte_cache.ts";
import { Words } from "../../../src/codec/words.ts";
import { HASH_SEED, hashWord } from "../../../src/event/text_hash.ts";

const KEY_BYTES = 8;
/** What the hash multiplies each word by, and the number that takes it back, by Newton's method. */
const FACTOR = 0xcc9e2d51 | 0;
let inverse = FACTOR;
for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(FACTOR, inverse));

/** Keys of two words whose hashes are all the same: the second word makes good for the first one. */
function colliding(count: number): Words[] {
  const before = hashWord(hashWord(HASH_SEED, 0), KEY_BYTES);
  const turned = (hash: number) => hash << 13 | hash >>> 19;
  return Array.from({ length: count }, (_, first) => {
    const difference = turned(hashWord(before, first)) ^ turned(hashWord(before, 0));
    const words = new Words(new Uint8Array(KEY_BYTES));
    words.view.setInt32(0, first, true);
    words.view.setInt32(4, Math.imul(difference, inverse), true);
    return words;
  });
}

const KEY = new OnePart().at(0, KEY_BYTES);

Deno.test("keys of one hash are told apart", () => {
  const hashOf = ({ view }: Words) =>
    hashWord(
      hashWord(hashWord(hashWord(HASH_SEED, 0), KEY_BYTES), view.getInt32(0, true)),
      view.getInt32(4, true),
    );
  const cache = new ByteCache<number>();
  const keys = colliding(10);
  assert.equal(new Set(keys.map(hashOf)).size, 1);
  for (const [i, words] of keys.entries()) {
    assert.equal(cache.find(words, KEY), undefined, `${i}`);
    cache.add(i);
  }
  assert.deepEqual(keys.map((words) => cache.find(words, KEY)), [...keys.keys()]);
});

Deno.test("of very many keys of one hash the first ones are kept, and no other is found in their place", () => {
  const cache = new ByteCache<number>();
  const keys = colliding(70);
  for (const [i, words] of keys.entries()) {
    if (cache.find(words, KEY) === undefined) cache.add(i);
  }
  const found = keys.map((words) => cache.find(words, KEY));
  assert.deepEqual(found, [...keys.keys()].map((i) => i < 64 ? i : undefined));
  const other = new Words(new Uint8Array(KEY_BYTES).fill(1));
  assert.equal(cache.find(other, KEY), undefined);
  cache.add(1000);
  assert.equal(cache.find(other, KEY), 1000);
});

Deno.test("a cache that was emptied has room for as much as before", () => {
  const entries = 3;
  const cache = new ByteCache<number>(entries * 300);
  const keys = colliding(20);
  const add = (i: number) => {
    if (cache.find(keys[i]!, KEY) === undefined) cache.add(i);
  };
  let first = 0;
  for (let emptied = 0; emptied < 3; emptied++) {
    cache.grow(entries * 300);
    while (!cache.hasRoom()) cache.find(keys[first]!, KEY);
    for (let i = first; i < first + entries; i++) add(i);
    const found = keys.map((words) => cache.find(words, KEY));
    assert.deepEqual(found.filter((one) => one !== undefined), [first, first + 1, first + 2]);
    first += entries;
  }
});
