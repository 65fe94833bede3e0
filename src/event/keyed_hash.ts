/** A secret of 64 bits, drawn for each process. */
export type HashKey = readonly [number, number];

/**
 * Cells that a lookup may probe. Beyond them, the keys count as chosen by somebody who wants the table slow:
 * in a half-full table no chain becomes this long by chance.
 */
export const CHAIN_MAX = 256;

/**
 * HalfSipHash-2-4 (Aumasson) with 32 bits. Without the key nobody can choose bytes that collide. It is slower
 * than `hashBytes`, so tables turn to it only when chains have become too long.
 */
export function keyedHash(bytes: Uint8Array, start: number, length: number, [k0, k1]: HashKey): number {
  let [v0, v1, v2, v3] = [k0, k1, 0x6c796765 ^ k0, 0x74656462 ^ k1];
  const round = () => {
    v0 = (v0 + v1) | 0;
    v1 = rotated(v1, 5) ^ v0;
    v0 = rotated(v0, 16);
    v2 = (v2 + v3) | 0;
    v3 = rotated(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotated(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotated(v1, 13) ^ v2;
    v2 = rotated(v2, 16);
  };
  const take = (word: number) => {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  };
  const end = start + length;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    take(bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24);
  }
  let last = length << 24;
  for (let shift = 0; at < end; at++, shift += 8) last |= bytes[at]! << shift;
  take(last);
  v2 ^= 0xff;
  for (let i = 0; i < 4; i++) round();
  return v1 ^ v3;
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
