import { HASH_SEED, hashWord } from "../../event/text_hash.ts";
import { restOf, WORD_BYTES, type Words } from "../words.ts";

/** Parts of the bytes of a record, by which something is looked up. */
export interface Parts {
  /** Where each part begins and ends. One that ends before it begins is none, which is not an empty one. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** The parts that count. */
  readonly chosen: Int32Array;
}

/** One part, of which the range is given anew for each record. */
export class OnePart implements Parts {
  readonly start = new Int32Array(1);
  readonly end = new Int32Array(1);
  readonly chosen = new Int32Array(1);

  at(start: number, end: number): this {
    this.start[0] = start;
    this.end[0] = end;
    return this;
  }
}

/** What the caches of one reader may take, by {@link ByteCache.grow}. */
const SIZE_MAX = 32 * 1024 * 1024;
/** Bytes of an entry beside its key. */
const ENTRY_BYTES = 256;
/** Longer parts are not looked up. */
const KEY_WORDS_MAX = 4096;
/** Steps to the end of a search in the table: more are needed only where somebody wants the cache slow. */
const STEPS_MAX = 64;
const TABLE_MIN = 1024;

/**
 * What was made of parts of records, found when they come again. Its memory is bounded. Keys lie in one
 * array, since a key that is an object of its own would cost a look-up more time than its comparison.
 *
 * Each owner finds only what it has added itself.
 */
export class ByteCache<T> {
  /** Entries by the hash of their keys, open addressing; 0: none. */
  private table = new Int32Array(TABLE_MIN);
  private readonly contents: T[] = [];
  /** Of each entry: where its key begins in `keys`, and the hash of the key. */
  private starts = new Int32Array(TABLE_MIN);
  private hashes = new Int32Array(TABLE_MIN);
  private keys = new Int32Array(KEY_WORDS_MAX);
  private keysLength = 0;
  /** The key that was looked up last. Length 0: it was too long. */
  private readonly key = new Int32Array(KEY_WORDS_MAX);
  private keyLength = 0;
  private hash = 0;
  private size = 0;
  private missed = 0;

  constructor(private readonly sizeMax = SIZE_MAX) {}

  find(words: Words, parts: Parts, owner = 0): T | undefined {
    this.compose(words, parts, owner);
    const { table, hashes, hash } = this;
    if (this.keyLength === 0) return undefined;
    for (let at = startOf(hash), step = 0; step < STEPS_MAX; at++, step++) {
      const entry = table[at & (table.length - 1)]!;
      if (entry === 0) return undefined;
      if (hashes[entry] === hash && this.hasKey(entry)) return this.contents[entry];
    }
    return undefined;
  }

  /**
   * Whether there is room for the content of what was looked up last and not found. A full cache keeps what
   * it has, which serves best where more come in turn than it holds. It is emptied when what is not found
   * outnumbers what it has, because others come now.
   */
  hasRoom(): boolean {
    if (this.keyLength === 0) return false;
    if (this.size <= this.sizeMax) return true;
    if (++this.missed <= 2 * this.contents.length) return false;
    this.clear();
    return true;
  }

  /** Keeps the content of what was looked up last and not found, where there is room. */
  add(content: T): void {
    if (!this.hasRoom()) return;
    const { key, keyLength } = this;
    const entry = Math.max(1, this.contents.length);
    if (entry * 2 > this.table.length) this.enlarge();
    this.hashes[entry] = this.hash;
    if (!this.insert(entry)) return;
    this.keys = withRoom(this.keys, this.keysLength + keyLength);
    this.keys.set(key.subarray(0, keyLength), this.keysLength);
    this.starts[entry] = this.keysLength;
    this.keysLength += keyLength;
    this.contents[entry] = content;
    this.size += keyLength * WORD_BYTES + ENTRY_BYTES;
  }

  /** Counts what an entry has come to hold besides. */
  grow(bytes: number): void {
    this.size += bytes + ENTRY_BYTES;
  }

  /**
   * The key of parts: its owner, then of each part the length, its words and the rest of its bytes. So the
   * same bytes that are divided in another way are another key.
   */
  private compose(words: Words, { start, end, chosen }: Parts, owner: number): void {
    const { view } = words;
    const { key } = this;
    key[0] = owner;
    let hash = hashWord(HASH_SEED, owner);
    let length = 1;
    for (let i = 0; i < chosen.length; i++) {
      const part = chosen[i]!;
      const partEnd = end[part]!;
      let at = start[part]!;
      if (length + 2 + (partEnd - at) / WORD_BYTES > KEY_WORDS_MAX) {
        this.keyLength = 0;
        return;
      }
      hash = hashWord(hash, key[length++] = partEnd - at);
      for (; at + WORD_BYTES <= partEnd; at += WORD_BYTES) {
        hash = hashWord(hash, key[length++] = view.getInt32(at, true));
      }
      hash = hashWord(hash, key[length++] = restOf(words, at, partEnd));
    }
    this.keyLength = length;
    this.hash = hash;
  }

  private hasKey(entry: number): boolean {
    const { key, keyLength, keys } = this;
    const start = this.starts[entry]!;
    for (let i = 0; i < keyLength; i++) if (keys[start + i] !== key[i]) return false;
    return true;
  }

  /** Puts an entry into the table. Returns false where a search for it would be too long. */
  private insert(entry: number): boolean {
    const { table } = this;
    for (let at = startOf(this.hashes[entry]!), step = 0; step < STEPS_MAX; at++, step++) {
      const index = at & (table.length - 1);
      if (table[index] !== 0) continue;
      table[index] = entry;
      return true;
    }
    return false;
  }

  private enlarge(): void {
    this.table = new Int32Array(this.table.length * 2);
    this.starts = withRoom(this.starts, this.table.length);
    this.hashes = withRoom(this.hashes, this.table.length);
    for (let entry = 1; entry < this.contents.length; entry++) this.insert(entry);
  }

  private clear(): void {
    this.table = new Int32Array(TABLE_MIN);
    this.contents.length = 0;
    this.keysLength = 0;
    this.size = 0;
    this.missed = 0;
  }
}

/** Where a search for a hash begins: its highest bits are its best. */
function startOf(hash: number): number {
  return hash ^ hash >>> 15;
}

function withRoom(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (length <= array.length) return array;
  const grown = new Int32Array(Math.max(length, array.length * 2));
  grown.set(array);
  return grown;
}

/** Whether bytes stand at `start` of others. */
export function isAt(own: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (own.length !== length) return false;
  for (let i = 0; i < length; i++) if (own[i] !== bytes[start + i]) return false;
  return true;
}
