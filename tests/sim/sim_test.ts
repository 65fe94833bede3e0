import assert from "node:assert/strict";
import { inSimulationDirectory, replayCommand } from "./replay.ts";
import { simulate } from "./simulation.ts";

/** A few seconds' worth; `make sim` plays thousands. */
const SEEDS = 200;
/** Of hunts, each for what it has found. */
const FOUND = [
  714893162, // A full disk ends the start that was to forget a sink.
];

Deno.test(`simulation: ${SEEDS} seeds, and those that have found something, lose nothing and double nothing`, () =>
  inSimulationDirectory(async (directory) => {
    for (const seed of [...Array.from({ length: SEEDS }, (_, i) => i + 1), ...FOUND]) {
      const { violation } = await simulate({ seed, directory, isTraced: false });
      if (violation === undefined) continue;
      const { trace } = await simulate({ seed, directory, isTraced: true });
      assert.fail(`seed ${seed}: ${violation}\n${trace.slice(-60).join("\n")}\n${replayCommand(seed)}`);
    }
  }));

Deno.test("simulation: the same seed does the same", () =>
  inSimulationDirectory(async (directory) => {
    for (const seed of [3, 14, 15]) {
      const [first, second] = [
        await simulate({ seed, directory, isTraced: true }),
        await simulate({ seed, directory, isTraced: true }),
      ];
      const told = (trace: readonly string[]) => trace.map((line) => line.replaceAll(/seed-\d+-\w+/g, ""));
      assert.deepEqual(told(first.trace), told(second.trace));
    }
  }));
