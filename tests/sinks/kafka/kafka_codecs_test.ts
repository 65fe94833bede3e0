import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { CompressionCodecs, CompressionTypes } from "kafkajs";
import snappy from "snappyjs";
import { DECOMPRESSION } from "../../../src/platform/kafka/decompression.ts";
import { beginAnswer, registerCodecs } from "../../../src/sinks/kafka/kafka_codecs.ts";
import fc from "../../support/fast_check.ts";

/** A part of a block: bytes as they are, and then a piece of what stands before them. */
interface Sequence {
  readonly literals: Uint8Array;
  readonly distance: number;
  readonly length: number;
}

const sequence: fc.Arbitrary<Sequence> = fc.record({
  literals: fc.uint8Array({ minLength: 1, maxLength: 600 }),
  distance: fc.nat(),
  length: fc.integer({ min: 4, max: 700 }),
});
const blocks = fc.array(
  fc.record({
    isStored: fc.boolean(),
    sequences: fc.array(sequence, { maxLength: 5 }),
    end: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  }),
  { maxLength: 4 },
);
const flags = fc.record({ blockChecksums: fc.boolean(), size: fc.boolean(), checksum: fc.boolean() });

/** A frame by the format's own words, and what it says. */
function lz4Frame(
  parts: typeof blocks extends fc.Arbitrary<infer T> ? T : never,
  { blockChecksums, size, checksum }: { blockChecksums: boolean; size: boolean; checksum: boolean },
) {
  const content: number[] = [];
  const frame: number[] = [0x04, 0x22, 0x4d, 0x18];
  const flagByte = 0x40 | (blockChecksums ? 0x10 : 0) | (size ? 0x08 : 0) | (checksum ? 0x04 : 0);
  frame.push(flagByte, 0x70, ...(size ? [1, 2, 3, 4, 5, 6, 7, 8] : []), 0xaa);
  for (const { isStored, sequences, end } of parts) {
    const block: number[] = [];
    if (isStored) {
      block.push(...end);
      content.push(...end);
    } else {
      for (const { literals, distance: any, length } of sequences) {
        content.push(...literals);
        const distance = 1 + any % Math.min(content.length, 0xffff);
        block.push(Math.min(literals.length, 15) << 4 | Math.min(length - 4, 15));
        block.push(
          ...moreOf(literals.length),
          ...literals,
          distance & 0xff,
          distance >> 8,
          ...moreOf(length - 4),
        );
        for (let i = 0; i < length; i++) content.push(content[content.length - distance]!);
      }
      block.push(Math.min(end.length, 15) << 4, ...moreOf(end.length), ...end);
      content.push(...end);
    }
    frame.push(block.length & 0xff, block.length >> 8 & 0xff, block.length >> 16, isStored ? 0x80 : 0);
    frame.push(...block, ...(blockChecksums ? [9, 9, 9, 9] : []));
  }
  frame.push(0, 0, 0, 0, ...(checksum ? [9, 9, 9, 9] : []));
  return { frame: Uint8Array.from(frame), content: Uint8Array.from(content) };
}

function moreOf(length: number): number[] {
  if (length < 15) return [];
  const rest = length - 15;
  return [...Array(Math.floor(rest / 255)).fill(255), rest % 255];
}

/** As Java's producers write it. */
function xerial(bytes: Uint8Array, blockSize: number): Uint8Array {
  const pieces: Uint8Array[] = [
    Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1),
  ];
  for (let at = 0; at < bytes.length; at += blockSize) {
    const block = snappy.compress(bytes.subarray(at, at + blockSize)) as Uint8Array;
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, block.length);
    pieces.push(length, block);
  }
  return Buffer.concat(pieces);
}

const COMPRESSION = {
  gzip: gzipSync,
  zstd: zstdCompressSync,
  snappy: (bytes: Uint8Array) => snappy.compress(bytes) as Uint8Array,
};

Deno.test("property: an LZ4 frame says what its blocks say, and a part of it says nothing", () => {
  fc.assert(
    fc.property(blocks, flags, fc.nat(), (parts, how, cut) => {
      const { frame, content } = lz4Frame(parts, how);
      assert.deepEqual(Uint8Array.from(DECOMPRESSION.lz4(frame, content.length)), content);
      if (content.length > 0) assert.throws(() => DECOMPRESSION.lz4(frame, content.length - 1), RangeError);
      assert.throws(() => DECOMPRESSION.lz4(frame.subarray(0, cut % frame.length), 1e6), RangeError);
    }),
    { numRuns: 300 },
  );
});

Deno.test("property: whatever LZ4 is given, it answers or throws a RangeError, within its bound", () => {
  fc.assert(
    fc.property(
      blocks,
      flags,
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
      (parts, how, flips) => {
        const { frame } = lz4Frame(parts, how);
        for (const [at, byte] of flips) frame[at % frame.length] = byte;
        try {
          assert.ok(DECOMPRESSION.lz4(frame, 10_000).length <= 10_000);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("property: gzip, zstd and snappy, in Java's blocks too, come back as they were", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 1, max: 1000 }), (bytes, blockSize) => {
      for (const name of ["gzip", "zstd", "snappy"] as const) {
        assert.deepEqual(Uint8Array.from(DECOMPRESSION[name](COMPRESSION[name](bytes), 3000)), bytes, name);
      }
      assert.deepEqual(Uint8Array.from(DECOMPRESSION.snappy(xerial(bytes, blockSize), 3000)), bytes);
    }),
    { numRuns: 50 },
  );
});

Deno.test("a bomb is refused by its bound in every codec", () => {
  const bytes = new Uint8Array(5_000_000);
  const run = { literals: new Uint8Array(1), distance: 0, length: bytes.length };
  const bombs = {
    gzip: gzipSync(bytes),
    zstd: zstdCompressSync(bytes),
    snappy: xerial(bytes, 65_536),
    lz4: lz4Frame([{ isStored: false, sequences: [run], end: new Uint8Array(1) }], {
      blockChecksums: false,
      size: false,
      checksum: false,
    }).frame,
  };
  for (const [name, bomb] of Object.entries(bombs)) {
    const decompress = DECOMPRESSION[name as keyof typeof bombs];
    assert.ok(bomb.length < 400_000, name);
    assert.throws(() => decompress(bomb, 4_999_999), name);
    assert.ok(decompress(bomb, 5_000_100).length >= bytes.length, name);
  }
});

Deno.test("the batches of one answer share a bound, whatever their codecs; the next answer has its own", async () => {
  const content = Buffer.alloc(400, 0x41);
  const batches = [
    [CompressionTypes.GZIP, gzipSync(content)],
    [CompressionTypes.ZSTD, zstdCompressSync(content)],
  ] as const;
  try {
    registerCodecs(500, 1000);
    for (let answer = 0; answer < 3; answer++) {
      beginAnswer();
      for (const [type, batch] of batches) {
        assert.equal((await CompressionCodecs[type]!().decompress(batch)).length, content.length);
      }
      for (const [type, batch] of batches) {
        await assert.rejects(() => CompressionCodecs[type]!().decompress(batch), /cannot be read/);
      }
    }
  } finally {
    registerCodecs();
  }
});
