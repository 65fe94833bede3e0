/** A column with its numbers and room for more: zeros. @param length At least as many. */
export function grownInt32(column: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(length);
  grown.set(column);
  return grown;
}

/** As {@link grownInt32}. */
export function grownFloat64(column: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(length);
  grown.set(column);
  return grown;
}
