import { Buffer } from "node:buffer";
import { CompressionCodecs, CompressionTypes } from "kafkajs";
import { KafkaJSNonRetriableError } from "kafkajs/src/errors.js";
import { DECOMPRESSION } from "../../platform/kafka/decompression.ts";

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

/**
 * Makes kafkajs read every compression of producers and brokers; by itself it knows gzip only, without a
 * bound. What this program writes is compressed before it gets there.
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
