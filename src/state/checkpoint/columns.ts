import { crc32 } from "node:zlib";
import { damaged } from "../file/state_error.ts";

/**
 * Columns of numbers and bytes in one blob: little-endian, each column padded to eight bytes, a checksum at
 * the beginning. A column of equal numbers is stored as one number.
 *
 * Layout: `u32 crc32(rest)`, `u32 0`, then for each column `u32 tag`, `u32 length`, data. Masks are bytes,
 * or, where one does not fit, 32-bit integers under a tag with {@link WIDE}.
 */
const CONSTANT = 1;
const ARRAY = 2;
const WIDE = 4;
const HEADER_BYTES = 8;

type NumberColumn = Float64Array | Int32Array | Uint16Array | Uint8Array;

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
if (!isLittleEndian) throw new Error("this program needs a little-endian machine");

/** Writes columns one after another; {@link finish} returns the blob. A writer can be used again. */
export class ColumnWriter {
  private buffer = new Uint8Array(64 * 1024);
  private view = new DataView(this.buffer.buffer);
  private length = HEADER_BYTES;

  write(column: NumberColumn): void {
    this.put(column, 0);
  }

  /** Writes masks of up to 32 bits, with the least width that fits. */
  writeMasks(masks: Int32Array): void {
    if (masks.every((mask) => mask >>> 8 === 0)) this.put(Uint8Array.from(masks), 0);
    else this.put(masks, WIDE);
  }

  private put(column: NumberColumn, width: number): void {
    const isConstant = column.length > 0 && isAllTheSame(column);
    const data = isConstant ? column.subarray(0, 1) : column;
    this.reserve(16 + data.byteLength);
    this.view.setUint32(this.length, (isConstant ? CONSTANT : ARRAY) | width, true);
    this.view.setUint32(this.length + 4, column.length, true);
    this.buffer.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), this.length + 8);
    const end = this.length + 8 + data.byteLength;
    this.length = (end + 7) & ~7;
    this.buffer.fill(0, end, this.length);
  }

  /** The blob of the columns since the last call: a view that is valid until the next write. */
  finish(): Uint8Array {
    const blob = this.buffer.subarray(0, this.length);
    this.view.setUint32(0, crc32(blob.subarray(HEADER_BYTES)), true);
    this.view.setUint32(4, 0, true);
    this.length = HEADER_BYTES;
    return blob;
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + bytes));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** A blob is not what a {@link ColumnWriter} wrote. */
export class ColumnError extends Error {
  override readonly name = "ColumnError";
}

/** Reads columns of the state file at `path`. @throws {StateError} `damaged`: a column cannot be decoded. */
export function readColumns<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ColumnError ? damaged(path, error.message) : error;
  }
}

/**
 * Reads columns in the order they were written. They are views of the blob where their numbers differ.
 *
 * @throws {ColumnError}
 */
export class ColumnReader {
  private readonly view: DataView;
  private at = HEADER_BYTES;

  /** @param blob It begins at a multiple of eight bytes of its memory, as all those of SQLite do. */
  constructor(private readonly blob: Uint8Array) {
    this.view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    if (blob.length < HEADER_BYTES) throw new ColumnError("a block of columns is cut off");
    // The checksum covers the bytes after the header. The second half of the header is always zero.
    if (
      this.view.getUint32(0, true) !== crc32(blob.subarray(HEADER_BYTES)) ||
      this.view.getUint32(4, true) !== 0
    ) {
      throw new ColumnError("the checksum of a block of columns does not match");
    }
  }

  float64(): Float64Array {
    return this.read(Float64Array);
  }

  int32(): Int32Array {
    return this.read(Int32Array);
  }

  uint16(): Uint16Array {
    return this.read(Uint16Array);
  }

  uint8(): Uint8Array {
    return this.read(Uint8Array);
  }

  masks(): Int32Array {
    const isWide = this.at + 4 <= this.blob.length && (this.view.getUint32(this.at, true) & WIDE) !== 0;
    return isWide ? this.read(Int32Array, WIDE) : new Int32Array(this.read(Uint8Array));
  }

  private read<T extends NumberColumn>(
    Column: {
      new (length: number): T;
      new (buffer: ArrayBufferLike, start: number, length: number): T;
      readonly BYTES_PER_ELEMENT: number;
    },
    width = 0,
  ): T {
    if (this.at + 8 > this.blob.length) throw new ColumnError("a block of columns is cut off");
    const tag = this.view.getUint32(this.at, true) ^ width;
    const length = this.view.getUint32(this.at + 4, true);
    const stored = tag === CONSTANT ? 1 : length;
    const byteLength = stored * Column.BYTES_PER_ELEMENT;
    const start = this.at + 8;
    if ((tag !== CONSTANT && tag !== ARRAY) || start + byteLength > this.blob.length) {
      throw new ColumnError("a block of columns has a wrong length");
    }
    const column = new Column(this.blob.buffer, this.blob.byteOffset + start, stored);
    this.at = (start + byteLength + 7) & ~7;
    return tag === ARRAY ? column : new Column(length).fill(column[0]!) as T;
  }
}

/**
 * The bytes that stand in each blob with this text in a column: a single one where all of them are equal, as
 * those of the column may be.
 */
export function storedPart(text: Uint8Array): Uint8Array {
  return isAllTheSame(text) ? text.subarray(0, 1) : text;
}

function isAllTheSame(column: NumberColumn): boolean {
  const first = column[0]!;
  for (let i = 1; i < column.length; i++) if (!Object.is(column[i], first)) return false;
  return true;
}
