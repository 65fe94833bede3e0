/**
 * Numbers the (name, function) pairs that have open windows: a hash table with linear probing over typed arrays, names
 * as UTF-8 in one arena, so that looking a series up makes no object and no string. What is kept of a series lies in
 * one row, since at 100,000 series each further column would be a further cache miss an event.
 *
 * A series without open windows stays numbered until room is needed; then all such are forgotten at once.
 */
export class SeriesTable {
  names = new Uint8Array(INITIAL_CAPACITY * 32);

  /** Rows of {@link ROW} numbers. */
  private rows = new Int32Array(INITIAL_CAPACITY * ROW);
  /** Series id + 1, or 0 for an empty cell. */
  private cells = new Int32Array(INITIAL_CAPACITY * 2);
  private namesLength = 0;
  /** Ids handed out, free ones included. */
  private idEnd = 0;
  private readonly freeIds: number[] = [];
  private size = 0;

  /** How many series there is room for. */
  get capacity(): number {
    return this.rows.length / ROW;
  }

  /** The series' number, or -1. `nameHash` is the hash of the name's bytes. */
  find(bytes: Uint8Array, start: number, length: number, nameHash: number, functionId: number): number {
    const hash = seriesHash(nameHash, functionId);
    const { cells, names, rows } = this;
    const mask = cells.length - 1;
    for (let cell = spread(hash) & mask;; cell = (cell + 1) & mask) {
      const series = cells[cell]! - 1;
      if (series < 0) return -1;
      const row = series * ROW;
      if (
        rows[row + HASH] !== hash || rows[row + FUNCTION] !== functionId || rows[row + NAME_LENGTH] !== length
      ) {
        continue;
      }
      let i = 0;
      for (let at = rows[row + NAME_START]!; i < length && names[at] === bytes[start + i]; at++) i++;
      if (i === length) return series;
    }
  }

  /**
   * Touches what {@link find} and the slots after it will need for events `from` to `to`, in loops so short that the
   * processor waits for many cache misses at once instead of one after another. Changes nothing; writes the first slots of
   * the likely series into `firstSlots`. Returns a number that means nothing, so that no compiler leaves the loops out.
   */
  touch(
    nameHash: Int32Array,
    functionId: Int32Array,
    from: number,
    to: number,
    firstSlots: Int32Array,
  ): number {
    const { cells, names, rows } = this;
    const mask = cells.length - 1;
    for (let i = from; i < to; i++) {
      firstSlots[i - from] = cells[spread(seriesHash(nameHash[i]!, functionId[i]!)) & mask]! - 1;
    }
    let touched = 0;
    for (let i = 0; i < to - from; i++) {
      const row = Math.max(0, firstSlots[i]!) * ROW;
      touched ^= names[rows[row + NAME_START]!]!;
      firstSlots[i] = rows[row + FIRST_SLOT]!;
    }
    return touched;
  }

  /** Numbers a series that {@link find} did not find. It has no open slot yet. */
  add(bytes: Uint8Array, start: number, length: number, nameHash: number, functionId: number): number {
    if (this.size === this.capacity || this.namesLength + length > this.names.length) this.makeRoom(length);
    const series = this.freeIds.pop() ?? this.idEnd++;
    const row = series * ROW;
    this.rows[row + HASH] = seriesHash(nameHash, functionId);
    this.rows[row + FUNCTION] = functionId;
    this.rows[row + NAME_START] = this.namesLength;
    this.rows[row + NAME_LENGTH] = length;
    this.rows[row + FIRST_SLOT] = -1;
    // Names are short: a loop beats a typed array's set() with its view.
    for (let i = 0; i < length; i++) this.names[this.namesLength + i] = bytes[start + i]!;
    this.namesLength += length;
    this.size++;
    this.place(series);
    return series;
  }

  hash(series: number): number {
    return this.rows[series * ROW + HASH]!;
  }

  functionId(series: number): number {
    return this.rows[series * ROW + FUNCTION]!;
  }

  /** A view that is valid until the next series is added. */
  nameBytes(series: number): Uint8Array {
    const start = this.rows[series * ROW + NAME_START]!;
    return this.names.subarray(start, start + this.rows[series * ROW + NAME_LENGTH]!);
  }

  /** Head of the chain of the series' open slots; -1: it has none. Kept for the owner of the slots. */
  firstSlot(series: number): number {
    return this.rows[series * ROW + FIRST_SLOT]!;
  }

  setFirstSlot(series: number, slot: number): void {
    this.rows[series * ROW + FIRST_SLOT] = slot;
  }

  private place(series: number): void {
    const mask = this.cells.length - 1;
    let cell = spread(this.hash(series)) & mask;
    while (this.cells[cell] !== 0) cell = (cell + 1) & mask;
    this.cells[cell] = series + 1;
  }

  /** Forgets the series without open slots; grows if what is left is more than half of the room. */
  private makeRoom(nameBytes: number): void {
    const live: number[] = [];
    const isLive = new Uint8Array(this.idEnd);
    let liveBytes = nameBytes;
    for (const cell of this.cells) {
      const series = cell - 1;
      if (series < 0 || this.firstSlot(series) < 0) continue;
      live.push(series);
      isLive[series] = 1;
      liveBytes += this.rows[series * ROW + NAME_LENGTH]!;
    }
    this.freeIds.length = 0;
    for (let series = this.idEnd - 1; series >= 0; series--) if (!isLive[series]) this.freeIds.push(series);

    const capacity = live.length * 2 > this.capacity ? this.capacity * 2 : this.capacity;
    if (capacity > this.capacity) {
      const grown = new Int32Array(capacity * ROW);
      grown.set(this.rows);
      this.rows = grown;
    }
    this.cells = new Int32Array(capacity * 2);
    let namesCapacity = this.names.length;
    while (liveBytes * 2 > namesCapacity) namesCapacity *= 2;
    const names = new Uint8Array(namesCapacity);
    let length = 0;
    for (const series of live) {
      const name = this.nameBytes(series);
      names.set(name, length);
      this.rows[series * ROW + NAME_START] = length;
      length += name.length;
      this.place(series);
    }
    this.names = names;
    this.namesLength = length;
    this.size = live.length;
  }
}

/** A power of two, so that the table's cells can be masked. */
const INITIAL_CAPACITY = 1024;

/** Numbers a row, and what each is. */
const ROW = 8;
const HASH = 0;
const FUNCTION = 1;
const NAME_START = 2;
const NAME_LENGTH = 3;
const FIRST_SLOT = 4;

/** The hash of a (name, function) pair from the hash of its name. */
export function seriesHash(nameHash: number, functionId: number): number {
  return Math.imul(nameHash ^ functionId, 0x01000193);
}

/** Brings the high bits down, which the multiplications favour, before the hash is masked (MurmurHash3's finaliser step). */
function spread(hash: number): number {
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b | 0);
  return hash ^ (hash >>> 13);
}
