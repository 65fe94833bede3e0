import assert from "node:assert/strict";
import { copyWords, hashWords, restOf, Words } from "../../src/codec/words.ts";
import { hashBytes } from "../../src/event/text_hash.ts";

const BYTES = Uint8Array.from({ length: 12 }, (_, i) => 0xf0 - 9 * i);

/** All ranges of the bytes, which lie in the middle of others. */
function* ranges(): Generator<{ words: Words; start: number; end: number }> {
  const outer = new Uint8Array(20).fill(0xee);
  outer.set(BYTES, 3);
  const words = new Words(outer.subarray(3, 3 + BYTES.length));
  for (let start = 0; start <= BYTES.length; start++) {
    for (let end = start; end <= BYTES.length; end++) yield { words, start, end };
  }
}

Deno.test("words: a copy has all bytes of its range, and leaves those before it", () => {
  for (const { words, start, end } of ranges()) {
    const to = new Words(new Uint8Array(24));
    assert.equal(copyWords(words, start, end, to, 5), 5 + end - start);
    assert.deepEqual([...to.bytes.subarray(0, 5 + end - start)], [
      0,
      0,
      0,
      0,
      0,
      ...BYTES.subarray(start, end),
    ]);
    // No more than the last word is written in whole.
    const wordsEnd = 5 + Math.ceil((end - start) / 4) * 4;
    assert.ok(to.bytes.subarray(wordsEnd).every((byte) => byte === 0));
  }
});

Deno.test("words: the hash is that of the bytes", () => {
  for (const { words, start, end } of ranges()) {
    assert.equal(hashWords(words, start, end), hashBytes(BYTES, start, end - start), `${start} to ${end}`);
  }
});

Deno.test("words: what is less than a word is filled up with zeros", () => {
  for (const { words, start, end } of ranges()) {
    if (end - start > 3) continue;
    const filled = new Uint8Array(4);
    filled.set(BYTES.subarray(start, end));
    assert.equal(
      restOf(words, start, end),
      new DataView(filled.buffer).getInt32(0, true),
      `${start} to ${end}`,
    );
  }
  assert.equal(restOf(new Words(BYTES), 5, 3), 0);
});
