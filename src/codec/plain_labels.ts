import type { EventBatch } from "../event/event_batch.ts";
import { LABELS_MAX, SERIES_MAX_BYTES } from "../event/labels.ts";
import { HASH_SEED, hashWord } from "../event/text_hash.ts";
import { BACKSLASH, BRACE_CLOSE, BRACE_OPEN, COLON, COMMA, DELETE, QUOTE, SPACE } from "./ascii.ts";

/** Bytes that mean themselves in a label and in JSON: ASCII, no control character, no quote, no backslash. */
const IS_PLAIN = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte >= SPACE && byte < DELETE && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);

const WORD = 4;

/** The numbers of a label in `ranges`. */
const RANGE = 4;
const KEY_START = 0;
const KEY_END = 1;
const VALUE_START = 2;
const VALUE_END = 3;

/**
 * The fast path for an event's labels. They are read in place while they are plain ASCII text with each key
 * once. Most publishers write them in the form of a series key; then their bytes are copied unchanged.
 */
export class PlainLabels {
  count = 0;
  private bytes: Uint8Array = new Uint8Array();
  private extra: Uint8Array = this.bytes;
  private bytesView = viewOf(this.bytes);
  private extraView = this.bytesView;
  private start = 0;
  private end = 0;
  private textBytes = 0;
  private isCanonical = true;
  private readonly ranges = new Int32Array(LABELS_MAX * RANGE);
  /** Indexes of the labels in the order of their keys. */
  private readonly order = new Uint8Array(LABELS_MAX);

  /** Reads the object at `at`. Returns where it ends, or -1 for the slow path. */
  scan(bytes: Uint8Array, at: number): number {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.bytesView = viewOf(bytes);
    }
    this.start = at;
    this.count = 0;
    this.textBytes = 0;
    this.isCanonical = true;
    if (bytes[at++] !== BRACE_OPEN) return -1;
    at = this.afterSpaces(at);
    if (bytes[at] === BRACE_CLOSE) return at + 1;
    for (;;) {
      if (this.count === LABELS_MAX) return -1;
      const range = this.count * RANGE;
      at = this.scanText(at, range + KEY_START);
      if (at < 0) return -1;
      at = this.afterSpaces(at);
      if (bytes[at++] !== COLON) return -1;
      at = this.scanText(this.afterSpaces(at), range + VALUE_START);
      if (at < 0 || !this.insert(this.count++)) return -1;
      at = this.afterSpaces(at);
      const separator = bytes[at++];
      if (separator === BRACE_CLOSE) break;
      if (separator !== COMMA) return -1;
      at = this.afterSpaces(at);
    }
    this.end = at;
    return at;
  }

  /**
   * Replaces the name of the event `i` in `batch` by the key of its series, which includes the labels read
   * last. Returns false for the slow path.
   */
  join(batch: EventBatch, i: number): boolean {
    const nameStart = batch.nameStart[i]!;
    const nameLength = batch.nameLength[i]!;
    if (nameLength + this.textBytes > SERIES_MAX_BYTES) return false;
    const start = batch.extraLength;
    batch.reserveExtra(nameLength + 1 + this.end - this.start + WORD);
    const { extra } = batch;
    if (this.extra !== extra) {
      this.extra = extra;
      this.extraView = viewOf(extra);
    }
    let at = this.copy(nameStart, nameStart + nameLength, start);
    extra[at++] = 0;
    at = this.isCanonical ? this.copy(this.start, this.end, at) : this.write(at);
    batch.extraLength = at;
    batch.nameStart[i] = ~start;
    batch.nameLength[i] = at - start;
    batch.nameHash[i] = this.hash(start, at);
    return true;
  }

  /** The same hash as `hashBytes` makes. */
  private hash(start: number, end: number): number {
    const { extra, extraView } = this;
    let hash = HASH_SEED;
    let at = start;
    for (; at + WORD <= end; at += WORD) hash = hashWord(hash, extraView.getInt32(at, true));
    let rest = 0;
    for (let shift = 0; at < end; at++, shift += 8) rest |= extra[at]! << shift;
    return hashWord(hash, rest);
  }

  /** Copies a range of the event to `at`; it may write a few bytes more. Returns where the copy ends. */
  private copy(start: number, end: number, at: number): number {
    const { bytes, bytesView, extra, extraView } = this;
    const length = end - start;
    if (end + WORD > bytes.length) {
      for (let i = 0; i < length; i++) extra[at + i] = bytes[start + i]!;
    } else {
      for (let i = 0; i < length; i += WORD) extraView.setInt32(at + i, bytesView.getInt32(start + i));
    }
    return at + length;
  }

  private write(at: number): number {
    const { extra, ranges } = this;
    extra[at++] = BRACE_OPEN;
    for (let i = 0; i < this.count; i++) {
      const range = this.order[i]! * RANGE;
      if (i > 0) extra[at++] = COMMA;
      // The ranges include the quotes.
      at = this.copy(ranges[range + KEY_START]! - 1, ranges[range + KEY_END]! + 1, at);
      extra[at++] = COLON;
      at = this.copy(ranges[range + VALUE_START]! - 1, ranges[range + VALUE_END]! + 1, at);
    }
    extra[at++] = BRACE_CLOSE;
    return at;
  }

  private afterSpaces(at: number): number {
    while (this.bytes[at] === SPACE) {
      at++;
      this.isCanonical = false;
    }
    return at;
  }

  /**
   * Reads the text in quotes at `at` and stores its range in `ranges` at `range`. Returns where it ends; -1:
   * it is not plain.
   */
  private scanText(at: number, range: number): number {
    const { bytes, ranges } = this;
    if (bytes[at++] !== QUOTE) return -1;
    ranges[range] = at;
    const start = at;
    while (IS_PLAIN[bytes[at]!] === 1) at++;
    if (bytes[at] !== QUOTE) return -1;
    ranges[range + 1] = at;
    this.textBytes += at - start;
    return at + 1;
  }

  /** Inserts a label in the order of keys. Returns false where its key is there already. */
  private insert(label: number): boolean {
    let at = label;
    while (at > 0) {
      const comparison = this.compareKeys(label, this.order[at - 1]!);
      if (comparison === 0) return false;
      if (comparison > 0) break;
      this.order[at] = this.order[at - 1]!;
      at--;
      this.isCanonical = false;
    }
    this.order[at] = label;
    return true;
  }

  private compareKeys(a: number, b: number): number {
    const { bytes, ranges } = this;
    let atA = ranges[a * RANGE + KEY_START]!;
    let atB = ranges[b * RANGE + KEY_START]!;
    const lengthA = ranges[a * RANGE + KEY_END]! - atA;
    const lengthB = ranges[b * RANGE + KEY_END]! - atB;
    for (let left = Math.min(lengthA, lengthB); left > 0; left--, atA++, atB++) {
      if (bytes[atA] !== bytes[atB]) return bytes[atA]! - bytes[atB]!;
    }
    return lengthA - lengthB;
  }
}

/** A view that reads and writes four bytes at once, at any offset. */
function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
