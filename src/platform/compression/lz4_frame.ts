const MAGIC = 0x184d2204;
const VERSION_MASK = 0xc0;
const VERSION_1 = 0x40;
const HAS_BLOCK_CHECKSUMS = 0x10;
const HAS_CONTENT_SIZE = 0x08;
const HAS_CONTENT_CHECKSUM = 0x04;
const HAS_DICTIONARY = 0x01;
const CHECKSUM_BYTES = 4;
const CONTENT_SIZE_BYTES = 8;
/** Flag in a block's length: the block is not compressed. */
export const IS_STORED = 0x8000_0000;
const FIRST_CAPACITY = 256 * 1024;
/** A length of this value in a token continues in the next bytes. */
export const LONG_LENGTH = 15;
export const MIN_MATCH = 4;

/**
 * The content of one LZ4 frame. Blocks may refer to earlier ones. Checksums are skipped, since a batch of
 * records has its own.
 *
 * @param maxBytes Bytes of the content at most. Memory is allocated only for content that is really there.
 * @throws {RangeError} It is not a complete frame of version 1 without a dictionary, or has more content.
 */
export function decompressLz4(frame: Uint8Array, maxBytes: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw new RangeError("it is no LZ4 frame");
  const flags = view.getUint8(4);
  if ((flags & VERSION_MASK) !== VERSION_1) throw new RangeError("it is an LZ4 frame of an unknown version");
  if ((flags & HAS_DICTIONARY) !== 0) throw new RangeError("its LZ4 frame needs a dictionary");
  // After the flags the header has a byte for the block size, and at its end a byte of checksum.
  let at = 6 + ((flags & HAS_CONTENT_SIZE) === 0 ? 0 : CONTENT_SIZE_BYTES) + 1;
  const afterBlock = (flags & HAS_BLOCK_CHECKSUMS) === 0 ? 0 : CHECKSUM_BYTES;
  const content = new Content(maxBytes);
  for (;;) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) break;
    const end = at + (size & ~IS_STORED);
    if (end + afterBlock > frame.length) throw new RangeError("its LZ4 frame is cut off");
    const block = frame.subarray(at, end);
    if ((size & IS_STORED) === 0) decompressBlock(block, content);
    else content.append(block);
    at = end + afterBlock;
  }
  if ((flags & HAS_CONTENT_CHECKSUM) !== 0) at += CHECKSUM_BYTES;
  if (at !== frame.length) throw new RangeError("its LZ4 frame does not end where it should");
  return content.bytes;
}

function decompressBlock(block: Uint8Array, content: Content): void {
  let at = 0;
  const next = () => {
    if (at >= block.length) throw new RangeError("an LZ4 block is cut off");
    return block[at++]!;
  };
  const lengthOf = (short: number) => {
    let length = short;
    if (short === LONG_LENGTH) {
      let more: number;
      do length += more = next(); while (more === 255);
    }
    return length;
  };
  for (;;) {
    const token = next();
    const literals = lengthOf(token >> 4);
    if (at + literals > block.length) throw new RangeError("an LZ4 block is cut off");
    content.append(block.subarray(at, at + literals));
    at += literals;
    // The last sequence has no match.
    if (at === block.length) return;
    const distance = next() | next() << 8;
    content.repeat(distance, lengthOf(token & 0x0f) + MIN_MATCH);
  }
}

/** Bytes that grow at their end, up to a bound. */
class Content {
  private buffer: Uint8Array;
  private size = 0;

  constructor(private readonly maxBytes: number) {
    this.buffer = new Uint8Array(Math.min(maxBytes, FIRST_CAPACITY));
  }

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.size);
  }

  append(bytes: Uint8Array): void {
    this.makeRoom(bytes.length);
    this.buffer.set(bytes, this.size);
    this.size += bytes.length;
  }

  /**
   * Appends a copy of the bytes that are `distance` before the end. A copy longer than the distance repeats
   * them.
   */
  repeat(distance: number, length: number): void {
    if (distance === 0 || distance > this.size) throw new RangeError("an LZ4 block refers to nothing");
    this.makeRoom(length);
    const end = this.size + length;
    while (this.size < end) {
      const piece = Math.min(distance, end - this.size);
      const from = this.size - distance;
      this.buffer.copyWithin(this.size, from, from + piece);
      this.size += piece;
    }
  }

  private makeRoom(bytes: number): void {
    const needed = this.size + bytes;
    if (needed > this.maxBytes) throw new RangeError(`it has more than ${this.maxBytes} bytes`);
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.min(this.maxBytes, Math.max(needed, 2 * this.buffer.length)));
    larger.set(this.bytes);
    this.buffer = larger;
  }
}
