import assert from "node:assert/strict";
import { inSimulationDirectory } from "../replay.ts";
import { range } from "../seeds.ts";
import { BROKEN_WIRES, type BrokenWire } from "./broken_wire.ts";
import { simulateWire } from "./wire_simulation.ts";

/** Each mistake must be found within so many seeds. */
const HUNT_SEEDS = 200;

for (const variant of BROKEN_WIRES) {
  Deno.test(`simulation of ${variant.kind}: it is found out when ${variant.name}`, () =>
    inSimulationDirectory(async (directory) => {
      const seed = await finder(variant, directory);
      assert.ok(seed !== undefined, `${HUNT_SEEDS} seeds have not found it`);
      if (seed !== variant.foundBy) console.log(`Found by seed ${seed}, no longer by ${variant.foundBy}.`);
    }));
}

/** A seed that finds the mistake; undefined: no seed does. The known one is tried first. */
async function finder({ foundBy, kind, parts }: BrokenWire, directory: string): Promise<number | undefined> {
  for (const seed of [foundBy, ...range(1, HUNT_SEEDS)]) {
    const { violation } = await simulateWire({ seed, kind, directory, isTraced: false, parts });
    if (violation !== undefined) return seed;
  }
  return undefined;
}
