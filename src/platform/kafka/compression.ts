import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { compressLz4 } from "../compression/lz4_compressor.ts";

/** How the records of a batch are compressed. */
export interface Compression {
  /** Its number in the attributes of a batch. */
  readonly attribute: number;
  compress(records: Uint8Array): Uint8Array;
}

/** Fast levels: a row repeats names and texts, which the first level finds. */
const GZIP = { level: 1 };
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** By the names in `compression.type`. */
export const COMPRESSIONS = {
  none: { attribute: 0, compress: (records) => records },
  gzip: { attribute: 1, compress: (records) => gzipSync(records, GZIP) },
  lz4: { attribute: 3, compress: compressLz4 },
  zstd: { attribute: 4, compress: (records) => zstdCompressSync(records, ZSTD) },
} as const satisfies Record<string, Compression>;

export type CompressionName = keyof typeof COMPRESSIONS;
