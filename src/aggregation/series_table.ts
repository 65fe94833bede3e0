import { CHAIN_MAX, type HashKey, keyedHash } from "../event/keyed_hash.ts";
import { grownInt32 } from "./grown_column.ts";
import { archiveHash, seriesHash, spread } from "./series_hash.ts";

/**
 * Numbers the (name, function) pairs that have open windows. It is a hash table with linear probing over
 * typed arrays, with the names as UTF-8 in one arena, so that a lookup allocates no object and no string. All
 * data of a series lies in one row: at 100,000 series each further column would cost a further cache miss per
 * event.
 *
 * A series without open windows keeps its number until room is needed; then all of these are forgotten at
 * once.
 *
 * Names are looked up by a fast hash, for which anybody can find names that collide. Once a chain is too
 * long, all names are looked up by a keyed hash.
 */
export class SeriesTable {
  names = new Uint8Array(INITIAL_CAPACITY * 32);

  private namesView = viewOf(this.names);
  /**
   * The bytes that {@link find} was last asked about. The next question is nearly always about the same
   * reply.
   */
  private text: Uint8Array = this.names;
  private textView = this.namesView;
  /** Rows of {@link ROW} numbers. */
  private rows = new Int32Array(INITIAL_CAPACITY * ROW);
  /** Series id + 1, or 0 for an empty cell. */
  private cells = new Int32Array(INITIAL_CAPACITY * 2);
  private namesLength = 0;
  /** Ids handed out, free ones included. */
  private idEnd = 0;
  private readonly freeIds: number[] = [];
  private size = 0;
  private isKeyed = false;

  constructor(private readonly key: HashKey) {}

  /** How many series there is room for. */
  get capacity(): number {
    return this.rows.length / ROW;
  }

