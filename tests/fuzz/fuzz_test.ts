import assert from "node:assert/strict";
import { testSeed } from "../support/seed.ts";
import { hunt, summary } from "./hunt.ts";
import { targets } from "./targets.ts";

const SEED = testSeed(20_251_126);
/**
 * Some seconds' worth of each, however fast the machine is; `make fuzz` goes on for as long as it is told to.
 */
const INPUTS: Readonly<Record<string, number>> = {
  "scanner": 6000,
  "records": 2000,
  "sparkplug": 2000,
  "pushes": 1500,
  "bus-client": 600,
  "bus-server": 400,
  "bus-crowd": 2,
  "bus-descriptors": 3,
  "configuration": 2000,
  "state-file": 120,
};
/** A crowd, yet no burden for a machine with other things to do. */
const CONNECTIONS_MAX = 600;

for (const target of targets(CONNECTIONS_MAX)) {
  Deno.test(`fuzz: ${target.name}: ${target.what}`, async () => {
    const inputs = INPUTS[target.name];
    assert.ok(inputs !== undefined, `say how many inputs ${target.name} is tried with`);
    const caught = await hunt(target, { seed: SEED, inputs, deadlineMs: Infinity });
    console.log(summary(target, caught, SEED));
  });
}
