/**
 * Real faults against the built executable and real servers.
 *
 *   scripts/deno.sh run -A tests/chaos/run.ts [--minutes M] [--seed N] [--scenario NAME]… [--within M]
 *
 * Each scenario takes about the minutes, and as long as it takes until everything has arrived. The seed
 * decides what is published and which fault comes next, not at which instruction it strikes. With `--within`
 * none begins when so many minutes have passed, and the seed decides which comes first.
 */
import { flagsOf } from "../../scripts/flags.ts";
import { told } from "./scenario.ts";
import { Servers } from "./servers.ts";
import { SCENARIOS } from "./scenarios.ts";

const values = flagsOf({
  minutes: { type: "string", default: "5" },
  seed: { type: "string" },
  scenario: { type: "string", multiple: true },
  within: { type: "string", default: "Infinity" },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const seconds = Number(values.minutes) * 60;
const withinMs = Number(values.within) * 60_000;
const chosen = SCENARIOS.filter(({ name }) =>
  values.scenario === undefined || values.scenario.includes(name)
);
if (chosen.length === 0 || !(seconds > 0) || !(withinMs > 0) || !Number.isSafeInteger(seed)) {
  console.error(
    `usage: make chaos ARGS="[--minutes M] [--seed N] [--scenario ${
      SCENARIOS.map(({ name }) => name).join("|")
    }]… [--within M]"`,
  );
  Deno.exit(2);
}
const first = withinMs === Infinity ? 0 : seed % chosen.length;
const begunMs = performance.now();
let failures = 0;
for (const { name, what, obstacle, run } of [...chosen.slice(first), ...chosen.slice(0, first)]) {
  console.log(`${name}: ${what} (seed ${seed})`);
  const why = performance.now() - begunMs > withinMs ? "the time is up" : obstacle?.();
  if (why !== undefined) {
    console.log(`  left out: ${why}`);
    continue;
  }
  const startedMs = performance.now();
  const log = (line: string) =>
    console.log(`  ${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  try {
    await using servers = await Servers.start();
    const injected = await run({ servers, seed, seconds, log });
    console.log(`  passed: ${told(injected)}`);
  } catch (error) {
    failures++;
    console.error(`  FAILED: ${error instanceof Error ? error.stack : error}`);
    console.error(
      `  Replay: make chaos ARGS="--scenario ${name} --seed ${seed} --minutes ${values.minutes}"`,
    );
  }
}
Deno.exit(failures > 0 ? 1 : 0);
