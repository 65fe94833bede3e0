import assert from "node:assert/strict";
import { keyedHash } from "../../src/event/keyed_hash.ts";

/** The reference's test vectors for 32 bits: the key is 00 01 … 07, the message 00 01 02 … of each length. */
// deno-fmt-ignore
const VECTORS = [
  "a9359f5b", "27475ab8", "fa62a603", "8afee704", "2a6e4689", "c5fab669", "5863fc23", "8bcf63c5", "d0b8848f",
];

Deno.test("it is HalfSipHash-2-4", () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
  VECTORS.forEach((expected, length) => {
    const found = new Uint8Array(4);
    new DataView(found.buffer).setInt32(0, keyedHash(bytes, 0, length, [0x03020100, 0x07060504]), true);
    assert.equal([...found].map((byte) => byte.toString(16).padStart(2, "0")).join(""), expected);
  });
});

Deno.test("another key gives other hashes, and where the bytes lie does not matter", () => {
  const bytes = new TextEncoder().encode("..sensor.17");
  const hash = keyedHash(bytes, 2, 9, [1, 2]);
  assert.equal(keyedHash(bytes.slice(2), 0, 9, [1, 2]), hash);
  assert.notEqual(keyedHash(bytes, 2, 9, [1, 3]), hash);
  assert.notEqual(keyedHash(bytes, 2, 9, [3, 2]), hash);
});
