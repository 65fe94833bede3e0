import { CHAIN_MAX, type HashKey, keyedHash } from "../event/keyed_hash.ts";

/** Ids one after another, the oldest first. */
export interface IdRun {
  /** Of each, bytes. */
  readonly lengths: Uint16Array<ArrayBuffer>;
  readonly text: Uint8Array<ArrayBuffer>;
}

/**
 * The latest ids of one source, exactly: a ring of the last `capacity` ids with a hash table over it. The ids
 * are kept as bytes in a ring buffer that grows with their length, not with their number. Where ids are
 * chosen to collide, the table turns to a keyed hash, as `SeriesTable` does.
 */
export class RecentIds {
  /** Ids ever added: the sequence number of the next one. */
  private nextSequence = 0;
  /** Sequence number of the oldest id remembered. */
  private oldestSequence = 0;
  private readonly hash: Int32Array;
  private readonly length: Int32Array;
  /**
   * Where the id starts in the stream of all id bytes ever added, modulo {@link STREAM_RANGE}. Its index in
   * `text` is this modulo the size of `text`.
   */
  private readonly start: Float64Array;
  /** Index into the ring + 1, or 0 for an empty cell. */
  private readonly cells: Int32Array;
  private text = new Uint8Array(4096);
  private textEnd = 0;
  private isKeyed = false;

  /** @param capacity How many ids to remember; at least 1. */
  constructor(private readonly capacity: number, private readonly key: HashKey) {
    this.hash = new Int32Array(capacity);
    this.length = new Int32Array(capacity);
    this.start = new Float64Array(capacity);
    let cellCount = 16;
    while (cellCount < capacity * 2) cellCount *= 2;
    this.cells = new Int32Array(cellCount);
  }

  get sequence(): number {
    return this.nextSequence;
  }

  /** `idHash` is the hash of the id's bytes. */
  has(bytes: Uint8Array, start: number, length: number, idHash: number): boolean {
    const hash = this.hashOf(bytes, start, length, idHash);
    const mask = this.cells.length - 1;
    for (let cell = this.homeOf(hash); this.cells[cell] !== 0; cell = (cell + 1) & mask) {
      const index = this.cells[cell]! - 1;
      if (this.hash[index] === hash && this.length[index] === length && this.equals(index, bytes, start)) {
        return true;
      }
    }
    return false;
  }

  /** Remembers an id that {@link has} does not know, and forgets the oldest when there are too many. */
  add(bytes: Uint8Array, start: number, length: number, idHash: number): void {
    if (this.nextSequence - this.oldestSequence === this.capacity) this.forgetOldest();
    this.reserveText(length);
    const index = this.nextSequence % this.capacity;
    this.hash[index] = this.hashOf(bytes, start, length, idHash);
    this.length[index] = length;
    this.start[index] = this.textEnd;
    const mask = this.text.length - 1;
    const textStart = this.textEnd % this.text.length;
    for (let i = 0; i < length; i++) this.text[(textStart + i) & mask] = bytes[start + i]!;
    this.textEnd += length;
    if (this.textEnd >= STREAM_RANGE) this.textEnd -= STREAM_RANGE;
    this.nextSequence++;

    if (this.insert(index) > CHAIN_MAX && !this.isKeyed) this.turnToKey();
  }

  /** The ids from a sequence number on, those that are still remembered. */
  runSince(sequence: number): IdRun {
    const first = Math.max(sequence, this.oldestSequence);
    const lengths = new Uint16Array(this.nextSequence - first);
    let bytes = 0;
    for (let i = 0; i < lengths.length; i++) {
      lengths[i] = this.length[(first + i) % this.capacity]!;
      bytes += lengths[i]!;
    }
    // They lie one after another in the ring, which may end among them.
    const text = new Uint8Array(bytes);
    if (bytes > 0) {
      const from = this.start[first % this.capacity]! % this.text.length;
      const head = this.text.subarray(from, from + bytes);
      text.set(head);
      text.set(this.text.subarray(0, bytes - head.length), head.length);
    }
    return { lengths, text };
  }

  private hashOf(bytes: Uint8Array, start: number, length: number, idHash: number): number {
    return this.isKeyed ? keyedHash(bytes, start, length, this.key) : idHash;
  }

  /** Returns how many taken cells were probed before the id's own cell. */
  private insert(index: number): number {
    const mask = this.cells.length - 1;
    const home = this.homeOf(this.hash[index]!);
    let cell = home;
    while (this.cells[cell] !== 0) cell = (cell + 1) & mask;
    this.cells[cell] = index + 1;
    return (cell - home) & mask;
  }

  private turnToKey(): void {
    this.isKeyed = true;
    this.cells.fill(0);
    const { lengths, text } = this.runSince(this.oldestSequence);
    let at = 0;
    for (let i = 0; i < lengths.length; at += lengths[i++]!) {
      const index = (this.oldestSequence + i) % this.capacity;
      this.hash[index] = this.hashOf(text, at, lengths[i]!, 0);
      this.insert(index);
    }
  }

  private homeOf(hash: number): number {
    return (hash ^ (hash >>> 15)) & (this.cells.length - 1);
  }

  private equals(index: number, bytes: Uint8Array, start: number): boolean {
    const mask = this.text.length - 1;
    const textStart = this.start[index]! % this.text.length;
    const length = this.length[index]!;
    let i = 0;
    while (i < length && this.text[(textStart + i) & mask] === bytes[start + i]) i++;
    return i === length;
  }

  private forgetOldest(): void {
    const index = this.oldestSequence % this.capacity;
    const mask = this.cells.length - 1;
    // Between the home of an id and its cell are older ids only. So the oldest one is at home.
    let hole = this.homeOf(this.hash[index]!);
    // Backward shift deletion (Knuth, TAOCP 6.4, algorithm R) leaves no tombstones to clean up later.
    for (let next = (hole + 1) & mask;; next = (next + 1) & mask) {
      const moved = this.cells[next]!;
      if (moved === 0) {
        this.cells[hole] = 0;
        break;
      }
      const home = this.homeOf(this.hash[moved - 1]!);
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        this.cells[hole] = moved;
        hole = next;
      }
    }
    this.oldestSequence++;
  }

  private reserveText(length: number): void {
    const oldestStart = this.nextSequence === this.oldestSequence
      ? this.textEnd
      : this.start[this.oldestSequence % this.capacity]!;
    let kept = this.textEnd - oldestStart;
    if (kept < 0) kept += STREAM_RANGE;
    if (kept + length <= this.text.length) return;
    let size = this.text.length;
    while (size < kept + length) size *= 2;
    const grown = new Uint8Array(size);
    for (let at = oldestStart; at < oldestStart + kept; at++) {
      grown[at % size] = this.text[at % this.text.length]!;
    }
    this.text = grown;
  }
}

/**
 * The byte count wraps at this number. It is small enough for exact sums, and a multiple of every size of the
 * text.
 */
const STREAM_RANGE = 2 ** 52;
