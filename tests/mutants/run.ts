/**
 * Makes small changes to the sources, one at a time in a copy of the tree, and runs the fast tests for each.
 * A mutant that they do not notice is a behaviour without a test, or equivalent to the source.
 *
 *   make mutants ARGS="--count 100 --seed 7"
 *   make mutants ARGS="--seed 7 --from 41"    goes on with the 41st of the same drawing
 *   make mutants ARGS="--file src/state/outbox/archive.ts:111"    all mutants of a file, or of one line
 *
 * Ctrl-C ends it with the findings so far, and the command that goes on. Exits with 1 when a test fails
 * without a mutant.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { flagsOf } from "../../scripts/flags.ts";
import { Dice } from "../sim/dice.ts";
import { type Mutant, mutantsOf } from "./mutant.ts";
import { sourceFiles } from "./scope.ts";
import { Court, type Verdict } from "./trial.ts";

/** Mutants that are prepared at once: whoever interrupts has not waited for many in vain. */
const PREPARED_TOGETHER = 25;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const flags = flagsOf({
  seed: { type: "string" },
  count: { type: "string" },
  from: { type: "string", default: "1" },
  file: { type: "string" },
});
const seed = Number(flags.seed ?? Date.now() % 1_000_000_000);
const count = Number(flags.count ?? (flags.file === undefined ? 100 : Infinity));
const from = Number(flags.from);
const [file, line] = flags.file?.split(":") ?? [];
if (!Number.isSafeInteger(seed) || !(count > 0) || !(Number.isSafeInteger(from) && from >= 1)) {
  console.error('usage: make mutants ARGS="[--seed N] [--count N] [--from N] [--file PATH[:LINE]]"');
  Deno.exit(2);
}

/** All mutants asked for, in an order that the seed decides. */
function drawn(): Mutant[] {
  const files = file === undefined ? sourceFiles(ROOT) : [file];
  const mutants = files.flatMap((path) => mutantsOf(path, readFileSync(join(ROOT, path), "utf8")))
    .filter((mutant) => line === undefined || mutant.line === Number(line));
  const dice = new Dice(seed);
  for (let i = mutants.length - 1; i > 0; i--) {
    const j = dice.between(0, i);
    [mutants[i], mutants[j]] = [mutants[j]!, mutants[i]!];
  }
  return mutants;
}

const verdicts: Record<Verdict, number> = {
  "killed": 0,
  "endless": 0,
  "survived": 0,
  "never run": 0,
  "does not compile": 0,
};
const killed = () => verdicts.killed + verdicts.endless;
const survived = () => verdicts.survived + verdicts["never run"];
const tried = () => killed() + survived();

/** @returns The number of the mutant to go on with. */
async function tryAll(mutants: readonly Mutant[], court: Court): Promise<number> {
  for (let i = from - 1; i < mutants.length; i++) {
    if (tried() >= count) return i + 1;
    try {
      if ((i + 1 - from) % PREPARED_TOGETHER === 0) {
        await court.prepare(mutants.slice(i, i + Math.min(PREPARED_TOGETHER, count - tried())));
      }
      await tryOne(i + 1, mutants[i]!, court);
    } catch (error) {
      if (interrupted.signal.aborted) return i + 1;
      throw error;
    }
  }
  return mutants.length + 1;
}

async function tryOne(number: number, mutant: Mutant, court: Court): Promise<void> {
  const startedMs = performance.now();
  const verdict = await court.try(mutant);
  verdicts[verdict]++;
  const { file, line, before, after } = mutant;
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(`${number} ${verdict}: ${file}:${line} (${seconds} s)\n  - ${before}\n  + ${after}`);
}

function conclude(next: number, unfit: readonly string[]): void {
  console.log(
    `seed ${seed}: ${tried()} mutants: ${killed()} killed (${verdicts.endless} of them run without end), ` +
      `${survived()} survived (${verdicts["never run"]} of them no test runs); ` +
      `${verdicts["does not compile"]} more do not compile`,
  );
  if (interrupted.signal.aborted) {
    const rest = [`--seed ${seed} --from ${next}`];
    if (Number.isFinite(count)) rest.push(`--count ${count - tried()}`);
    if (flags.file !== undefined) rest.push(`--file ${flags.file}`);
    console.log(`interrupted; to go on: make mutants ARGS="${rest.join(" ")}"`);
  }
  for (const test of unfit) console.error(`${test} fails without a mutant, and was not asked.`);
}

const interrupted = new AbortController();
for (const [name, number] of [["SIGINT", 2], ["SIGTERM", 15]] as const) {
  Deno.addSignalListener(name, () => interrupted.abort(128 + number));
}
console.log(`seed ${seed}`);
let code: number;
{
  using court = new Court(ROOT, interrupted.signal);
  const next = await tryAll(drawn(), court);
  conclude(next, court.unfit);
  code = interrupted.signal.aborted ? interrupted.signal.reason : court.unfit.length > 0 ? 1 : 0;
}
Deno.exit(code);
