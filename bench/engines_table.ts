import { pythonEnvironment } from "../scripts/python_environment.ts";
import { temporaryDirectory } from "../tests/support/executable.ts";
import type { Usage } from "./measured_process.ts";
import { peerRuntime } from "./peer_runtime.ts";
import { grouped, median, note, say } from "./report.ts";
import type { Results } from "./results.ts";
import { loadBus } from "./throughput.ts";
import {
  cpuSecondsOf,
  measureDuckdb,
  measureOnce,
  measureScript,
  megabytesOf,
  unpackIn,
} from "./whole_process.ts";
import { WINDOW_COUNT, WINDOW_SECONDS, writeWorkload } from "./workload.ts";

/** The release that PyPI has. */
const DUCKDB = "duckdb==2.0.1";
/** The settings of the core alone: fetch, aggregate, checkpoint. */
export const NO_SINK = { STORAGE_TYPE: "sqlite", ROUTES: "*=none" };

export interface EnginesOptions {
  readonly events: number;
  readonly rounds: number;
  /** How many names the events have: a row of the table each. */
  readonly names: readonly number[];
  readonly program: string;
}

/** What each process took, round by round. */
interface Rounds {
  readonly script: Usage[];
  readonly duckdb: Usage[];
  readonly handler: Usage[];
}

/**
 * Prints what an event costs without a sink, beside a batch engine and the script: whole processes with their
 * starts, in turn. Returns the rate of the handler by that of the engine.
 */
export async function engines({ events, names, program, rounds }: EnginesOptions): Promise<Results> {
  const python = `${await pythonEnvironment(DUCKDB)}/python`;
  const results: Results = {};
  const [, runtimeName] = peerRuntime();
  say(`## The core, beside a batch engine

${
    grouped(events)
  } events over ${WINDOW_COUNT} windows of ${WINDOW_SECONDS} s; events per CPU-second of whole processes from their
starts to their ends, medians of ${rounds} rounds in turn. DuckDB (\`${DUCKDB}\`) has one thread, reads the events as a file and
keeps nothing. The script is \`bench/peer.mjs\` on ${runtimeName}. The handler runs \`once --flush\` without a sink on a bus in
another process, with its state on disk.

| names | script | DuckDB | handler | times DuckDB, median (min to max) | times the script | memory: script, DuckDB, handler |
|---:|---:|---:|---:|---:|---:|---:|`);
  for (const nameCount of names) {
    const { duckdb, handler, script } = await measured(events, nameCount, rounds, program, python);
    const rates = [script, duckdb, handler].map((usages) =>
      grouped(Math.round(events / cpuSecondsOf(usages)))
    );
    const ratios = handler.map((usage, round) => duckdb[round]!.cpuSeconds / usage.cpuSeconds);
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    const timesScript = median(handler.map((usage, round) => script[round]!.cpuSeconds / usage.cpuSeconds));
    const memory = [script, duckdb, handler].map((usages) => `${megabytesOf(usages)} MB`);
    say(
      `| ${grouped(nameCount)} | ${rates.join(" | ")} | **${median(ratios).toFixed(2)}** (${spread}) ` +
        `| ${timesScript.toFixed(2)} | ${memory.join(", ")} |`,
    );
    results[`engines: ${grouped(events)} events, ${grouped(nameCount)} names, times DuckDB`] = median(ratios);
  }
  return results;
}

async function measured(
  events: number,
  nameCount: number,
  rounds: number,
  program: string,
  python: string,
): Promise<Rounds> {
  await using directory = await temporaryDirectory();
  const workload = await writeWorkload(`${directory.path}/events.ndjson`, { eventCount: events, nameCount });
  await using bus = await loadBus(workload);
  await unpackIn(directory.path, program);
  const usages: Rounds = { script: [], duckdb: [], handler: [] };
  for (let round = 1; round <= rounds; round++) {
    usages.script.push(await measureScript(workload));
    usages.duckdb.push(await measureDuckdb(python, workload));
    usages.handler.push(await measureOnce(program, [bus], directory.path, NO_SINK));
    const seconds = Object.entries(usages).map(([name, all]) =>
      `${name} ${all.at(-1)!.cpuSeconds.toFixed(2)}`
    );
    note(`${grouped(nameCount)} names, round ${round} of ${rounds}, CPU-s: ${seconds.join(", ")}`);
  }
  return usages;
}
