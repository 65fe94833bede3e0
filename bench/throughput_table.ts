import { temporaryDirectory } from "../tests/support/executable.ts";
import { peerRuntime } from "./peer_runtime.ts";
import { grouped, median, say } from "./report.ts";
import type { Results } from "./results.ts";
import { loadBus, measureHandler, measurePeer, type Usage } from "./throughput.ts";
import { WINDOW_COUNT, WINDOW_SECONDS, type Workload, writeWorkload } from "./workload.ts";

const NAME_COUNTS = [1000, 100_000];

/** The settings of the handler, by the name of its sink in the tables. */
const SINKS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "no sink": { STORAGE_TYPE: "sqlite", ROUTES: "*=none" },
  "SQLite sink": { STORAGE_TYPE: "sqlite" },
};

export interface ThroughputOptions {
  readonly events: number;
  readonly rounds: number;
  /** Whether each event has three labels. */
  readonly labels: boolean;
  /** Each is an AGGREGATION_INTERVAL. They are measured beside each other. */
  readonly intervals: readonly string[];
}

/** The settings of the handler, by what the tables call it. */
function handlers(intervals: readonly string[]): Readonly<Record<string, Readonly<Record<string, string>>>> {
  return Object.fromEntries(
    Object.entries(SINKS).flatMap(([sink, settings]) =>
      intervals.map((interval) => [
        intervals.length === 1 ? sink : `${sink}, intervals ${interval}`,
        { ...settings, AGGREGATION_INTERVAL: interval },
      ])
    ),
  );
}

/**
 * Prints what an event costs by the number of names and the sink, beside the script. Returns the rate of the
 * handler by that of the script, by what was measured.
 */
export async function throughput({ events, intervals, labels, rounds }: ThroughputOptions): Promise<Results> {
  const results: Results = {};
  const handlersOf = handlers(intervals);
  const [, runtimeName] = peerRuntime();
  say(`## Events per CPU-second

${
    grouped(events)
  } events over ${WINDOW_COUNT} windows of ${WINDOW_SECONDS} s, \`sum\`, \`avg\`, \`min\` and \`max\`${
    labels ? ", three labels each" : ""
  }; ${rounds} rounds, peer and handler in turn.

- **peer**: \`bench/peer.mjs\` on ${runtimeName}: readline, \`JSON.parse\`, a Map, over the events as a file. User + system time of
  its process, from the first line of the script. It writes its aggregates to a file at the end.
- **handler**: the executable's \`run\`, fetching the same events from the reference bus (another process, in memory) in batches of
  10,000, durable state on disk, checkpoint each second. User + system time of its process, all threads, from the first
  fetch until 1.5 s after the last event was received, so that the last checkpoint is in it. \`no sink\`: the path fetch → aggregate
  → checkpoint alone (\`ROUTES=*=none\`); \`SQLite sink\`: every aggregate is delivered to a SQLite file as well.

| names | sink | peer, events/CPU-s | handler, events/CPU-s | ratio, median (min to max) | handler's peak memory | peer's |
|---:|---|---:|---:|---:|---:|---:|`);
  for (const nameCount of NAME_COUNTS) {
    await using directory = await temporaryDirectory();
    const workload = await writeWorkload(`${directory.path}/events.ndjson`, {
      eventCount: events,
      nameCount,
      areLabelled: labels,
    });
    await using bus = await loadBus(workload);
    const peers: Usage[] = [];
    const usagesOf = new Map(Object.keys(handlersOf).map((sink) => [sink, [] as Usage[]]));
    for (let round = 0; round < rounds; round++) {
      peers.push(await measurePeer(workload));
      for (const [sink, environment] of Object.entries(handlersOf)) {
        usagesOf.get(sink)!.push(await measureHandler(workload, bus, environment));
      }
    }
    for (const [sink, usages] of usagesOf) {
      const ratios = ratiosOf(usages, peers);
      say(throughputRow(workload, sink, peers, usages, ratios));
      results[
        `throughput: ${grouped(events)} events${labels ? " with labels" : ""}, ${
          grouped(nameCount)
        } names, ${sink}`
      ] = median(ratios);
    }
  }
  return results;
}

/** The rate of the handler by that of the script, in each round. */
function ratiosOf(handlers: readonly Usage[], peers: readonly Usage[]): number[] {
  return handlers.map((handler, round) => handler.eventsPerCpuSecond / peers[round]!.eventsPerCpuSecond);
}

function throughputRow(
  workload: Workload,
  sink: string,
  peers: Usage[],
  handlers: Usage[],
  ratios: number[],
): string {
  const rate = (usages: Usage[]) =>
    grouped(Math.round(median(usages.map((usage) => usage.eventsPerCpuSecond))));
  const peak = (usages: Usage[]) =>
    `${Math.round(Math.max(...usages.map((usage) => usage.peakBytes)) / 1e6)} MB`;
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return `| ${grouped(workload.nameCount)} | ${sink} | ${rate(peers)} | ${rate(handlers)} ` +
    `| **${median(ratios).toFixed(2)}** (${spread}) | ${peak(handlers)} | ${peak(peers)} |`;
}
