/** What a whole process takes, from its start to its end: the handler's, and those of its peers. */
import { type Bus, handlerEnvironment } from "../tests/e2e/plant.ts";
import { surroundings, temporaryDirectory } from "../tests/support/executable.ts";
import { DUCKDB_SCRIPT } from "./file_peers.ts";
import { MeasuredProcess, type Usage } from "./measured_process.ts";
import { peerCommand } from "./peer_runtime.ts";
import { median } from "./report.ts";
import { PUBLISH_BATCH_SIZE } from "./throughput.ts";
import type { Workload } from "./workload.ts";

/** `once --flush` of a program on a bus: it aggregates all events, and ends once all rows are delivered. */
export async function measureOnce(
  program: string,
  buses: readonly Bus[],
  home: string,
  settings: Readonly<Record<string, string>>,
): Promise<Usage> {
  await using state = await temporaryDirectory();
  const url = buses.map(({ url }) => url).join(",");
  await using process = MeasuredProcess.start(program, ["once", "--flush"], {
    ...surroundings(home),
    ...handlerEnvironment(url, state.path, { VABUS_BATCH_SIZE: `${PUBLISH_BATCH_SIZE}`, ...settings }),
  });
  return await process.ended();
}

/** The first start in a home unpacks the program. It is not to be measured. */
export async function unpackIn(home: string, program: string): Promise<void> {
  await new Deno.Command(program, { args: ["--version"], env: surroundings(home) }).output();
}

/** The script, over the events as a file. */
export async function measureScript(workload: Workload): Promise<Usage> {
  const [command, ...args] = peerCommand(workload);
  await using process = MeasuredProcess.start(command, args);
  return await process.ended();
}

/** DuckDB with one thread, over the events as a file. @param python Of an environment with DuckDB. */
export async function measureDuckdb(python: string, workload: Workload): Promise<Usage> {
  await using process = MeasuredProcess.start(python, ["-c", DUCKDB_SCRIPT, workload.path, "1"]);
  return await process.ended();
}

export function cpuSecondsOf(usages: readonly Usage[]): number {
  return median(usages.map(({ cpuSeconds }) => cpuSeconds));
}

/** The greatest of all. */
export function megabytesOf(usages: readonly Usage[]): number {
  return Math.round(Math.max(...usages.map(({ peakBytes }) => peakBytes)) / 1e6);
}
