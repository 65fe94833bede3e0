import { freeMemoryOf } from "../../platform/process/memory.ts";

/** Ranges up to so long are sorted by comparing whole keys. */
const SHORT = 8;
/** Partitions for each halving of a range at most: where it takes more, pivots were unlucky or ill-willed. */
const PARTITIONS_A_HALVING = 4;
const WORD_BYTES = 4;

/** The keys of series, each a range of `bytes`, by their indices. */
export interface Keys {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** A range of indices whose keys begin with the same `depth` bytes. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
  /** Whether their words at that depth were read. */
  readonly isRead: boolean;
  readonly partitionsLeft: number;
}

/**
 * Puts indices into the order of their keys, which is that of their bytes. It is a multikey quicksort
 * (Bentley, Sedgewick: Fast Algorithms for Sorting and Searching Strings, 1997) by words of four bytes: keys
 * have long beginnings in common, which comparing them would read again and again.
 */
export class KeyOrder {
  private readonly view: DataView;
  /** Of each index in `order` the word of its key at the depth that it is sorted at. */
  private readonly words: Uint32Array;

  /** @param compareEqual The order of two indices with the same key. */
  constructor(
    private readonly keys: Keys,
    private readonly order: Int32Array,
    private readonly compareEqual: (a: number, b: number) => number,
  ) {
    const { buffer, byteLength, byteOffset } = keys.bytes;
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.words = new Uint32Array(order.length);
  }

  /** Sorts the indices from number `from` up to `to` of the order. */
  sort(from: number, to: number): void {
    const ranges = [fresh(from, to, 0)];
    for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
      const { from, to, depth, isRead, partitionsLeft } = range;
      if (to - from <= SHORT) this.insert(from, to, depth);
      else if (partitionsLeft === 0) this.order.subarray(from, to).sort((a, b) => this.compare(a, b, depth));
      else {
        if (!isRead) this.read(from, to, depth);
        const { pivot, less, greater } = this.partition(from, to);
        const read = { depth, isRead: true, partitionsLeft: partitionsLeft - 1 };
        ranges.push({ from, to: less, ...read }, { from: greater, to, ...read });
        // No key has four zeros: these have ended.
        if (pivot === 0) this.order.subarray(less, greater).sort(this.compareEqual);
        else ranges.push(fresh(less, greater, depth + WORD_BYTES));
      }
    }
  }

  /** Frees the memory of the keys. */
  release(): void {
    const { keys: { bytes, ends, starts }, words } = this;
    for (const array of [bytes, ends, starts, words]) freeMemoryOf(array);
  }

  private read(from: number, to: number, depth: number): void {
    const { keys: { ends, starts }, order, words } = this;
    for (let i = from; i < to; i++) {
      const index = order[i]!;
      words[i] = this.wordAt(starts[index]! + depth, ends[index]!);
    }
  }

  /** The bytes of a key as a number, with zeros behind its end. */
  private wordAt(at: number, end: number): number {
    if (at + WORD_BYTES <= end) return this.view.getUint32(at);
    let word = 0;
    for (let i = 0; i < WORD_BYTES; i++) word = word * 256 + (at + i < end ? this.view.getUint8(at + i) : 0);
    return word;
  }

  /** Puts those below the pivot first, and those above it last. */
  private partition(from: number, to: number): { pivot: number; less: number; greater: number } {
    const { order, words } = this;
    const pivot = medianOf(words[from]!, words[(from + to) >>> 1]!, words[to - 1]!);
    let [less, next, greater] = [from, from, to];
    while (next < greater) {
      const word = words[next]!;
      if (word === pivot) {
        next++;
        continue;
      }
      const other = word < pivot ? less++ : --greater;
      const index = order[next]!;
      order[next] = order[other]!;
      words[next] = words[other]!;
      order[other] = index;
      words[other] = word;
      if (word < pivot) next++;
    }
    return { pivot, less, greater };
  }

  private insert(from: number, to: number, depth: number): void {
    const { order } = this;
    for (let i = from + 1; i < to; i++) {
      const index = order[i]!;
      let at = i;
      for (; at > from && this.compare(order[at - 1]!, index, depth) > 0; at--) order[at] = order[at - 1]!;
      order[at] = index;
    }
  }

  private compare(a: number, b: number, depth: number): number {
    const { bytes, ends, starts } = this.keys;
    let [one, other] = [starts[a]! + depth, starts[b]! + depth];
    const [end, otherEnd] = [ends[a]!, ends[b]!];
    while (one < end && other < otherEnd && bytes[one] === bytes[other]) {
      one++;
      other++;
    }
    if (one < end && other < otherEnd) return bytes[one]! - bytes[other]!;
    return end - one - (otherEnd - other) || this.compareEqual(a, b);
  }
}

function fresh(from: number, to: number, depth: number): Range {
  const partitionsLeft = Math.ceil(PARTITIONS_A_HALVING * Math.log2(Math.max(2, to - from)));
  return { from, to, depth, isRead: false, partitionsLeft };
}

function medianOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
