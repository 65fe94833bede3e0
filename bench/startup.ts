import { handlerEnvironment } from "../tests/e2e/plant.ts";
import { Program, temporaryDirectory, until } from "../tests/support/executable.ts";
import { FaultyServer, respondAsBus } from "../tests/support/http_faults.ts";
import { cpuSecondsWithEnded } from "./process_usage.ts";

const TIMEOUT_MS = 60_000;

export interface StartTimes {
  /** `--version` in a home where the executable has never run, milliseconds. */
  readonly firstVersionMs: number;
  /** `--version` afterwards, each start, milliseconds. */
  readonly versionMs: number[];
  /** `run` with an empty state until the bus gets the first fetch, each start, milliseconds. */
  readonly firstFetchMs: number[];
  /** The processor time until then, with the launcher's, each start, milliseconds. */
  readonly firstFetchCpuMs: number[];
}

/** Measures the starts of each program, in turn. */
export async function measureStarts(
  programs: readonly string[],
  rounds: number,
): Promise<readonly StartTimes[]> {
  await using home = await temporaryDirectory();
  const environment = { HOME: home.path, TMPDIR: home.path };
  const version = async (path: string) => {
    const startedMs = performance.now();
    await using program = Program.start(["--version"], environment, path);
    if (await program.exit !== 0) throw new Error(program.tail());
    return performance.now() - startedMs;
  };
  const times: StartTimes[] = [];
  for (const path of programs) {
    times.push({ firstVersionMs: await version(path), versionMs: [], firstFetchMs: [], firstFetchCpuMs: [] });
    // The first `run` compiles what later ones find compiled.
    await firstFetch(path, environment);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [at, path] of programs.entries()) {
      const { firstFetchCpuMs, firstFetchMs, versionMs } = times[at]!;
      versionMs.push(await version(path));
      const { cpuMs, ms } = await firstFetch(path, environment);
      firstFetchMs.push(ms);
      firstFetchCpuMs.push(cpuMs);
    }
  }
  return times;
}

async function firstFetch(
  path: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly ms: number; readonly cpuMs: number }> {
  await using directory = await temporaryDirectory();
  const started: { pid?: number } = {};
  let cpuMs: number | undefined;
  await using server = FaultyServer.start((request) => {
    const { pid } = started;
    if (pid !== undefined && request.path === "/events") cpuMs ??= cpuSecondsWithEnded(pid) * 1000;
    return respondAsBus(request, []);
  });
  const startedMs = performance.now();
  await using handler = Program.start(
    ["run"],
    handlerEnvironment(server.url, directory.path, environment),
    path,
  );
  started.pid = handler.pid;
  const fetched = () => server.requests.find((request) => request.path === "/events");
  const request = await until(fetched, "the first fetch", TIMEOUT_MS, [handler]);
  if (cpuMs === undefined) throw new Error("the first fetch came before its process was known");
  return { ms: request.atMs - startedMs, cpuMs };
}
