/**
 * The benchmark: prints Markdown tables, with what was measured and how.
 *
 *   make bench ARGS="--events 5000000 --rounds 5 --only throughput --labels"
 *   make bench ARGS="--only throughput --intervals 60 --intervals 10,60,3600"
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { executablePath, temporaryDirectory } from "../tests/support/executable.ts";
import { measureCloseToRow } from "./latency.ts";
import { measureStarts } from "./startup.ts";
import { loadBus, measureHandler, measurePeer, type Usage } from "./throughput.ts";
import { WINDOW_COUNT, WINDOW_SECONDS, type Workload, writeWorkload } from "./workload.ts";

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "3000000" },
    rounds: { type: "string", default: "3" },
    labels: { type: "boolean", default: false },
    intervals: { type: "string", multiple: true, default: ["60"] },
    only: { type: "string", multiple: true, default: ["throughput", "latency", "startup"] },
  },
});
const EVENTS = Number(options.events);
const ROUNDS = Number(options.rounds);
const NAME_COUNTS = [1000, 100_000];
const LATENCY_WINDOWS = 30;
const START_ROUNDS = 5;

/** The settings of the handler, by the name of its sink in the tables. */
const SINKS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "no sink": { STORAGE_TYPE: "sqlite", ROUTES: "*=none" },
  "SQLite sink": { STORAGE_TYPE: "sqlite" },
};
/** The same for each of the intervals that are measured beside each other. */
const HANDLERS = Object.fromEntries(
  Object.entries(SINKS).flatMap(([sink, settings]) =>
    options.intervals.map((intervals) => [
      options.intervals.length === 1 ? sink : `${sink}, intervals ${intervals}`,
      { ...settings, AGGREGATION_INTERVAL: intervals },
    ])
  ),
);

async function throughput(): Promise<void> {
  const [runtime, runtimeName] = peerRuntime();
  say(`## Events per CPU-second

${
    grouped(EVENTS)
  } events over ${WINDOW_COUNT} windows of ${WINDOW_SECONDS} s, \`sum\`, \`avg\`, \`min\` and \`max\`${
    options.labels ? ", three labels each" : ""
  }; ${ROUNDS} rounds, peer and handler in turn.

- **peer**: \`bench/peer.mjs\` on ${runtimeName}: readline, \`JSON.parse\`, a Map, over the events as a file. User + system time of
  its process, from the first line of the script. It keeps nothing on disk.
- **handler**: the executable's \`run\`, fetching the same events from the reference bus (another process, in memory) in batches of
  10,000, durable state on disk, checkpoint each second. User + system time of its process, all threads, from the first
  fetch until 1.5 s after the last event was received, so that the last checkpoint is in it. \`no sink\`: the path fetch → aggregate
  → checkpoint alone (\`ROUTES=*=none\`); \`SQLite sink\`: every aggregate is delivered to a SQLite file as well.

| names | sink | peer, events/CPU-s | handler, events/CPU-s | ratio, median (min to max) | handler's peak memory | peer's |
|---:|---|---:|---:|---:|---:|---:|`);
  for (const nameCount of NAME_COUNTS) {
    await using directory = await temporaryDirectory();
    const workload = await writeWorkload(
      `${directory.path}/events.ndjson`,
      EVENTS,
      nameCount,
      options.labels,
    );
    await using bus = await loadBus(workload);
    const peers: Usage[] = [];
    const handlers = new Map(Object.keys(HANDLERS).map((sink) => [sink, [] as Usage[]]));
    for (let round = 0; round < ROUNDS; round++) {
      peers.push(await measurePeer(workload, runtime));
      for (const [sink, environment] of Object.entries(HANDLERS)) {
        handlers.get(sink)!.push(await measureHandler(workload, bus, environment));
      }
    }
    for (const [sink, usages] of handlers) say(throughputRow(workload, sink, peers, usages));
  }
}

