import { hashBytes } from "../../event/text_hash.ts";

interface Entry<T> {
  readonly bytes: Uint8Array;
  readonly content: T;
  readonly next: Entry<T> | undefined;
}

/** What the caches of one reader may take, by {@link ByteCache.grow}. */
const SIZE_MAX = 32 * 1024 * 1024;
/** Bytes of an entry beside its own ones. */
const ENTRY_BYTES = 256;
/** Entries of one hash: more are chosen by somebody who wants the cache slow. */
const CHAIN_MAX = 8;

/** What was made of bytes, found by them when they come again. Its memory is bounded. */
export class ByteCache<T> {
  private readonly entries = new Map<number, Entry<T>>();
  private size = 0;
  private count = 0;
  private missed = 0;

  constructor(private readonly sizeMax = SIZE_MAX) {}

  find(bytes: Uint8Array, start: number, length: number): T | undefined {
    let entry = this.entries.get(hashBytes(bytes, start, length));
    for (; entry !== undefined; entry = entry.next) {
      if (isAt(entry.bytes, bytes, start, length)) return entry.content;
    }
    return undefined;
  }

  /**
   * Keeps the content of bytes that were not found, where there is room. A full cache keeps what it has,
   * which serves best where more come in turn
   * than it holds; it is emptied when what is not found outnumbers what it has, because others come now.
   */
  add(bytes: Uint8Array, start: number, length: number, content: T): void {
    if (this.size > this.sizeMax) {
      if (++this.missed <= 2 * this.count) return;
      this.clear();
    }
    const hash = hashBytes(bytes, start, length);
    const next = this.entries.get(hash);
    let chain = 1;
    for (let entry = next; entry !== undefined; entry = entry.next) chain++;
    if (chain > CHAIN_MAX) return;
    this.entries.set(hash, { bytes: bytes.slice(start, start + length), content, next });
    this.count++;
    this.size += length + ENTRY_BYTES;
  }

  /** Counts what an entry has come to hold besides. */
  grow(bytes: number): void {
    this.size += bytes + ENTRY_BYTES;
  }

  private clear(): void {
    this.entries.clear();
    this.size = 0;
    this.count = 0;
    this.missed = 0;
  }
}

/** Whether bytes stand at a place of others. */
export function isAt(own: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (own.length !== length) return false;
  for (let i = 0; i < length; i++) if (own[i] !== bytes[start + i]) return false;
  return true;
}
