import { temporaryDirectory } from "../tests/support/executable.ts";
import { NO_SINK } from "./engines_table.ts";
import type { Usage } from "./measured_process.ts";
import { grouped, median, note, say } from "./report.ts";
import { loadBuses } from "./throughput.ts";
import { cpuSecondsOf, measureOnce, megabytesOf, unpackIn } from "./whole_process.ts";
import { WINDOW_COUNT, WINDOW_SECONDS, type WorkloadOptions, writeWorkload } from "./workload.ts";

/** One way in which the usual case grows. */
interface Variant {
  readonly workload?: Partial<WorkloadOptions>;
  /** Default: 1. */
  readonly buses?: number;
  readonly settings?: Readonly<Record<string, string>>;
}

const NAMES = 1000;
const USUAL = `${grouped(NAMES)} names, one source, one tier`;

const VARIANTS: Readonly<Record<string, Variant>> = {
  [USUAL]: {},
  "10,000 names": { workload: { nameCount: 10_000 } },
  "100,000 names": { workload: { nameCount: 100_000 } },
  "1,000,000 names": { workload: { nameCount: 1_000_000 } },
  "2 sources": { buses: 2 },
  "4 sources": { buses: 4 },
  "8 sources": { buses: 8 },
  "2 tiers: 10 and 60 s": { settings: { AGGREGATION_INTERVAL: "10,60" } },
  "3 tiers: 10, 60 and 600 s": { settings: { AGGREGATION_INTERVAL: "10,60,600" } },
  "4 tiers: 10, 60, 600 and 3,600 s": { settings: { AGGREGATION_INTERVAL: "10,60,600,3600" } },
  "three labels": { workload: { areLabelled: true } },
  "ids, the latest 100,000 remembered": {
    workload: { haveIds: true },
    settings: { DEDUP_MAX_IDS: "100000" },
  },
  "ids, the latest 10,000,000 remembered": {
    workload: { haveIds: true },
    settings: { DEDUP_MAX_IDS: "10000000" },
  },
  "20 % of the events two windows late": { workload: { lateShare: 0.2 } },
  "a checkpoint each 0.1 s": { settings: { CHECKPOINT_INTERVAL: "0.1" } },
};

/** Prints what an event costs as each of several things grows, and how much of the usual rate is left. */
export async function growth(events: number, rounds: number, program: string): Promise<void> {
  say(`## Growth

${
    grouped(events)
  } events over ${WINDOW_COUNT} windows of ${WINDOW_SECONDS} s, without a sink; whole processes (\`once --flush\`) from their
starts to their ends. The usual case is measured beside each other one, in turn; medians of ${rounds} rounds.

| | events/CPU-s | of the usual rate, median (min to max) | peak memory |
|---|---:|---:|---:|`);
  for (const [name, variant] of Object.entries(VARIANTS)) {
    const usual = name === USUAL ? [] : [VARIANTS[USUAL]!];
    const usages = await measuredInTurn(name, [variant, ...usual], events, rounds, program);
    const [own, beside] = usages as [Usage[], Usage[] | undefined];
    say(
      `| ${name} | ${grouped(Math.round(events / cpuSecondsOf(own)))} | ${
        beside === undefined ? "1.00" : shareOf(own, beside)
      } | ${megabytesOf(own)} MB |`,
    );
  }
}

/** Returns what each variant took, round by round. */
async function measuredInTurn(
  name: string,
  variants: readonly Variant[],
  events: number,
  rounds: number,
  program: string,
): Promise<Usage[][]> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  await unpackIn(directory, program);
  const measured = [];
  for (const [index, { buses = 1, settings = {}, workload }] of variants.entries()) {
    const options = { eventCount: events, nameCount: NAMES, ...workload };
    const loaded = await loadBuses(await writeWorkload(`${directory}/${index}.ndjson`, options), buses);
    for (const bus of loaded) stack.use(bus);
    measured.push({ loaded, settings, usages: [] as Usage[] });
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { loaded, settings, usages } of measured) {
      usages.push(await measureOnce(program, loaded, directory, { ...NO_SINK, ...settings }));
    }
    const seconds = measured.map(({ usages }) => usages.at(-1)!.cpuSeconds.toFixed(2));
    note(`${name}, round ${round} of ${rounds}: CPU-s ${seconds.join(", beside ")}`);
  }
  return measured.map(({ usages }) => usages);
}

function shareOf(own: readonly Usage[], usual: readonly Usage[]): string {
  const shares = own.map(({ cpuSeconds }, round) => usual[round]!.cpuSeconds / cpuSeconds);
  return `**${median(shares).toFixed(2)}** (${Math.min(...shares).toFixed(2)} to ${
    Math.max(...shares).toFixed(2)
  })`;
}
