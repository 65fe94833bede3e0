/** Draws a secret of 64 bits for the hash tables of this process. */
export function drawHashKey(): readonly [number, number] {
  const [first, second] = crypto.getRandomValues(new Int32Array(2));
  return [first!, second!];
}
