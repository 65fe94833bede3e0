import { HASH_SEED, hashWord } from "../event/text_hash.ts";

/** Bytes that can be read four at a time. */
export class Words {
  readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

export const WORD_BYTES = 4;

/**
 * Copies bytes to a place that has room for their last word in whole: what follows is to be written over.
 * Returns where the copy ends.
 */
export function copyWords(from: Words, start: number, end: number, to: Words, at: number): number {
  const copyEnd = at + end - start;
  if (end + WORD_BYTES > from.bytes.length) {
    while (start < end) to.bytes[at++] = from.bytes[start++]!;
    return copyEnd;
  }
  for (; start < end; start += WORD_BYTES, at += WORD_BYTES) to.view.setInt32(at, from.view.getInt32(start));
  return copyEnd;
}

/** The hash that `hashBytes` makes. */
export function hashWords(words: Words, start: number, end: number): number {
  const { view } = words;
  let hash = HASH_SEED;
  let at = start;
  for (; at + WORD_BYTES <= end; at += WORD_BYTES) hash = hashWord(hash, view.getInt32(at, true));
  return hashWord(hash, restOf(words, at, end));
}

/** Fewer bytes than a word has, as a word that is filled up with zeros. */
export function restOf({ bytes, view }: Words, start: number, end: number): number {
  if (start >= end) return 0;
  if (start + WORD_BYTES <= bytes.length) return view.getInt32(start, true) & ((1 << 8 * (end - start)) - 1);
  let rest = 0;
  for (let at = start; at < end; at++) rest |= bytes[at]! << 8 * (at - start);
  return rest;
}
