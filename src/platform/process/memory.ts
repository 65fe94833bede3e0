/**
 * Frees the memory of some bytes at once, with all that shares it. It is outside of the collector's heap, so
 * the collector would let a hundred megabytes pile up. Afterwards nothing can be read of it.
 */
export function freeMemoryOf({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
