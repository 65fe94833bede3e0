import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { bytesBefore, endsPlainText, hashBytes, plainBytesIn } from "../../src/event/text_hash.ts";

const isPlain = (byte: number) => byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c;

Deno.test("property: a word ends plain text exactly when one of its bytes does", () => {
  // Every byte beside the ones that a borrow might come from or go to.
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80),
  );
  fc.assert(
    fc.property(byte, byte, byte, byte, (...bytes) => {
      const word = new DataView(Uint8Array.from(bytes).buffer).getInt32(0, true);
      assert.equal(endsPlainText(word), !bytes.every(isPlain));
      const first = bytes.findIndex((byte) => !isPlain(byte));
      assert.equal(plainBytesIn(word), first < 0 ? 4 : first);
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("the first byte of a word whose highest bit is set is found, whatever the other bits are", () => {
  for (let marked = 0; marked < 16; marked++) {
    for (const others of [0, 0x7f7f7f7f, 0x01010101]) {
      let bits = others;
      for (let i = 0; i < 4; i++) if (marked >> i & 1) bits |= 0x80 << 8 * i;
      const first = [0, 1, 2, 3].find((i) => (marked >> i & 1) === 1) ?? 4;
      assert.equal(bytesBefore(bits), first, bits.toString(16));
    }
  }
});

/** Of no bytes to nine bytes. Fingerprints on disk are made of them. */
// deno-fmt-ignore
const HASHES = [
  -1560714471, -329190448, 1465349584, 1503819216, 208563804, -2017845519, -769325839, -227277583, 7268298, -1199735361,
];

Deno.test("hashes stay as those on disk are", () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 - 13 * i);
  assert.deepEqual(HASHES.map((_, length) => hashBytes(bytes, 1, length)), HASHES);
});

Deno.test("property: the hash is of the bytes alone, wherever they lie", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 9 }), (text, before) => {
    const moved = Uint8Array.of(...before, ...text, 1, 2, 3);
    assert.equal(hashBytes(moved, before.length, text.length), hashBytes(text, 0, text.length));
  }));
});

Deno.test("names that differ in little spread over the table", () => {
  const cells = new Set<number>();
  const names = 20_000;
  for (let i = 0; i < names; i++) {
    const name = new TextEncoder().encode(`plant.line${i % 20}.sensor${i}.temperature`);
    cells.add(hashBytes(name, 0, name.length));
  }
  // Of random hashes of 32 bits, about one in 200,000 pairs off among so many.
  assert.ok(cells.size > names * 0.999, `${cells.size} different hashes`);
});
