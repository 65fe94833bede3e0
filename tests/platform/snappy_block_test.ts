import assert from "node:assert/strict";
import snappy from "snappyjs";
import fc from "../support/fast_check.ts";
import {
  decompressSnappyBlock,
  SnappyExcess,
  SnappyFault,
} from "../../src/platform/compression/snappy_block.ts";

const MAX_BYTES = 1024 * 1024;

const compress = (bytes: Uint8Array) => snappy.compress(Uint8Array.from(bytes)) as Uint8Array;
const statusOf = (block: readonly number[] | Uint8Array, maxBytes = MAX_BYTES) => {
  try {
    decompressSnappyBlock(Uint8Array.from(block), maxBytes);
    return "read";
  } catch (error) {
    assert.ok(error instanceof SnappyFault);
    return `${error instanceof SnappyExcess ? "too much" : "damaged"}: ${error.message}`;
  }
};

Deno.test("property: what another implementation compresses comes back", () => {
  const runs = fc.array(
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 300 })),
    { maxLength: 30 },
  ).map((parts) => Uint8Array.from(parts.flatMap(([bytes, times]) => Array(times).fill([...bytes]).flat())));
  fc.assert(fc.property(runs, (bytes) => {
    assert.deepEqual(decompressSnappyBlock(compress(bytes), bytes.length), Uint8Array.from(bytes));
  }));
});

Deno.test("each kind of element is read", () => {
  const literal = (extra: number) => {
    const length = 300;
    const sizes = [(59 + extra) << 2];
    for (let i = 0; i < extra; i++) sizes.push(((length - 1) >> (8 * i)) & 255);
    return [0xac, 0x02, ...sizes, ...Array(length).fill(7)];
  };
  for (const extra of [2, 3, 4]) {
    assert.deepEqual(
      decompressSnappyBlock(Uint8Array.from(literal(extra)), 300),
      new Uint8Array(300).fill(7),
    );
  }
  const copies: [number[], number[]][] = [
    [[0b000_000_01, 1], [1, 1, 1, 1]],
    [[(4 - 1) << 2 | 2, 1, 0], [1, 1, 1, 1]],
    [[(4 - 1) << 2 | 3, 1, 0, 0, 0], [1, 1, 1, 1]],
  ];
  for (const [copy, expected] of copies) {
    assert.deepEqual(
      decompressSnappyBlock(Uint8Array.from([5, 0, 1, ...copy]), 5),
      Uint8Array.from([1, ...expected]),
    );
  }
  assert.deepEqual(decompressSnappyBlock(Uint8Array.of(0), 0), new Uint8Array(0));
});

Deno.test("a block that is cut off anywhere is refused with the place", () => {
  const bytes = new TextEncoder().encode("the quick brown fox, the quick brown fox, ".repeat(9));
  const block = compress(bytes);
  for (let length = 0; length < block.length; length++) {
    assert.match(statusOf(block.subarray(0, length)), /^damaged: .*\(at byte \d+\)$/, `${length} bytes`);
  }
});

Deno.test("lies about lengths and copies are refused before memory is taken", () => {
  assert.match(statusOf([0xff, 0xff, 0xff, 0xff, 0x0f, 0]), /^too much: .*4294967295 bytes/);
  assert.match(statusOf([0x80, 0x80, 0x40, 0, 1], 2 ** 30), /^damaged: .*1048576 bytes cannot come of 5/);
  assert.match(statusOf([0xff, 0xff, 0xff, 0xff, 0xff, 1]), /does not begin with its length/);
  assert.match(statusOf([1, 4, 1, 2]), /more than its declared length/);
  assert.match(statusOf([9, 0, 1]), /ends after 1 of 9/);
  assert.match(statusOf([5, 0, 1, 1, 2]), /a copy is of nothing/);
  assert.match(statusOf([5, 0, 1, 1, 0]), /a copy is of nothing/);
  assert.match(statusOf([5, 0, 1, 63 << 2 | 3, 1, 0, 0, 0]), /more than its declared length/);
});
