import { handlerEnvironment } from "../tests/e2e/plant.ts";
import { Program, temporaryDirectory, until } from "../tests/support/executable.ts";
import { FaultyServer, respondAsBus } from "../tests/support/http_faults.ts";

const TIMEOUT_MS = 60_000;

export interface StartTimes {
  /** `--version` in a home where the executable has never run, milliseconds. */
  readonly firstVersionMs: number;
  /** `--version` afterwards, each start, milliseconds. */
  readonly versionMs: number[];
  /** `run` with an empty state until the bus gets the first fetch, each start, milliseconds. */
  readonly firstFetchMs: number[];
}

export async function measureStarts(rounds: number): Promise<StartTimes> {
  await using home = await temporaryDirectory();
  const environment = { HOME: home.path, TMPDIR: home.path };
  const version = async () => {
    const startedMs = performance.now();
    await using program = Program.start(["--version"], environment);
    if (await program.exit !== 0) throw new Error(program.tail());
    return performance.now() - startedMs;
  };
  const firstVersionMs = await version();
  const versionMs: number[] = [];
  const firstFetchMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    versionMs.push(await version());
    firstFetchMs.push(await firstFetch(environment));
  }
  return { firstVersionMs, versionMs, firstFetchMs };
}

async function firstFetch(environment: Readonly<Record<string, string>>): Promise<number> {
  await using directory = await temporaryDirectory();
  await using server = FaultyServer.start((request) => respondAsBus(request, []));
  const startedMs = performance.now();
  await using handler = Program.start(["run"], handlerEnvironment(server.url, directory.path, environment));
  const fetched = () => server.requests.find((request) => request.path === "/events");
  const request = await until(fetched, "the first fetch", TIMEOUT_MS, [handler]);
  return request.atMs - startedMs;
}
