const SEED = 0x9747b28c | 0;
const FACTOR = 0x5bd1e995;

/**
 * The hash by which Kafka's own producers find the partition of a key: MurmurHash2 (Appleby) of 32 bits,
 * without its sign.
 *
 * @param start Where the key begins in `bytes`, which it fills up to `end`.
 */
export function keyHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = SEED ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    const mixed = Math.imul(word, FACTOR);
    hash = Math.imul(hash, FACTOR) ^ Math.imul(mixed ^ mixed >>> 24, FACTOR);
  }
  if (at < end) {
    for (let i = end - 1; i >= at; i--) hash ^= bytes[i]! << (8 * (i - at));
    hash = Math.imul(hash, FACTOR);
  }
  hash = Math.imul(hash ^ hash >>> 13, FACTOR);
  return (hash ^ hash >>> 15) & 0x7fffffff;
}
