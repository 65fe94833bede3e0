import assert from "node:assert/strict";
import type { BrokenVariant } from "./broken_variants.ts";
import { inSimulationDirectory } from "./replay.ts";
import { simulate } from "./simulation.ts";

/** Each mistake must be found within so many seeds. */
const HUNT_SEEDS = 400;

/** One test for each variant: the simulation finds it out. */
export function testFoundOut(variants: readonly BrokenVariant[]): void {
  for (const variant of variants) {
    Deno.test(`simulation: it is found out when ${variant.name}`, () =>
      inSimulationDirectory(async (directory) => {
        for (let seed = 1; seed <= HUNT_SEEDS; seed++) {
          const { violation } = await simulate({ seed, directory, isTraced: false, sabotage: variant });
          if (violation !== undefined) return;
        }
        assert.fail(`${HUNT_SEEDS} seeds have not found it`);
      }));
  }
}
