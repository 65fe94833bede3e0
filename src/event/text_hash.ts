/** Start value of {@link hashWord}. */
export const HASH_SEED = 0x811c9dc5 | 0;

/**
 * Hashes four bytes, as a little-endian word: a step of MurmurHash3 (Appleby) with one rotation less. Without
 * the first multiplication, names that differ in their digits only would collide by the thousand.
 */
export function hashWord(hash: number, word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51 | 0);
  return Math.imul(((hash << 13) | (hash >>> 19)) ^ mixed, 0x1b873593);
}

/**
 * The hash by which names and ids are looked up in memory: first the whole words of the bytes, then a word of
 * the rest, filled up with zeros. The fingerprints of events on disk are made of it (`log_history.ts`).
 */
export function hashBytes(bytes: Uint8Array, start: number, length: number): number {
  let hash = HASH_SEED;
  const end = start + length;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = hashWord(
      hash,
      bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24,
    );
  }
  let rest = 0;
  for (let shift = 0; at < end; at++, shift += 8) rest |= bytes[at]! << shift;
  return hashWord(hash, rest);
}

/**
 * Whether one of a word's four bytes ends plain ASCII text or does not belong to it: a quote, a backslash, a
 * control character or a byte above 0x7f. All four are tested at once: a byte below n borrows from its own
 * highest bit when n is subtracted ("Determine if a word has a byte less than n", Anderson, Bit Twiddling
 * Hacks).
 */
export function endsPlainText(word: number): boolean {
  return (endsIn(word) & 0x80808080) !== 0;
}

/** How many bytes of a word precede the first one that {@link endsPlainText} is about; 4: there is none. */
export function plainBytesIn(word: number): number {
  return bytesBefore(endsIn(word));
}

/**
 * How many bytes of a word come before the first one of which the highest bit is set; 4: there is none. A
 * borrow makes wrong bits only above the byte that it comes from.
 */
export function bytesBefore(bits: number): number {
  const highest = bits & 0x80808080;
  return highest === 0 ? 4 : (31 - Math.clz32(highest & -highest)) >> 3;
}

/** The highest bit of each byte that ends plain text; those above the first one may be wrong. */
function endsIn(word: number): number {
  const quote = word ^ 0x22222222;
  const backslash = word ^ 0x5c5c5c5c;
  return ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash) |
    ((word - 0x20202020) & ~word) | word;
}
