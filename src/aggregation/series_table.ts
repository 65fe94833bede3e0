import { CHAIN_MAX, type HashKey, keyedHash } from "../event/keyed_hash.ts";
import { archiveHash, seriesHash, spread } from "./series_hash.ts";
import {
  ARCHIVE_HASH,
  FIRST_SLOT,
  FUNCTION,
  HASH,
  NAME_LENGTH,
  NAME_START,
  ROW,
  SeriesRows,
  SHORT_NAME_MAX_BYTES,
  viewOf,
} from "./series_rows.ts";

/**
 * Numbers the (name, function) pairs that have open windows. It is a hash table with linear probing over
 * typed arrays, with the names as UTF-8, so that a lookup allocates no object and no string. All data of a
 * series lies in one row: at 100,000 series each further column would cost a further cache miss per event.
 *
 * A series without open windows keeps its number until room is needed; then all of these are forgotten at
 * once.
 *
 * Names are looked up by a fast hash, for which anybody can find names that collide. Once a chain is too
 * long, all names are looked up by a keyed hash.
 */
export class SeriesTable {
  private rows = new SeriesRows(INITIAL_CAPACITY, LONG_NAMES_BYTES);
  /** The bytes that were last asked about. The next question is nearly always about the same reply. */
  private text: Uint8Array = this.names;
  private textView = viewOf(this.text);
  /** Series id + 1, or 0 for an empty cell. */
  private cells = new Int32Array(INITIAL_CAPACITY * CELLS_A_SERIES);
  /** Ids handed out, free ones included. */
  private idEnd = 0;
  private readonly freeIds: number[] = [];
  private size = 0;
  private isKeyed = false;

  constructor(private readonly key: HashKey) {}

  /** How many series there is room for. */
  get capacity(): number {
    return this.rows.capacity;
  }

  /** What {@link nameStart} counts in; replaced when series are added. */
  get names(): Uint8Array<ArrayBuffer> {
    return this.rows.bytes;
  }

  /** The series' number, or -1. `nameHash` is the hash of the name's bytes. */
  find(bytes: Uint8Array, start: number, length: number, nameHash: number, functionId: number): number {
    const hash = this.hashOf(bytes, start, length, nameHash, functionId);
    const { cells, rows } = this;
    const { numbers } = rows;
    const view = this.viewOfText(bytes);
    const mask = cells.length - 1;
    for (let cell = spread(hash) & mask;; cell = (cell + 1) & mask) {
      const series = cells[cell]! - 1;
      if (series < 0) return -1;
      const row = series * ROW;
      if (
        numbers[row + HASH] === hash && numbers[row + FUNCTION] === functionId &&
        numbers[row + NAME_LENGTH] === length &&
        rows.isText(numbers[row + NAME_START]!, view, start, length)
      ) {
        return series;
      }
    }
  }

  /**
   * The series of another function with the name of `series`, where it was added right after that one; else
   * -1. It saves the comparison of names where each name has several functions.
   *
   * @param series -1: none.
   */
  findBeside(series: number, functionId: number): number {
    const next = series + 1;
    if (series < 0 || next === this.idEnd || this.functionId(next) !== functionId) return -1;
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
    const { cells, rows: { bytes, numbers } } = this;
    const mask = cells.length - 1;
    for (let i = from; i < to; i++) {
      firstSlots[i - from] = cells[spread(seriesHash(nameHash[i]!, functionId[i]!)) & mask]! - 1;
    }
    let touched = 0;
    for (let i = 0; i < to - from; i++) {
      const row = Math.max(0, firstSlots[i]!) * ROW;
      touched ^= bytes[numbers[row + NAME_START]!]!;
      firstSlots[i] = numbers[row + FIRST_SLOT]!;
    }
    return touched;
  }

  /** As {@link touch}, for the rows of the first `count` of `series`. */
  touchSeries(series: Int32Array, count: number): number {
    const { bytes, numbers } = this.rows;
    let touched = 0;
    for (let i = 0; i < count; i++) touched ^= bytes[numbers[series[i]! * ROW + NAME_START]!]!;
    return touched;
  }

  /** Numbers a series that {@link find} did not find. It has no open slot yet. */
  add(bytes: Uint8Array, start: number, length: number, nameHash: number, functionId: number): number {
    if (this.size === this.capacity || !this.rows.hasRoomFor(length)) this.makeRoom(length);
    const series = this.freeIds.pop() ?? this.idEnd++;
    const row = series * ROW;
    const { numbers } = this.rows;
    numbers[row + HASH] = this.hashOf(bytes, start, length, nameHash, functionId);
    numbers[row + FUNCTION] = functionId;
    numbers[row + FIRST_SLOT] = -1;
    numbers[row + ARCHIVE_HASH] = archiveHash(bytes, start, length, functionId);
    if (series > 0 && this.hasName(series - 1, bytes, start, length)) this.shareNameBefore(series);
    else this.rows.setName(series, bytes, start, length);
    this.size++;
    if (this.insert(series) > CHAIN_MAX && !this.isKeyed) this.turnToKey();
    return series;
  }

