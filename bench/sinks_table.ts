import { temporaryDirectory } from "../tests/support/executable.ts";
import type { Usage } from "./measured_process.ts";
import { peerAggregates, peerRuntime } from "./peer_runtime.ts";
import { grouped, note, say } from "./report.ts";
import type { Results } from "./results.ts";
import { NewSinks } from "./new_sinks.ts";
import { loadBus } from "./throughput.ts";
import { cpuSecondsOf, measureOnce, measureScript, megabytesOf, unpackIn } from "./whole_process.ts";
import { WINDOW_SECONDS, type Workload, writeWorkload } from "./workload.ts";

const PEER = "script";
/** Each of 100,000 names has two events in a window, where there are 2,000,000. */
const ROW_WINDOWS = 10;

export interface SinksOptions {
  readonly events: number;
  readonly rounds: number;
  /** How many names the events have: a pair of columns each. */
  readonly names: readonly number[];
  /** Names of {@link NewSinks}. */
  readonly sinks: readonly string[];
  /** Partitions of the topic that a sink for Kafka writes to. */
  readonly partitions: number;
  /** Paths of executables, which take turns. */
  readonly programs: readonly string[];
}

/** What was measured with so many names. */
interface Column {
  readonly names: number;
  /** Distinct names and windows of the events: that many rows are written. */
  readonly rows: number;
  /** By the row of the table. */
  readonly usages: ReadonlyMap<string, readonly Usage[]>;
}

/**
 * Prints what an event costs by the sink that its aggregates go to, beside the script: whole processes with
 * their starts. Programs and sinks take turns, so that a machine that slows down slows all of them down.
 * Returns the rate of the handler by that of the script, where there is one program.
 */
export async function sinks(options: SinksOptions): Promise<Results> {
  await using newSinks = new NewSinks(options.partitions);
  const columns: Column[] = [];
  for (const names of options.names) columns.push(await measuredColumn(options, names, newSinks));
  const [, runtimeName] = peerRuntime();
  const rows = columns.map(({ names, rows }) => `${grouped(rows)} rows of ${grouped(names)} names`).join(
    ", ",
  );
  say(`## Sinks

${
    grouped(options.events)
  } events over ${ROW_WINDOWS} windows of ${WINDOW_SECONDS} s, ${rows}; events per CPU-second of whole processes from
their starts to their ends, medians of ${options.rounds} rounds in turn. The script is \`bench/peer.mjs\` on ${runtimeName}, which writes
its aggregates to a file at the end; the handler runs \`once --flush\`.

|${
    columns.map(({ names }) =>
      ` | ${grouped(names)} names | times the script | CPU, s: all rounds | peak memory`
    ).join("")
  } |
|---|${"---:|---:|---|---:|".repeat(columns.length)}`);
  const results: Results = {};
  for (const key of columns[0]!.usages.keys()) {
    say(`| ${key} |${columns.map((column) => cellsOf(column, key, options.events)).join("|")}|`);
    if (key === PEER || options.programs.length > 1) continue;
    for (const column of columns) {
      results[`sinks: ${grouped(options.events)} events, ${grouped(column.names)} names, ${key}`] =
        timesTheScript(column, key);
    }
  }
  return results;
}

async function measuredColumn(
  { events, programs, rounds, sinks }: SinksOptions,
  names: number,
  newSinks: NewSinks,
): Promise<Column> {
  await using directory = await temporaryDirectory();
  const workload = await writeWorkload(`${directory.path}/events.ndjson`, {
    eventCount: events,
    nameCount: names,
    windowCount: ROW_WINDOWS,
  });
  await using bus = await loadBus(workload);
  const usages = new Map<string, Usage[]>();
  const noted = (key: string, usage: Usage) => {
    usages.set(key, [...usages.get(key) ?? [], usage]);
    note(`${grouped(names)} names, ${key}: ${usage.cpuSeconds.toFixed(2)} CPU-s, ${megabytesOf([usage])} MB`);
  };
  for (const program of programs) await unpackIn(directory.path, program);
  for (let round = 0; round < rounds; round++) {
    noted(PEER, await measureScript(workload));
    for (const sink of sinks) {
      for (const program of programs) {
        const usage = await measureOnce(program, [bus], directory.path, await newSinks.settings(sink));
        noted(programs.length === 1 ? sink : `${sink}, ${program}`, usage);
      }
    }
  }
  return { names, rows: await rowCount(workload), usages };
}

/** The rows that the script has written, as every sink must get. */
async function rowCount(workload: Workload): Promise<number> {
  const lines = await Deno.readTextFile(peerAggregates(workload));
  return lines.split("\n").length - 1;
}

function cellsOf(column: Column, key: string, events: number): string {
  const usages = column.usages.get(key)!;
  const rate = grouped(Math.round(events / cpuSecondsOf(usages)));
  const times = timesTheScript(column, key).toFixed(2);
  const all = usages.map(({ cpuSeconds }) => cpuSeconds.toFixed(2)).join(", ");
  return ` ${rate} | **${times}** | ${all} | ${megabytesOf(usages)} MB `;
}

function timesTheScript({ usages }: Column, key: string): number {
  return cpuSecondsOf(usages.get(PEER)!) / cpuSecondsOf(usages.get(key)!);
}
