/**
 * The same events through the handler and through its job on Flink, from one topic of Kafka to another:
 * events per CPU-second and memory. Prints a Markdown table; ends with 1 where the rows differ.
 *
 *   scripts/deno.sh run -A bench/flink.ts --events 2000000
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { latestRows, readTopic } from "../tests/e2e/topic.ts";
import { assertEqualRows } from "../tests/flink/equality.ts";
import { closingRecords, type FlinkPlant, plantRecords } from "../tests/flink/plant.ts";
import { heapMiBFor, publish, run, Site } from "../tests/flink/site.ts";
import { KafkaTopic } from "../tests/sources/kafka/kafka_topic.ts";
import { recentBaseMs } from "../tests/support/event_stream.ts";
import { executablePath } from "../tests/support/executable.ts";
import type { Row } from "../tests/support/oracle.ts";
import { MeasuredProcess, type Usage } from "./measured_process.ts";
import { cpuSeconds, peakResidentBytes } from "./process_usage.ts";

const { values: options } = parseArgs({ options: { events: { type: "string", default: "2000000" } } });
const EVENTS = Number(options.events);
const PARTITIONS = 2;
const SPAN_MS = 100_000;
const PLANT: FlinkPlant = {
  seed: 20_198,
  eventCount: EVENTS,
  nameCount: 1000,
  baseMs: recentBaseMs(SPAN_MS, 6),
  spanMs: SPAN_MS,
  partitions: PARTITIONS,
};

/** The rows of a run, what it took, and its time from start to end. */
interface Run {
  readonly rows: readonly Row[];
  readonly usage: Usage;
  readonly seconds: number;
}

/** Each run has a broker and a cluster of its own, so that none finds warm code or the memory of another. */
async function onSite(
  measure: (site: Site, environment: Record<string, string>) => Promise<Usage>,
): Promise<Run> {
  await using site = await Site.start({ heapMiB: heapMiBFor(EVENTS) });
  const bus = await KafkaTopic.create(site.brokers, PARTITIONS);
  await publish(bus, plantRecords(PLANT));
  await publish(bus, closingRecords(PLANT));
  const environment = { ...site.environment(bus.url, "measured"), STORAGE_TYPE: "kafka" };
  const startedMs = performance.now();
  const usage = await measure(site, environment);
  const seconds = (performance.now() - startedMs) / 1000;
  return { rows: latestRows(await readTopic(site.brokers, "measured")), usage, seconds };
}

async function ofHandler(): Promise<Run> {
  return await onSite(async (_, environment) => {
    await using handler = MeasuredProcess.start(executablePath(), ["once", "--flush"], environment);
    return await handler.ended();
  });
}

/** JobManager and TaskManager together, from before the job is submitted until it has ended. */
async function ofJob(parallelism: number): Promise<Run> {
  return await onSite(async ({ flink, jobs }, environment) => {
    const pids = [flink.jobManager.pid, flink.taskManager.pid];
    const spent = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const before = spent();
    const args = ["flink", "--once", "--submit", flink.gatewayUrl, "--parallelism", `${parallelism}`];
    await jobs.finished(await run(args, environment));
    const peakBytes = pids.reduce((sum, pid) => sum + peakResidentBytes(pid), 0);
    return { cpuSeconds: spent() - before, peakBytes };
  });
}

function line(name: string, { rows, seconds, usage }: Run): void {
  const cells = [
    name,
    usage.cpuSeconds.toFixed(1),
    Math.round(EVENTS / usage.cpuSeconds).toLocaleString("en"),
    seconds.toFixed(0),
    `${Math.round(usage.peakBytes / 1e6).toLocaleString("en")} MB`,
    rows.length.toLocaleString("en"),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

console.log(`${cpus()[0]!.model}, ${cpus().length} cores; ${EVENTS.toLocaleString("en")} events

| program | CPU, s | events/CPU-s | time, s | peak memory | rows |
| ------- | -----: | -----------: | ------: | ----------: | ---: |`);
const handler = await ofHandler();
line("handler", handler);
for (const parallelism of [1, 2]) {
  const job = await ofJob(parallelism);
  line(`Flink, parallelism ${parallelism}`, job);
  assertEqualRows(job.rows, handler.rows);
}
