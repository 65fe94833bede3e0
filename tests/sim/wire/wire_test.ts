import assert from "node:assert/strict";
import { inSimulationDirectory } from "../replay.ts";
import { range } from "../seeds.ts";
import { simulateWire } from "./wire_simulation.ts";
import { WIRE_KINDS, wireReplayCommand } from "./wire_kind.ts";

/** Enough for each fault to happen. `make sim` plays thousands. */
const SEEDS = range(1, 5);

for (const kind of WIRE_KINDS) {
  Deno.test(`simulation of ${kind}: seeds 1 to ${SEEDS.at(-1)} lose nothing and double nothing`, () =>
    inSimulationDirectory(async (directory) => {
      for (const seed of SEEDS) {
        const { violation } = await simulateWire({ seed, kind, directory, isTraced: false });
        if (violation === undefined) continue;
        const { trace } = await simulateWire({ seed, kind, directory, isTraced: true });
        assert.fail(`${violation}\n${trace.slice(-60).join("\n")}\n${wireReplayCommand(kind, seed)}`);
      }
    }));

  Deno.test(`simulation of ${kind}: the same seed does the same`, () =>
    inSimulationDirectory(async (directory) => {
      const options = { seed: 3, kind, directory, isTraced: true };
      const [first, second] = [await simulateWire(options), await simulateWire(options)];
      const told = (trace: readonly string[]) => trace.map((line) => line.replaceAll(/seed-\d+-\w+/g, ""));
      assert.deepEqual(told(first.trace), told(second.trace));
    }));
}
