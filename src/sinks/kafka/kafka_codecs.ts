import { Buffer } from "node:buffer";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { CompressionCodecs, CompressionTypes } from "kafkajs";
import { KafkaJSNonRetriableError } from "kafkajs/src/errors.js";
import snappy from "snappyjs";
import { decompressLz4 } from "./lz4_frame.ts";

/** Uncompressed bytes of a batch at most. By default brokers accept batches of a megabyte, compressed. */
const BATCH_MAX_BYTES = 128 * 1024 * 1024;
/**
 * The library keeps all batches of an answer uncompressed at once. A megabyte of compressed data can become
 * ten thousand.
 */
const ANSWER_MAX_BYTES = BATCH_MAX_BYTES;

/** Bytes that the batches of the present answer may still have. */
let leftBytes = ANSWER_MAX_BYTES;
let answerMaxBytes = ANSWER_MAX_BYTES;

/** Called before each answer of a broker is decoded. */
export function beginAnswer(): void {
  leftBytes = answerMaxBytes;
}

type Decompress = (compressed: Uint8Array, maxBytes: number) => Uint8Array;

/** Codecs by their names in `compression.type`. */
export const DECOMPRESSION = {
  gzip: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength }),
  snappy: decompressSnappy,
  lz4: decompressLz4,
  zstd: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }),
} as const satisfies Record<string, Decompress>;

/**
 * Makes kafkajs read every compression of producers and brokers; by itself it knows gzip only, without a
 * bound. This program compresses nothing.
 *
 * @param maxBytes Uncompressed bytes of a batch of records, at most.
 * @param inAllBytes Uncompressed bytes of all batches of an answer, at most.
 */
export function registerCodecs(maxBytes = BATCH_MAX_BYTES, inAllBytes = ANSWER_MAX_BYTES): void {
  answerMaxBytes = inAllBytes;
  beginAnswer();
  CompressionCodecs[CompressionTypes.GZIP] = codec("gzip", maxBytes);
  CompressionCodecs[CompressionTypes.Snappy] = codec("snappy", maxBytes);
  CompressionCodecs[CompressionTypes.LZ4] = codec("lz4", maxBytes);
  CompressionCodecs[CompressionTypes.ZSTD] = codec("zstd", maxBytes);
}

function codec(name: keyof typeof DECOMPRESSION, maxBytes: number) {
  return () => ({
    decompress: (compressed: Uint8Array): Promise<Buffer> => {
      try {
        const { buffer, byteOffset, byteLength } = DECOMPRESSION[name](
          compressed,
          Math.min(maxBytes, leftBytes),
        );
        leftBytes -= byteLength;
        return Promise.resolve(Buffer.from(buffer, byteOffset, byteLength));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return Promise.reject(
          new KafkaJSNonRetriableError(`records compressed with ${name} cannot be read: ${reason}`),
        );
      }
    },
  });
}

/**
 * `\x82SNAPPY\0`: Java's producers and brokers write blocks with their lengths, behind this mark and two
 * version numbers.
 */
const XERIAL_MARK = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const XERIAL_HEADER_BYTES = 16;

function decompressSnappy(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (!XERIAL_MARK.every((byte, i) => bytes[i] === byte)) return decompressBlock(bytes, maxBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: Uint8Array[] = [];
  let size = 0;
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const end = at + 4 + view.getUint32(at);
    if (end > bytes.length) throw new RangeError("a block is cut off");
    const block = decompressBlock(bytes.subarray(at + 4, end), maxBytes - size);
    blocks.push(block);
    size += block.length;
    at = end;
  }
  return Buffer.concat(blocks);
}

function decompressBlock(block: Uint8Array, maxBytes: number): Uint8Array {
  return snappy.uncompress(block, maxBytes) as Uint8Array;
}
