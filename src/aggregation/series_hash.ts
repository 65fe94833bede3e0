/**
 * The hash in whose order closed aggregates lie on disk: 32-bit FNV-1a (Fowler, Noll, Vo) over the name, then
 * the function. A state file outlives the program that wrote it, so this must never change.
 */
export function archiveHash(bytes: Uint8Array, start: number, length: number, functionId: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < start + length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return Math.imul(hash ^ functionId, 0x01000193);
}

/** The hash of a (name, function) pair in memory, from the hash of its name. */
export function seriesHash(nameHash: number, functionId: number): number {
  return Math.imul(nameHash ^ functionId, 0x01000193);
}

/**
 * Mixes the high bits into the low ones before the hash is masked: the multiplications favour the high bits
 * (MurmurHash3's finaliser step).
 */
export function spread(hash: number): number {
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b | 0);
  return hash ^ (hash >>> 13);
}
