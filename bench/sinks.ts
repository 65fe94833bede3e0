/**
 * What a row costs by the sink that it goes to, beside the plain script of `peer.mjs`. Programs and sinks
 * take turns, so that a machine that slows down slows all of them down. Prints a Markdown table.
 *
 *   scripts/deno.sh run -A bench/sinks.ts --events 2000000 --names 100000 --sinks none,stdout,kafka
 *   scripts/deno.sh run -A bench/sinks.ts --sinks kafka --program before --program dist/vabus-data-handler
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { handlerEnvironment } from "../tests/e2e/plant.ts";
import { executablePath, surroundings, temporaryDirectory } from "../tests/support/executable.ts";
import { kafkaClient, startKafka } from "../tests/support/kafka_broker.ts";
import { makeTopic } from "../tests/support/make_topic.ts";
import { startPostgres } from "../tests/support/postgres_server.ts";
import { MeasuredProcess, type Usage } from "./measured_process.ts";
import { loadBus, PUBLISH_BATCH_SIZE } from "./throughput.ts";
import { WINDOW_COUNT, WINDOW_SECONDS, writeWorkload } from "./workload.ts";

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "2000000" },
    names: { type: "string", default: "100000" },
    rounds: { type: "string", default: "3" },
    sinks: { type: "string", default: "none,stdout,postgres,sqlite,kafka" },
    partitions: { type: "string", default: "1" },
    program: { type: "string", multiple: true },
  },
});
const EVENTS = Number(options.events);
const NAMES = Number(options.names);
const ROUNDS = Number(options.rounds);
const SINKS = options.sinks.split(",");
const PROGRAMS = options.program ?? [executablePath()];
const PEER = "script";

await using stack = new AsyncDisposableStack();
const directory = stack.use(await temporaryDirectory());
const workload = await writeWorkload(`${directory.path}/events.ndjson`, EVENTS, NAMES, false);
const bus = stack.use(await loadBus(workload));

const postgres = lazily(async () => {
  const server = await startPostgres();
  stack.defer(() => server.remove());
  return server.url;
});
const kafka = lazily(async () => {
  const broker = await startKafka();
  stack.defer(() => broker.remove());
  const admin = kafkaClient(broker.brokers).admin();
  await admin.connect();
  stack.defer(() => admin.disconnect());
  return { admin, servers: broker.brokers.join(",") };
});

const compressedKafka = async (compression: string) => ({
  ...await NEW_SINKS.kafka!(),
  KAFKA_COMPRESSION: compression,
});

/** The settings of a sink to which nothing was written yet. */
const NEW_SINKS: Readonly<Record<string, () => Promise<Record<string, string>>>> = {
  none: () => Promise.resolve({ STORAGE_TYPE: "sqlite", ROUTES: "*=none" }),
  stdout: () => Promise.resolve({ STORAGE_TYPE: "stdout" }),
  sqlite: () => Promise.resolve({ STORAGE_TYPE: "sqlite" }),
  postgres: async () => ({
    STORAGE_TYPE: "postgres",
    POSTGRES_CONNECTION_STRING: await postgres(),
    POSTGRES_TABLE: newName(),
  }),
  async kafka() {
    const { admin, servers } = await kafka();
    const topic = newName();
    await makeTopic(admin, { topic, numPartitions: Number(options.partitions) });
    return { STORAGE_TYPE: "kafka", KAFKA_BOOTSTRAP_SERVERS: servers, KAFKA_TOPIC: topic };
  },
  "kafka-gzip": () => compressedKafka("gzip"),
  "kafka-lz4": () => compressedKafka("lz4"),
  "kafka-zstd": () => compressedKafka("zstd"),
};

function lazily<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => started ??= start();
}

function newName(): string {
  return `bench_${crypto.randomUUID().slice(0, 8)}`;
}

/** A whole process: it aggregates all events, and ends once all rows are delivered. */
async function measureHandler(program: string, sink: string): Promise<Usage> {
  const settings = await NEW_SINKS[sink]!();
  await using home = await temporaryDirectory();
  await using process = MeasuredProcess.start(program, ["once", "--flush"], {
    ...surroundings(directory.path),
    ...handlerEnvironment(bus.url, home.path, { VABUS_BATCH_SIZE: `${PUBLISH_BATCH_SIZE}`, ...settings }),
  });
  return await process.ended();
}

async function measurePeer(): Promise<Usage> {
  await using process = MeasuredProcess.start("node", [
    new URL("peer.mjs", import.meta.url).pathname,
    workload.path,
  ]);
  return await process.ended();
}

/** Distinct names and windows of the events: that many rows are written. */
async function rowCount(): Promise<number> {
  const { stdout } = await new Deno.Command("node", {
    args: [new URL("peer.mjs", import.meta.url).pathname, workload.path],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).aggregates;
}

const usages = new Map<string, Usage[]>();
const note = (key: string, usage: Usage) => {
  usages.set(key, [...usages.get(key) ?? [], usage]);
  console.error(`${key}: ${usage.cpuSeconds.toFixed(2)} CPU-s, ${megabytes(usage)} MB`);
};
const keyOf = (program: string, sink: string) => PROGRAMS.length === 1 ? sink : `${sink}, ${program}`;

function megabytes({ peakBytes }: Usage): number {
  return Math.round(peakBytes / 1e6);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

// The first start in a home unpacks the program.
for (const program of PROGRAMS) {
  await new Deno.Command(program, { args: ["--version"], env: surroundings(directory.path) }).output();
}
const rows = await rowCount();
for (let round = 0; round < ROUNDS; round++) {
  note(PEER, await measurePeer());
  for (const sink of SINKS) {
    for (const program of PROGRAMS) note(keyOf(program, sink), await measureHandler(program, sink));
  }
}

const count = (value: number) => Math.round(value).toLocaleString("en");
const cpuOf = (key: string) => median(usages.get(key)!.map(({ cpuSeconds }) => cpuSeconds));
console.log(
  `${count(EVENTS)} events, ${count(NAMES)} names, ${WINDOW_COUNT} windows of ${WINDOW_SECONDS} s, ${
    count(rows)
  } rows; whole processes, medians of ${ROUNDS} rounds in turn; ${cpus().length} × ${cpus()[0]?.model}\n`,
);
console.log("| | CPU, s: median (all) | events/CPU-s | times the script | peak memory |");
console.log("|---|---:|---:|---:|---:|");
for (const [key, all] of usages) {
  const cpu = cpuOf(key);
  const each = all.map(({ cpuSeconds }) => cpuSeconds.toFixed(2)).join(", ");
  console.log(
    `| ${key} | ${cpu.toFixed(2)} (${each}) | ${count(EVENTS / cpu)} | **${
      (cpuOf(PEER) / cpu).toFixed(2)
    }** | ${Math.max(...all.map(megabytes))} MB |`,
  );
}