function throughputRow(workload: Workload, sink: string, peers: Usage[], handlers: Usage[]): string {
  const ratios = handlers.map((handler, round) =>
    handler.eventsPerCpuSecond / peers[round]!.eventsPerCpuSecond
  );
  const rate = (usages: Usage[]) =>
    grouped(Math.round(median(usages.map((usage) => usage.eventsPerCpuSecond))));
  const peak = (usages: Usage[]) =>
    `${Math.round(Math.max(...usages.map((usage) => usage.peakBytes)) / 1e6)} MB`;
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return `| ${grouped(workload.nameCount)} | ${sink} | ${rate(peers)} | ${rate(handlers)} ` +
    `| **${median(ratios).toFixed(2)}** (${spread}) | ${peak(handlers)} | ${peak(peers)} |`;
}

async function latency(): Promise<void> {
  say(`## From a window's close to its row in PostgreSQL

${LATENCY_WINDOWS} windows of 1 s with 10 names, events in real time, a real PostgreSQL on this machine. From the moment before the event
that closes the window is published to the row's \`written_at\` (when the transaction that wrote it began).

| checkpoint interval | p50 | p99 | longest |
|---:|---:|---:|---:|`);
  for (const interval of [1, 0.1]) {
    const delaysMs = (await measureCloseToRow(LATENCY_WINDOWS, interval)).sort((a, b) => a - b);
    const [p50, p99, longest] = [0.5, 0.99, 1].map((q) => `${Math.round(quantile(delaysMs, q))} ms`);
    say(`| ${interval} s${interval === 1 ? " (default)" : ""} | ${p50} | ${p99} | ${longest} |`);
  }
}

async function startup(): Promise<void> {
  const times = await measureStarts(START_ROUNDS);
  say(`## Start-up

By the clock on the wall, as a child process; later starts: median (min to max) of ${START_ROUNDS}.

| | time |
|---|---:|
| \`--version\`, the first start in this home | ${Math.round(times.firstVersionMs)} ms |
| \`--version\`, later starts | ${spreadMs(times.versionMs)} |
| \`run\` with an empty state until its first fetch reaches the bus | ${spreadMs(times.firstFetchMs)} |`);
}

/** Node where it is installed, since people would use it. */
function peerRuntime(): [string[], string] {
  try {
    const { success, stdout } = new Deno.Command("node", { args: ["--version"] }).outputSync();
    if (success) return [["node"], `Node ${new TextDecoder().decode(stdout).trim().replace("v", "")}`];
  } catch {
    // Node is not installed.
  }
  return [[Deno.execPath(), "run", "-A", "--no-config"], `Deno ${Deno.version.deno} (there is no Node here)`];
}

function median(values: readonly number[]): number {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}

/** Nearest rank. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(Math.ceil(q * sorted.length) - 1, 0)]!;
}

function spreadMs(values: readonly number[]): string {
  const [least, greatest] = [Math.min(...values), Math.max(...values)].map(Math.round);
  return `${Math.round(median(values))} ms (${least} to ${greatest})`;
}

/** The count with a comma between thousands. */
function grouped(count: number): string {
  return count.toLocaleString("en");
}

function say(markdown: string): void {
  console.log(markdown.replace(/^## /, "\n## "));
}

const MEASUREMENTS: Readonly<Record<string, () => Promise<void>>> = { throughput, latency, startup };
const unknown = options.only.filter((name) => !(name in MEASUREMENTS));
if (unknown.length > 0 || !(EVENTS >= 1000) || !(ROUNDS >= 1)) {
  console.error(
    "Usage: run.ts [--events N (1000 or more)] [--rounds N] [--labels] [--intervals LIST]... [--only " +
      "throughput|latency|startup]...",
  );
  Deno.exit(2);
}
say(
  `${executablePath().split("/").at(-1)}, ${cpus().length} × ${
    cpus()[0]?.model ?? "unknown CPU"
  }, ${Deno.build.os} ${Deno.build.arch}`,
);
for (const name of options.only) await MEASUREMENTS[name]!();
