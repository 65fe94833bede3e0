/** Numbers in a row, and the index of each. The rest of a row is for a short name. */
export const ROW = 16;
export const HASH = 0;
export const FUNCTION = 1;
export const NAME_START = 2;
export const NAME_LENGTH = 3;
export const FIRST_SLOT = 4;
export const ARCHIVE_HASH = 5;
const SHORT_NAME = 6;

const ROW_BYTES = ROW * Int32Array.BYTES_PER_ELEMENT;
const SHORT_NAME_START = SHORT_NAME * Int32Array.BYTES_PER_ELEMENT;
/** A longer name has no room in its row. */
export const SHORT_NAME_MAX_BYTES = ROW_BYTES - SHORT_NAME_START;
/**
 * A row that begins here is one line of the processor's cache, of 64 bytes: the allocator (glibc) puts a
 * large block of memory 16 bytes behind the beginning of a page. Elsewhere it only may take two lines.
 */
const FIRST_ROW_START = 48;
const WORD_BYTES = 4;

/**
 * The rows of a table of series and the names of the series, in one piece of memory. A short name lies in its
 * own row, so that what a look-up reads of the series of an event is mostly one line of the cache. Longer
 * names follow the rows.
 */
export class SeriesRows {
  /** Rows of {@link ROW} numbers. */
  readonly numbers: Int32Array<ArrayBuffer>;
  /** All of the memory: what {@link NAME_START} counts in. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly view: DataView<ArrayBuffer>;
  private longNamesEnd: number;

  /** @param longNameBytes How many bytes there is room for in names that are not short. */
  constructor(readonly capacity: number, longNameBytes: number) {
    const rowBytes = capacity * ROW_BYTES;
    this.bytes = new Uint8Array(new ArrayBuffer(FIRST_ROW_START + rowBytes + longNameBytes), FIRST_ROW_START);
    this.numbers = new Int32Array(this.bytes.buffer, FIRST_ROW_START, capacity * ROW);
    this.view = viewOf(this.bytes);
    this.longNamesEnd = rowBytes;
  }

  hasRoomFor(nameLength: number): boolean {
    return nameLength <= SHORT_NAME_MAX_BYTES || this.longNamesEnd + nameLength <= this.bytes.length;
  }

  /** Gives a series its name, for which there must be room. */
  setName(series: number, bytes: Uint8Array, start: number, length: number): void {
    let nameStart = series * ROW_BYTES + SHORT_NAME_START;
    if (length > SHORT_NAME_MAX_BYTES) {
      nameStart = this.longNamesEnd;
      this.longNamesEnd += length;
    }
    copyBytes(bytes, start, length, this.bytes, nameStart);
    this.numbers[series * ROW + NAME_START] = nameStart;
    this.numbers[series * ROW + NAME_LENGTH] = length;
  }

  /**
   * Whether the `length` bytes at `nameStart` are those of a text.
   *
   * @param view Of the memory of the text, as by {@link viewOf}, with the text at `start`.
   */
  isText(nameStart: number, view: DataView, start: number, length: number): boolean {
    const names = this.view;
    if (length < WORD_BYTES) {
      let at = 0;
      while (at < length && names.getUint8(nameStart + at) === view.getUint8(start + at)) at++;
      return at === length;
    }
    // The last word overlaps the one before.
    const last = length - WORD_BYTES;
    let at = 0;
    while (at < last && names.getInt32(nameStart + at, true) === view.getInt32(start + at, true)) {
      at += WORD_BYTES;
    }
    return at >= last && names.getInt32(nameStart + last, true) === view.getInt32(start + last, true);
  }
}

/** A view that reads four bytes at once, at any offset. */
export function viewOf<B extends ArrayBufferLike>(bytes: Uint8Array<B>): DataView<B> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Copies bytes into another array. Names are short: a loop beats a typed array's set() with its view. */
export function copyBytes(
  from: Uint8Array,
  start: number,
  length: number,
  to: Uint8Array,
  toStart: number,
): void {
  for (let i = 0; i < length; i++) to[toStart + i] = from[start + i]!;
}
