/**
 * The benchmark: prints Markdown tables, with what was measured and how.
 *
 *   make bench ARGS="--events 5000000 --rounds 5 --only throughput --labels"
 *   make bench ARGS="--only throughput --intervals 60 --intervals 10,60,3600"
 *   make bench ARGS="--only instances --events 2000000 --rounds 2"
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { executablePath, temporaryDirectory } from "../tests/support/executable.ts";
import { KafkaTopic } from "../tests/sources/kafka/kafka_topic.ts";
import { startKafka } from "../tests/support/kafka_broker.ts";
import {
  type FilledTopic,
  fillTopic,
  type FleetUsage,
  measureFleet,
  PARTITIONS,
  SERIES,
  WINDOWS,
} from "./instances.ts";
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
const INSTANCE_COUNTS = [1, 2, 4];

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

async function instances(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const broker = await startKafka();
  stack.defer(() => broker.remove());
  const first = Math.floor(EVENTS / 10);
  const topics: FilledTopic[] = [];
  for (const events of [first, EVENTS]) {
    const topic = await KafkaTopic.create(broker.brokers, PARTITIONS);
    stack.defer(() => topic.remove());
    topics.push(await fillTopic(topic, events, note));
  }
  const usages = INSTANCE_COUNTS.map((count) => ({
    count,
    ofFew: [] as FleetUsage[],
    ofAll: [] as FleetUsage[],
  }));
  const [few, all] = topics as [FilledTopic, FilledTopic];
  for (let round = 1; round <= ROUNDS; round++) {
    for (const { count, ofFew, ofAll } of usages) {
      ofFew.push(await measureFleet(few, count));
      ofAll.push(await measureFleet(all, count));
      const [a, b] = [ofFew, ofAll].map((some) => `${some.at(-1)!.cpuSeconds.toFixed(1)} CPU-s`);
      note(
        `round ${round} of ${ROUNDS}, instances ${count}: ${a} for ${grouped(first)} events, ${b} for all`,
      );
    }
  }
  say(`## Several instances on one topic of Kafka

${
    grouped(EVENTS)
  } events of ${SERIES} series over ${WINDOWS} windows of 60 s in ${PARTITIONS} partitions, by series; \`sum\`, \`count\`,
\`min\` and \`max\`; a SQLite file each; medians of ${ROUNDS} rounds in turn. CPU is user + system time of all instances, from their
starts to their ends. Starts and warming up are in the first tenth: the same over a topic of ${
    grouped(first)
  } events. In each run the
rows of all instances stood for each event once, ${grouped(all.count)} with a sum of ${grouped(all.sum)}.

| instances | CPU, s | events/CPU-s | of one instance | CPU of the first tenth, s | events/CPU-s of the rest | of one instance | memory, all together |
|---:|---:|---:|---:|---:|---:|---:|---:|`);
  const rows = usages.map(({ count, ofFew, ofAll }) => {
    const [early, whole] = [ofFew, ofAll].map((some) => median(some.map(({ cpuSeconds }) => cpuSeconds)));
    const rates = [EVENTS / whole!, (EVENTS - first) / (whole! - early!)];
    return {
      count,
      early: early!,
      whole: whole!,
      rates,
      peak: median(ofAll.map(({ peakBytes }) => peakBytes)),
    };
  });
  for (const { count, early, whole, rates, peak } of rows) {
    const [rate, later] = rates.map((one, i) =>
      `${grouped(Math.round(one))} | **${(one / rows[0]!.rates[i]!).toFixed(2)}**`
    );
    say(
      `| ${count} | ${whole.toFixed(1)} | ${rate} | ${early.toFixed(1)} | ${later} | ${
        Math.round(peak / 1e6)
      } MB |`,
    );
  }
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

/** How far it is, for whoever waits for the table. */
function note(text: string): void {
  console.error(text);
}

function say(markdown: string): void {
  console.log(markdown.replace(/^## /, "\n## "));
}

const MEASUREMENTS: Readonly<Record<string, () => Promise<void>>> = {
  throughput,
  latency,
  startup,
  instances,
};
const unknown = options.only.filter((name) => !(name in MEASUREMENTS));
if (unknown.length > 0 || !(EVENTS >= 1000) || !(ROUNDS >= 1)) {
  console.error(
    "Usage: run.ts [--events N (1000 or more)] [--rounds N] [--labels] [--intervals LIST]... [--only " +
      "throughput|latency|startup|instances]...",
  );
  Deno.exit(2);
}
say(
  `${executablePath().split("/").at(-1)}, ${cpus().length} × ${
    cpus()[0]?.model ?? "unknown CPU"
  }, ${Deno.build.os} ${Deno.build.arch}`,
);
for (const name of options.only) await MEASUREMENTS[name]!();