  /** The series' number, or -1. `nameHash` is the hash of the name's bytes. */
  find(bytes: Uint8Array, start: number, length: number, nameHash: number, functionId: number): number {
    const hash = this.hashOf(bytes, start, length, nameHash, functionId);
    const { cells, names, rows } = this;
    if (bytes !== this.text) {
      this.text = bytes;
      this.textView = viewOf(bytes);
    }
    const { namesView, textView } = this;
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
      const nameStart = rows[row + NAME_START]!;
      let i = 0;
      while (i + 4 <= length && namesView.getInt32(nameStart + i) === textView.getInt32(start + i)) i += 4;
      while (i < length && names[nameStart + i] === bytes[start + i]) i++;
      if (i === length) return series;
    }
  }

  /**
   * The series of another function with the name of `series`, where it was added right after that one; else
   * -1. It saves the comparison of names where each name has several functions.
   *
   * @param series -1: none.
   */
  findBeside(series: number, functionId: number): number {
    const { rows } = this;
    const next = series + 1;
    if (series < 0 || next === this.idEnd || rows[next * ROW + FUNCTION] !== functionId) return -1;
    return this.shareName(series, next) ? next : -1;
  }

  /**
   * Reads the memory that {@link find} and the slots after it will need for the events `from` to `to`. The
   * loops are so short that the processor waits for many cache misses at once instead of one after another.
   * Changes nothing but `firstSlots`, which gets the first slots of the likely series. The number that it
   * returns means nothing: it keeps the compiler from removing the loops.
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

  /** As {@link touch}, for the rows of the first `count` of `series`. */
  touchSeries(series: Int32Array, count: number): number {
    const { names, rows } = this;
    let touched = 0;
    for (let i = 0; i < count; i++) touched ^= names[rows[series[i]! * ROW + NAME_START]!]!;
    return touched;
  }

  /** Numbers a series that {@link find} did not find. It has no open slot yet. */
  add(bytes: Uint8Array, start: number, length: number, nameHash: number, functionId: number): number {
    if (this.size === this.capacity || this.namesLength + length > this.names.length) this.makeRoom(length);
    const series = this.freeIds.pop() ?? this.idEnd++;
    const row = series * ROW;
    this.rows[row + HASH] = this.hashOf(bytes, start, length, nameHash, functionId);
    this.rows[row + FUNCTION] = functionId;
    this.rows[row + NAME_LENGTH] = length;
    this.rows[row + FIRST_SLOT] = -1;
    this.rows[row + ARCHIVE_HASH] = archiveHash(bytes, start, length, functionId);
    if (series > 0 && this.hasName(series - 1, bytes, start, length)) {
      this.rows[row + NAME_START] = this.nameStart(series - 1);
    } else {
      this.rows[row + NAME_START] = this.namesLength;
      copyBytes(bytes, start, length, this.names, this.namesLength);
      this.namesLength += length;
    }
    this.size++;
    if (this.insert(series) > CHAIN_MAX && !this.isKeyed) this.turnToKey();
    return series;
  }

  /** See {@link archiveHash}. */
  archiveHash(series: number): number {
    return this.rows[series * ROW + ARCHIVE_HASH]!;
  }

  functionId(series: number): number {
    return this.rows[series * ROW + FUNCTION]!;
  }

  /** Where the series' name begins in `names`; valid until the next series is added. */
  nameStart(series: number): number {
    return this.rows[series * ROW + NAME_START]!;
  }

  /** Length of the series' name, bytes. */
  nameLength(series: number): number {
    return this.rows[series * ROW + NAME_LENGTH]!;
  }

  /** The series' name as UTF-8: a view that is valid until the next series is added. */
  nameBytes(series: number): Uint8Array {
    const start = this.nameStart(series);
    return this.names.subarray(start, start + this.nameLength(series));
  }

  /** Head of the chain of the series' open slots; -1: it has none. Kept for the owner of the slots. */
  firstSlot(series: number): number {
    return this.rows[series * ROW + FIRST_SLOT]!;
  }

  setFirstSlot(series: number, slot: number): void {
    this.rows[series * ROW + FIRST_SLOT] = slot;
  }

  private hasName(series: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.nameLength(series) !== length) return false;
    const nameStart = this.nameStart(series);
    let i = 0;
    while (i < length && this.names[nameStart + i] === bytes[start + i]) i++;
    return i === length;
  }

  /** Whether two series have the same name at the same place. A name is there once for a run of functions. */
  private shareName(series: number, other: number): boolean {
    const { rows } = this;
    return rows[series * ROW + NAME_START] === rows[other * ROW + NAME_START] &&
      rows[series * ROW + NAME_LENGTH] === rows[other * ROW + NAME_LENGTH];
  }

  private hashOf(
    bytes: Uint8Array,
    start: number,
    length: number,
    nameHash: number,
    functionId: number,
  ): number {
    return seriesHash(this.isKeyed ? keyedHash(bytes, start, length, this.key) : nameHash, functionId);
  }

  /** Returns how many taken cells were probed before the series' own cell. */
  private insert(series: number): number {
    const mask = this.cells.length - 1;
    const home = spread(this.rows[series * ROW + HASH]!) & mask;
    let cell = home;
    while (this.cells[cell] !== 0) cell = (cell + 1) & mask;
    this.cells[cell] = series + 1;
    return (cell - home) & mask;
  }

  private turnToKey(): void {
    this.isKeyed = true;
    const numbered = this.cells.filter((cell) => cell !== 0);
    this.cells.fill(0);
    for (const cell of numbered) {
      const row = (cell - 1) * ROW;
      const [start, length] = [this.rows[row + NAME_START]!, this.rows[row + NAME_LENGTH]!];
      this.rows[row + HASH] = this.hashOf(this.names, start, length, 0, this.rows[row + FUNCTION]!);
      this.insert(cell - 1);
    }
  }

  /** Forgets the series without open slots; grows if what is left is more than half of the room. */
  private makeRoom(nameBytes: number): void {
    const isLive = new Uint8Array(this.idEnd);
    for (const cell of this.cells) if (cell > 0 && this.firstSlot(cell - 1) >= 0) isLive[cell - 1] = 1;
    const live: number[] = [];
    /** By the order of `live`: whether its name is that of the one before. */
    const shares: boolean[] = [];
    let liveBytes = nameBytes;
    for (let series = 0; series < this.idEnd; series++) {
      if (!isLive[series]) continue;
      const isShared = live.at(-1) === series - 1 && series > 0 && this.shareName(series - 1, series);
      live.push(series);
      shares.push(isShared);
      if (!isShared) liveBytes += this.nameLength(series);
    }
    this.freeIds.length = 0;
    for (let series = this.idEnd - 1; series >= 0; series--) {
      if (isLive[series]) continue;
      this.freeIds.push(series);
      // No name has this length, so nothing is found beside it.
      this.rows[series * ROW + NAME_LENGTH] = -1;
    }

    const capacity = live.length * 2 > this.capacity ? this.capacity * 2 : this.capacity;
    if (capacity > this.capacity) {
      this.rows = grownInt32(this.rows, capacity * ROW);
    }
    this.cells = new Int32Array(capacity * 2);
    let namesCapacity = this.names.length;
    while (liveBytes * 2 > namesCapacity) namesCapacity *= 2;
    const names = new Uint8Array(namesCapacity);
    let length = 0;
    for (const [index, series] of live.entries()) {
      this.insert(series);
      const nameLength = this.nameLength(series);
      if (shares[index]) {
        this.rows[series * ROW + NAME_START] = length - nameLength;
        continue;
      }
      copyBytes(this.names, this.nameStart(series), nameLength, names, length);
      this.rows[series * ROW + NAME_START] = length;
      length += nameLength;
    }
    this.names = names;
    this.namesView = viewOf(names);
    this.namesLength = length;
    this.size = live.length;
  }
}

/** A power of two, so that the table's cells can be masked. */
const INITIAL_CAPACITY = 1024;

/** Numbers in a row, and the index of each. */
const ROW = 8;
const HASH = 0;
const FUNCTION = 1;
const NAME_START = 2;
const NAME_LENGTH = 3;
const FIRST_SLOT = 4;
const ARCHIVE_HASH = 5;

/** A view that reads four bytes at once, at any offset. */
function viewOf(bytes: Uint8Array): DataView {
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
