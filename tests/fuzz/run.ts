/**
 * Throws hostile input at everything that takes input, until the time is up or something breaks.
 *
 *   scripts/deno.sh run -A tests/fuzz/run.ts [--minutes M] [--seed N] [--target NAME]… [--inputs K]
 *     [--connections C]
 *
 * The minutes are shared out evenly among the targets. A fault ends the run with the command that replays it.
 */
import { flagsOf } from "../../scripts/flags.ts";
import { hunt, summary } from "./hunt.ts";
import { targets } from "./targets.ts";

const values = flagsOf({
  minutes: { type: "string", default: "5" },
  seed: { type: "string" },
  target: { type: "string", multiple: true },
  inputs: { type: "string" },
  // Each takes a descriptor of ours too: `ulimit -n` has to be higher.
  connections: { type: "string", default: "4000" },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const connections = Number(values.connections);
const all = targets(connections);
const chosen = all.filter(({ name }) => values.target === undefined || values.target.includes(name));
const minutes = Number(values.minutes);
const inputs = Number(values.inputs ?? Infinity);
const areNumbersRight = minutes > 0 && inputs > 0 && connections > 1 && Number.isSafeInteger(seed);
if (chosen.length === 0 || !areNumbersRight) {
  console.error(
    `usage: make fuzz ARGS="[--minutes M] [--seed N] [--inputs K] [--connections C] [--target ${
      all.map(({ name }) => name).join("|")
    }]…"`,
  );
  Deno.exit(2);
}
let faults = 0;
for (const target of chosen) {
  console.log(`${target.name}: ${target.what}`);
  const deadlineMs = performance.now() + minutes * 60_000 / chosen.length;
  try {
    console.log(summary(target, await hunt(target, { seed, inputs, deadlineMs }), seed));
  } catch (error) {
    faults++;
    console.error(error instanceof Error ? error.message : error);
  }
}
Deno.exit(faults > 0 ? 1 : 0);
