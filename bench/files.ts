/**
 * Files of NDJSON and of CSV: each line counted once through kill -9, and events per CPU-second beside DuckDB
 * and Telegraf on the same files. Prints a Markdown table; ends with 1 where a line is missing or counts
 * twice.
 *
 *   scripts/deno.sh run -A bench/files.ts --events 5000000 --kills 10 \
 *     --python venv/bin/python --telegraf bin/telegraf
 */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { handlerEnvironment, sqlitePath } from "../tests/e2e/plant.ts";
import { executablePath, pause, Program, runToEnd, temporaryDirectory } from "../tests/support/executable.ts";
import { randomNumbers } from "../tests/support/event_stream.ts";
import { writeWorkload } from "./workload.ts";
import { DUCKDB_SCRIPT, telegrafConfig } from "./file_peers.ts";
import { MeasuredProcess, type Usage } from "./measured_process.ts";

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    kills: { type: "string", default: "10" },
    python: { type: "string" },
    telegraf: { type: "string" },
  },
});
const EVENTS = Number(options.events);
const KILLS = Number(options.kills);
const NAMES = 1000;
const LIFE_MAX_MS = 3000;
const SEED = 110;

type Counts = ReadonlyMap<string, number>;

const CSV_HEADER = "name,value,timestamp,agg_func";

/** Writes the CSV of the same events. Returns how many there are of each name. */
async function writeCsv(from: string, to: string): Promise<Counts> {
  const counts = new Map<string, number>();
  using source = await Deno.open(from);
  await Deno.writeTextFile(to, `${CSV_HEADER}\n`);
  let rest = "";
  for await (const text of source.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    const rows = lines.map((line) => {
      const { name, value, timestamp, agg_func } = JSON.parse(line);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return `${name},${value},${timestamp},${agg_func}\n`;
    });
    await Deno.writeTextFile(to, rows.join(""), { append: true });
  }
  return counts;
}

function environmentFor(path: string, directory: string): Record<string, string> {
  const mapping = path.endsWith(".csv") ? "?format=csv&function=/agg_func" : "";
  return handlerEnvironment(`file://${path}${mapping}`, directory, { STORAGE_TYPE: "sqlite" });
}

/**
 * Reads the file in lives that end by kill -9, and one that does not. Returns how many were killed.
 *
 * @throws where a line is not counted once.
 */
async function proveOnce(path: string, expected: Counts): Promise<number> {
  await using directory = await temporaryDirectory();
  const environment = environmentFor(path, directory.path);
  const random = randomNumbers(SEED);
  let kills = 0;
  while (kills < KILLS) {
    await using handler = Program.start(["once"], environment);
    await Promise.race([pause(random() * LIFE_MAX_MS), handler.exit]);
    // Where a life comes to the end of the file, the others find nothing to do.
    if (handler.exitCode !== undefined) break;
    await handler.kill9();
    kills++;
  }
  const last = await runToEnd(["once", "--flush"], environment);
  assert.equal(last.code, 0, last.stderr);
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  using database = new DatabaseSync(sqlitePath(directory.path), { readOnly: true });
  const rows = database.prepare("select name, sum(count) as count from aggregated_events group by name")
    .all();
  const found = new Map(rows.map(({ name, count }) => [name as string, count as number]));
  const wrong = [...expected].filter(([name, count]) => found.get(name) !== count);
  if (wrong.length > 0 || found.size !== expected.size) {
    const [name, count] = wrong[0] ?? [];
    const status = await runToEnd(["status"], environment);
    throw new Error(
      `${wrong.length} names are not counted once, such as ${name}: ${
        found.get(name!)
      } of ${count}\n${status.stdout}`,
    );
  }
  return kills;
}

/** Runs a command to its end. @throws where it fails. */
async function measure(command: string, args: string[], env: Record<string, string>): Promise<Usage> {
  await using process = MeasuredProcess.start(command, args, env);
  return await process.ended();
}

async function measureHandler(path: string): Promise<Usage> {
  await using directory = await temporaryDirectory();
  return await measure(executablePath(), ["once", "--flush"], {
    PATH: Deno.env.get("PATH") ?? "",
    // The executable unpacks itself once for a home.
    HOME: Deno.env.get("HOME") ?? directory.path,
    ...environmentFor(path, directory.path),
  });
}

async function measureTelegraf(program: string, path: string): Promise<Usage> {
  await using directory = await temporaryDirectory();
  const config = `${directory.path}/telegraf.conf`;
  await Deno.writeTextFile(config, telegrafConfig(path, `${directory.path}/out`));
  return await measure(program, ["--config", config, "--once", "--quiet"], {});
}

await using directory = await temporaryDirectory();
const ndjson = `${directory.path}/events.ndjson`;
const csv = `${directory.path}/events.csv`;
await writeWorkload(ndjson, { eventCount: EVENTS, nameCount: NAMES });
const counts = await writeCsv(ndjson, csv);
console.log(
  `${EVENTS.toLocaleString("en")} lines, ${NAMES} names, six windows of 60 s; ${cpus().length} × ${
    cpus()[0]?.model
  }\n`,
);
console.log("| file | program | CPU, s | events/CPU-s | peak memory |\n|---|---|---:|---:|---:|");
for (const path of [ndjson, csv]) {
  const format = path.endsWith(".csv") ? "CSV" : "NDJSON";
  const programs: [string, () => Promise<Usage>][] = [["handler", () => measureHandler(path)]];
  const { python, telegraf } = options;
  if (python) programs.push(["DuckDB", () => measure(python, ["-c", DUCKDB_SCRIPT, path], {})]);
  // Its input of files reads arrays of JSON, no lines.
  if (telegraf && format === "CSV") programs.push(["Telegraf", () => measureTelegraf(telegraf, path)]);
  for (const [name, run] of programs) {
    const { cpuSeconds, peakBytes } = await run();
    const rate = Math.round(EVENTS / cpuSeconds).toLocaleString("en");
    console.log(
      `| ${format} | ${name} | ${cpuSeconds.toFixed(1)} | ${rate} | ${Math.round(peakBytes / 1e6)} MB |`,
    );
  }
}
for (const path of [ndjson, csv]) {
  const kills = await proveOnce(path, counts);
  console.log(`\n${path.split(".").at(-1)}: ${kills} × kill -9, each line counted once, PROVEN`);
}
