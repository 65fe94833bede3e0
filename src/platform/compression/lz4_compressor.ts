import { IS_STORED, LONG_LENGTH, MIN_MATCH } from "./lz4_frame.ts";

/** Version 1, blocks of 4 MiB that do not refer to each other, no checksums and sizes; its checksum. */
const FRAME_HEAD = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73];
const BLOCK_MAX_BYTES = 4 * 1024 * 1024;
const DISTANCE_MAX = 0xffff;
/** The end of a block that is always literal, and how far before the end a last match begins. */
const LAST_LITERALS = 5;
const LAST_MATCH = 12;
const HASH_BITS = 14;
/** Knuth's multiplier, as the reference implementation has it. */
const HASH_FACTOR = 2654435761;

/**
 * The bytes as one LZ4 frame that Kafka's clients read. The search for repetitions is the greedy one with a
 * table of hashes of four bytes (the format: lz4_Block_format.md and lz4_Frame_format.md of the LZ4 project).
 */
export function compressLz4(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / BLOCK_MAX_BYTES);
  const frame = new Uint8Array(FRAME_HEAD.length + 4 * (blocks + 1) + bytes.length);
  frame.set(FRAME_HEAD);
  const view = new DataView(frame.buffer);
  let end = FRAME_HEAD.length;
  for (let at = 0; at < bytes.length; at += BLOCK_MAX_BYTES) {
    const block = bytes.subarray(at, at + BLOCK_MAX_BYTES);
    const room = frame.subarray(end + 4, end + 4 + block.length);
    const size = compressBlock(block, room);
    if (size === undefined) room.set(block);
    view.setUint32(end, size ?? (block.length | IS_STORED) >>> 0, true);
    end += 4 + (size ?? block.length);
  }
  return frame.subarray(0, end + 4);
}

/** Returns the bytes written; undefined: they would be no fewer than the block has. */
function compressBlock(block: Uint8Array, into: Uint8Array): number | undefined {
  const table = new Int32Array(1 << HASH_BITS).fill(-1);
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const matchesEnd = block.length - LAST_LITERALS;
  let [end, literalsFrom, at] = [0, 0, 0];
  while (at <= block.length - LAST_MATCH) {
    const four = view.getUint32(at, true);
    const cell = Math.imul(four, HASH_FACTOR) >>> 32 - HASH_BITS;
    const earlier = table[cell]!;
    table[cell] = at;
    if (earlier < 0 || at - earlier > DISTANCE_MAX || view.getUint32(earlier, true) !== four) {
      at++;
      continue;
    }
    let matchEnd = at + MIN_MATCH;
    while (matchEnd < matchesEnd && block[matchEnd] === block[matchEnd - at + earlier]) matchEnd++;
    const next = putSequence(into, end, block.subarray(literalsFrom, at), matchEnd - at, at - earlier);
    if (next === undefined) return undefined;
    end = next;
    at = literalsFrom = matchEnd;
  }
  return putSequence(into, end, block.subarray(literalsFrom), undefined, 0);
}

/**
 * Writes literals and the match after them, at `end`. Returns where it ends; undefined: there may be too
 * little room.
 *
 * @param matchLength Undefined: no match follows, at the end of a block.
 */
function putSequence(
  into: Uint8Array,
  end: number,
  literals: Uint8Array,
  matchLength: number | undefined,
  distance: number,
): number | undefined {
  const extra = (matchLength ?? MIN_MATCH) - MIN_MATCH;
  const atMost = 1 + literals.length / 255 + 1 + literals.length + 2 + extra / 255 + 1;
  if (end + atMost > into.length) return undefined;
  into[end++] = Math.min(literals.length, LONG_LENGTH) << 4 | Math.min(extra, LONG_LENGTH);
  end = putLength(into, end, literals.length);
  into.set(literals, end);
  end += literals.length;
  if (matchLength === undefined) return end;
  into[end++] = distance & 0xff;
  into[end++] = distance >> 8;
  return putLength(into, end, extra);
}

/** What a length has beyond its four bits in the token. */
function putLength(into: Uint8Array, end: number, length: number): number {
  if (length < LONG_LENGTH) return end;
  let rest = length - LONG_LENGTH;
  for (; rest >= 255; rest -= 255) into[end++] = 255;
  into[end++] = rest;
  return end;
}