  /** See {@link archiveHash}. */
  archiveHash(series: number): number {
    return this.rows.numbers[series * ROW + ARCHIVE_HASH]!;
  }

  functionId(series: number): number {
    return this.rows.numbers[series * ROW + FUNCTION]!;
  }

  /** Where the series' name begins in `names`; valid until the next series is added. */
  nameStart(series: number): number {
    return this.rows.numbers[series * ROW + NAME_START]!;
  }

  /** Length of the series' name, bytes. */
  nameLength(series: number): number {
    return this.rows.numbers[series * ROW + NAME_LENGTH]!;
  }

  /** The series' name as UTF-8: a view that is valid until the next series is added. */
  nameBytes(series: number): Uint8Array {
    const start = this.nameStart(series);
    return this.names.subarray(start, start + this.nameLength(series));
  }

  /** Head of the chain of the series' open slots; -1: it has none. Kept for the owner of the slots. */
  firstSlot(series: number): number {
    return this.rows.numbers[series * ROW + FIRST_SLOT]!;
  }

  setFirstSlot(series: number, slot: number): void {
    this.rows.numbers[series * ROW + FIRST_SLOT] = slot;
  }

  private hasName(series: number, bytes: Uint8Array, start: number, length: number): boolean {
    return this.nameLength(series) === length &&
      this.rows.isText(this.nameStart(series), this.viewOfText(bytes), start, length);
  }

  private viewOfText(bytes: Uint8Array): DataView {
    if (bytes !== this.text) {
      this.text = bytes;
      this.textView = viewOf(bytes);
    }
    return this.textView;
  }

  /** Lets a series have the name of the one before, which is there once. */
  private shareNameBefore(series: number): void {
    const { numbers } = this.rows;
    numbers[series * ROW + NAME_START] = this.nameStart(series - 1);
    numbers[series * ROW + NAME_LENGTH] = this.nameLength(series - 1);
  }

  /** Whether two series have the same name at the same address. */
  private shareName(series: number, other: number): boolean {
    return this.nameStart(series) === this.nameStart(other) &&
      this.nameLength(series) === this.nameLength(other);
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
    const home = spread(this.rows.numbers[series * ROW + HASH]!) & mask;
    let cell = home;
    while (this.cells[cell] !== 0) cell = (cell + 1) & mask;
    this.cells[cell] = series + 1;
    return (cell - home) & mask;
  }

  private turnToKey(): void {
    this.isKeyed = true;
    const numbered = this.cells.filter((cell) => cell !== 0);
    this.cells.fill(0);
    const { bytes, numbers } = this.rows;
    for (const cell of numbered) {
      const series = cell - 1;
      const [start, length] = [this.nameStart(series), this.nameLength(series)];
      numbers[series * ROW + HASH] = this.hashOf(bytes, start, length, 0, this.functionId(series));
      this.insert(series);
    }
  }

  /** Forgets the series without open slots; grows if what is left is more than half of the room. */
  private makeRoom(nameBytes: number): void {
    const { idEnd, rows: before } = this;
    const isLive = (series: number) => before.numbers[series * ROW + FIRST_SLOT]! >= 0;
    const startOf = (series: number) => before.numbers[series * ROW + NAME_START]!;
    const lengthOf = (series: number) => before.numbers[series * ROW + NAME_LENGTH]!;
    const isBeside = (series: number) =>
      series > 0 && isLive(series - 1) && startOf(series - 1) === startOf(series);
    let size = 0;
    let longBytes = nameBytes;
    for (let series = 0; series < idEnd; series++) {
      if (!isLive(series)) continue;
      size++;
      const length = lengthOf(series);
      if (length > SHORT_NAME_MAX_BYTES && !isBeside(series)) longBytes += length;
    }

    const capacity = size * 2 > this.capacity ? this.capacity * 2 : this.capacity;
    let longCapacity = LONG_NAMES_BYTES;
    while (longBytes * 2 > longCapacity) longCapacity *= 2;
    this.rows = new SeriesRows(capacity, longCapacity);
    this.rows.numbers.set(before.numbers.subarray(0, idEnd * ROW));
    this.cells = new Int32Array(capacity * CELLS_A_SERIES);
    this.size = size;
    this.freeIds.length = 0;
    for (let series = 0; series < idEnd; series++) {
      if (isLive(series)) {
        this.insert(series);
        if (isBeside(series)) this.shareNameBefore(series);
        else this.rows.setName(series, before.bytes, startOf(series), lengthOf(series));
      } else {
        this.freeIds.push(series);
        // No name has this length, so nothing is found beside it.
        this.rows.numbers[series * ROW + NAME_LENGTH] = -1;
      }
    }
    // The lowest id is handed out first.
    this.freeIds.reverse();
  }
}

/** A power of two, so that the table's cells can be masked. */
const INITIAL_CAPACITY = 1024;
/**
 * Cells for each series that there is room for, a power of two as well. With two, every third look-up reads
 * another row first; with eight, the cells miss the cache as often.
 */
const CELLS_A_SERIES = 4;
/** At first, and at least. */
const LONG_NAMES_BYTES = 1024 * 32;
