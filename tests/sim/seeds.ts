import assert from "node:assert/strict";
import { inSimulationDirectory, replayCommand } from "./replay.ts";
import { simulate } from "./simulation.ts";

/** One test: what these seeds play loses nothing. `make sim` plays thousands. */
export function testSeeds(which: string, seeds: readonly number[]): void {
  Deno.test(`simulation: ${which} lose nothing and double nothing`, () =>
    inSimulationDirectory(async (directory) => {
      for (const seed of seeds) {
        const { violation } = await simulate({ seed, directory, isTraced: false });
        if (violation === undefined) continue;
        const { trace } = await simulate({ seed, directory, isTraced: true });
        assert.fail(`seed ${seed}: ${violation}\n${trace.slice(-60).join("\n")}\n${replayCommand(seed)}`);
      }
    }));
}

/** The whole numbers from the first to the last. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
