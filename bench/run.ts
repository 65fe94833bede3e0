/**
 * The benchmark: prints Markdown tables, with what was measured and how. Compares what stands beside the
 * script with `results.json`, and fails where the handler has become slower by more than a tenth.
 *
 *   make bench ARGS="--events 5000000 --rounds 5 --only throughput --labels"
 *   make bench ARGS="--only throughput --intervals 60 --intervals 10,60,3600"
 *   make bench ARGS="--only sinks --sinks none,kafka --program before --program dist/vabus-data-handler"
 *   make bench ARGS="--only instances --events 20000000 --rounds 2"
 *   make bench ARGS="--only engines --only growth"    beside DuckDB, which pip installs; as things grow
 *   make bench ARGS="--save"    makes what it finds the results to compare with
 */
import { cpus } from "node:os";
import { isFile } from "../scripts/debian.ts";
import { flagsOf, refuse } from "../scripts/flags.ts";
import { executablePath } from "../tests/support/executable.ts";
import { engines } from "./engines_table.ts";
import { growth } from "./growth_table.ts";
import { instances } from "./instances_table.ts";
import { latency } from "./latency_table.ts";
import { NewSinks } from "./new_sinks.ts";
import { say, spreadMs } from "./report.ts";
import { compared, readResults, type Results, SLOWER_MAX, writeResults } from "./results.ts";
import { sinks } from "./sinks_table.ts";
import { measureStarts } from "./startup.ts";
import { throughput } from "./throughput_table.ts";

const RESULTS = new URL("results.json", import.meta.url);
const START_ROUNDS = 12;

const options = flagsOf({
  events: { type: "string" },
  rounds: { type: "string", default: "3" },
  labels: { type: "boolean", default: false },
  intervals: { type: "string", multiple: true, default: ["60"] },
  names: { type: "string", default: "1000,100000" },
  sinks: { type: "string", default: "none,stdout,postgres,sqlite,kafka" },
  partitions: { type: "string", default: "1" },
  program: { type: "string", multiple: true },
  only: { type: "string", multiple: true, default: ["throughput", "sinks", "latency", "startup"] },
  save: { type: "boolean", default: false },
});
const ROUNDS = Number(options.rounds);
const NAMES = options.names.split(",").map(Number);
const SINKS = options.sinks.split(",");
const PROGRAMS = await programs();

/** The executables that are measured. Ends where one is not there. */
async function programs(): Promise<readonly string[]> {
  for (const path of options.program ?? []) {
    if (!await isFile(path)) refuse(`--program ${path}: there is no such file.`);
  }
  try {
    return options.program ?? [executablePath()];
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** Prints how long the executable takes to start. */
async function startup(): Promise<void> {
  const measured = await measureStarts(PROGRAMS, START_ROUNDS);
  say(`## Start-up

By the clock on the wall, as a child process; later starts: median (min to max) of ${START_ROUNDS}.`);
  for (const [at, times] of measured.entries()) {
    say(`
| ${PROGRAMS[at]} | time |
|---|---:|
| \`--version\`, the first start in this home | ${Math.round(times.firstVersionMs)} ms |
| \`--version\`, later starts | ${spreadMs(times.versionMs)} |
| \`run\` with an empty state until its first fetch reaches the bus | ${spreadMs(times.firstFetchMs)} |
| the same, processor time in steps of 10 ms | ${spreadMs(times.firstFetchCpuMs)} |`);
  }
}

/** Prints each result beside the one before. Returns whether none is slower by more than a tenth. */
function isAsFast(results: Readonly<Results>): boolean {
  const comparisons = compared(readResults(RESULTS), results);
  if (comparisons.length === 0) return true;
  say(`## Beside the results before

Times the script, by \`bench/results.json\`.

| | before | now | |
|---|---:|---:|---|`);
  for (const { before, isSlower, name, now } of comparisons) {
    const verdict = isSlower ? `**slower by more than ${SLOWER_MAX * 100} %**` : "";
    say(`| ${name} | ${before.toFixed(2)} | ${now.toFixed(2)} | ${verdict} |`);
  }
  return !comparisons.some(({ isSlower }) => isSlower);
}

/** How many events are measured, where nothing else is asked for. */
const eventsOr = (count: number) => Number(options.events ?? count);

const MEASUREMENTS: Readonly<Record<string, () => Promise<Results | void>>> = {
  throughput: () => throughput({ ...options, events: eventsOr(3_000_000), rounds: ROUNDS }),
  sinks: () =>
    sinks({
      events: eventsOr(2_000_000),
      rounds: ROUNDS,
      names: NAMES,
      sinks: SINKS,
      partitions: Number(options.partitions),
      programs: PROGRAMS,
    }),
  latency,
  startup,
  instances: () => instances(eventsOr(3_000_000), ROUNDS),
  engines: () =>
    engines({ events: eventsOr(10_000_000), rounds: ROUNDS, names: NAMES, program: PROGRAMS[0]! }),
  growth: () => growth(eventsOr(2_000_000), ROUNDS, PROGRAMS[0]!),
};
const known = new NewSinks(1).names;
const isRight = options.only.every((name) => Object.hasOwn(MEASUREMENTS, name)) &&
  SINKS.every((sink) => known.includes(sink)) && NAMES.every((names) => names >= 1) &&
  eventsOr(1000) >= 1000 && ROUNDS >= 1 && Number(options.partitions) >= 1;
if (!isRight) {
  console.error(
    "Usage: run.ts [--events N (1000 or more)] [--rounds N] [--labels] [--intervals LIST]...\n" +
      `  [--only ${Object.keys(MEASUREMENTS).join("|")}]... [--save]\n` +
      `  [--names N,...] [--sinks ${known.join(",")}] [--partitions N] [--program PATH]...`,
  );
  Deno.exit(2);
}
say(
  `${PROGRAMS[0]!.split("/").at(-1)}, ${cpus().length} × ${
    cpus()[0]?.model ?? "unknown CPU"
  }, ${Deno.build.os} ${Deno.build.arch}`,
);
const results: Results = {};
for (const name of options.only) Object.assign(results, await MEASUREMENTS[name]!());
if (!isAsFast(results)) Deno.exitCode = 1;
if (options.save) writeResults(RESULTS, results);
