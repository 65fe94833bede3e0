/**
 * Changes the sources in small ways, one at a time and in a copy of the tree, and runs the fast tests over each change. A mutant
 * that they do not notice is a behaviour without a test, or equivalent to the source.
 *
 *   make mutants ARGS="--count 100 --seed 7"
 *   make mutants ARGS="--file src/state/outbox/archive.ts:111"    all mutants of a file, or of one line of it
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Dice } from "../sim/dice.ts";
import { type Mutant, mutantsOf } from "./mutant.ts";
import { Court, type Verdict } from "./trial.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What is changed. */
const SOURCES = [
  "src/aggregation/*.ts",
  "src/codec/*.ts",
  "src/delivery/*.ts",
  "src/event/*.ts",
  "src/ingest/*.ts",
  "src/sinks/**/*.ts",
  "src/state/**/*.ts",
];

const { values: flags } = parseArgs({
  options: { seed: { type: "string" }, count: { type: "string" }, file: { type: "string" } },
});
const seed = Number(flags.seed ?? Date.now() % 1_000_000_000);
const count = Number(flags.count ?? (flags.file === undefined ? 100 : Infinity));
const [file, line] = flags.file?.split(":") ?? [];
if (!Number.isSafeInteger(seed) || !(count > 0)) {
  console.error('usage: make mutants ARGS="[--seed N] [--count N] [--file PATH[:LINE]]"');
  Deno.exit(2);
}

/** All mutants asked for, in an order that the seed decides. */
function drawn(): Mutant[] {
  const files = file === undefined
    ? SOURCES.flatMap((pattern) => globSync(pattern, { cwd: ROOT }).sort())
    : [file];
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
  "timed out": 0,
  "survived": 0,
  "does not compile": 0,
};
const tried = () => verdicts.killed + verdicts["timed out"] + verdicts.survived;
console.log(`seed ${seed}`);
using court = new Court(ROOT);
for (const mutant of drawn()) {
  if (tried() >= count) break;
  const verdict = await court.try(mutant);
  verdicts[verdict]++;
  if (verdict !== "survived") continue;
  console.log(`survived: ${mutant.file}:${mutant.line}\n  - ${mutant.before}\n  + ${mutant.after}`);
}
console.log(
  `${tried()} mutants: ${verdicts.killed + verdicts["timed out"]} killed (${
    verdicts["timed out"]
  } by their time), ` +
    `${verdicts.survived} survived; ${verdicts["does not compile"]} more do not compile`,
);
