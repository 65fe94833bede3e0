import assert from "node:assert/strict";
import { inSimulationDirectory } from "./replay.ts";
import { range, testSeeds } from "./seeds.ts";
import { simulate } from "./simulation.ts";

/** Seeds from hunts, each with what it has found. */
const FOUND = [
  714893162, // A full disk ends the start that was to forget a sink.
];

testSeeds("seeds 1 to 20", range(1, 20));
testSeeds("seeds that have found something", FOUND);

Deno.test("simulation: the same seed does the same", () =>
  inSimulationDirectory(async (directory) => {
    for (const seed of [3, 14]) {
      const [first, second] = [
        await simulate({ seed, directory, isTraced: true }),
        await simulate({ seed, directory, isTraced: true }),
      ];
      const told = (trace: readonly string[]) => trace.map((line) => line.replaceAll(/seed-\d+-\w+/g, ""));
      assert.deepEqual(told(first.trace), told(second.trace));
    }
  }));
