/**
 * Frees the memory of some bytes or numbers at once, with all that shares it. It is outside of the heap, so
 * the collector would let a hundred megabytes pile up. Afterwards nothing can be read of it.
 */
export function freeMemoryOf({ buffer }: ArrayBufferView): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
