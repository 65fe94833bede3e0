/**
 * The seed of a test: the one that is written in it, so that each run does the same. A hunt tries others: it names one with
 * `TEST_SEED`, for all tests that draw from one.
 *
 * @throws when `TEST_SEED` is no whole number of 32 bits.
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
