import assert from "node:assert/strict";
import type { BrokenVariant } from "./broken/broken_variant.ts";
import { inSimulationDirectory } from "./replay.ts";
import { range } from "./seeds.ts";
import { simulate } from "./simulation.ts";

/** Each mistake must be found within so many seeds. */
const HUNT_SEEDS = 400;

/** One test for each variant: the simulation finds it out. */
export function testFoundOut(variants: readonly BrokenVariant[]): void {
  for (const variant of variants) {
    Deno.test(`simulation: it is found out when ${variant.name}`, () =>
      inSimulationDirectory(async (directory) => {
        const seed = await finder(variant, directory);
        assert.ok(seed !== undefined, `${HUNT_SEEDS} seeds have not found it`);
        if (seed !== variant.foundBy) console.log(`Found by seed ${seed}, no longer by ${variant.foundBy}.`);
      }));
  }
}

/**
 * A seed that finds the mistake; undefined: no seed does. The known one is tried first, since a rare mistake
 * may take dozens of seeds.
 */
async function finder(variant: BrokenVariant, directory: string): Promise<number | undefined> {
  for (const seed of [variant.foundBy, ...range(1, HUNT_SEEDS)]) {
    const { violation } = await simulate({ seed, directory, isTraced: false, sabotage: variant });
    if (violation !== undefined) return seed;
  }
  return undefined;
}
