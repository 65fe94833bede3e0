/**
 * The seed of a test: its own constant, so that each run does the same. A hunt tries others by `TEST_SEED`,
 * for all tests that use a seed.
 *
 * @throws when `TEST_SEED` is not an integer of 32 bits.
 */
export function testSeed(written: number): number {
  const named = Deno.env.get("TEST_SEED");
  if (named === undefined) return written;
  const seed = Number(named);
  if (named.trim() === "" || !(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31)) {
    throw new Error(`TEST_SEED="${named}" is no whole number from 0 to 2147483647.`);
  }
  return seed;
}
