import { Buffer } from "node:buffer";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { decompressLz4 } from "../compression/lz4_frame.ts";
import { decompressSnappyBlock } from "../compression/snappy_block.ts";

/** @throws where the bytes are damaged, or would become more than `maxBytes`. */
type Decompress = (compressed: Uint8Array, maxBytes: number) => Uint8Array;

/** What undoes the compression of a batch of records, by the names in `compression.type`. */
export const DECOMPRESSION = {
  gzip: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength }),
  snappy: decompressSnappy,
  lz4: decompressLz4,
  zstd: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }),
} as const satisfies Record<string, Decompress>;

/**
 * `\x82SNAPPY\0`: Java's producers and brokers write blocks with their lengths, behind this mark and two
 * version numbers.
 */
const XERIAL_MARK = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const XERIAL_HEADER_BYTES = 16;

function decompressSnappy(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (!XERIAL_MARK.every((byte, i) => bytes[i] === byte)) return decompressSnappyBlock(bytes, maxBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: Uint8Array[] = [];
  let size = 0;
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const end = at + 4 + view.getUint32(at);
    if (end > bytes.length) throw new RangeError("a block is cut off");
    const block = decompressSnappyBlock(bytes.subarray(at + 4, end), maxBytes - size);
    blocks.push(block);
    size += block.length;
    at = end;
  }
  return Buffer.concat(blocks);
}
