/**
 * Plays seeds and closes with one line. A seed that breaks something is played again with its trace.
 *
 *   make sim ARGS="--seeds 1000"             seeds 1 to 1000
 *   make sim ARGS="--seed 1234 --verbose"    one seed and all that happens in it
 */
import { parseArgs } from "node:util";
import { replayCommand, simulationDirectory } from "./replay.ts";
import { simulate } from "./simulation.ts";

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});
const first = Number(flags.seed ?? flags.from);
const last = flags.seed === undefined ? first + Number(flags.seeds) - 1 : first;
const directory = simulationDirectory();
const startedMs = performance.now();
const moments = new Map<string, { passed: number; died: number }>();
const happenings = new Map<string, number>();
let events = 0;
let rows = 0;
let simulatedMs = 0;
const broken: number[] = [];

try {
  for (let seed = first; seed <= last; seed++) {
    const outcome = await simulate({ seed, directory, isTraced: flags.verbose });
    events += outcome.events;
    rows += outcome.rows;
    simulatedMs += outcome.simulatedMs;
    for (const [where, { passed, died }] of outcome.moments) {
      const sum = moments.get(where) ?? { passed: 0, died: 0 };
      moments.set(where, { passed: sum.passed + passed, died: sum.died + died });
    }
    for (const [what, times] of outcome.happenings) happenings.set(what, (happenings.get(what) ?? 0) + times);
    if (flags.verbose) console.log(outcome.trace.join("\n"));
    if (outcome.violation === undefined) continue;
    broken.push(seed);
    console.error(`seed ${seed}: ${outcome.violation}\n  ${replayCommand(seed)}`);
  }
} finally {
  Deno.removeSync(directory, { recursive: true });
}

const seconds = (performance.now() - startedMs) / 1000;
const seeds = last - first + 1;
for (const [where, { passed, died }] of [...moments].sort()) {
  console.log(`${where.padEnd(36)} passed ${String(passed).padStart(9)}   died there ${died}`);
}
for (const [what, times] of [...happenings].sort()) console.log(`${what.padEnd(36)} ${times}`);
console.log(
  `${seeds} seeds, ${events} events, ${rows} rows, ${Math.round(simulatedMs / 3600_000)} simulated hours ` +
    `in ${seconds.toFixed(1)} s (${
      Math.round(seeds / seconds * 60)
    } seeds a minute): ${broken.length} broken` +
    (broken.length > 0 ? `: ${broken.slice(0, 20).join(", ")}` : ""),
);
Deno.exit(broken.length > 0 ? 1 : 0);
