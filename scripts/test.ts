/**
 * Runs the tests in several concurrent processes. Ends with one line: `N passed, N failed`, and `, N skipped`
 * where some were ignored.
 *
 *   scripts/deno.sh run -A scripts/test.ts [--jobs N] [paths and flags of `deno test`]
 *
 * The output of each process is shown in one piece after its end. Failures are listed at the end, with the
 * command that runs them again. The exit code is not zero when a test failed, when the tests could not be
 * loaded, or when none ran. An interrupt (SIGINT, SIGTERM) ends all processes that run.
 */
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  alertmanagerBinary,
  chromiumBinary,
  natsBinary,
  postgresBinDir,
  prometheusBinary,
  redisBinaries,
} from "./servers.ts";
import { refuse } from "./flags.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";
import { replayLine } from "./replay_line.ts";
import { testFiles, type TestGroup, testGroups } from "./test_groups.ts";
import { runTestProcess, type TestResult } from "./test_process.ts";
import { CACHE_VARIABLE, temporaryDirectory } from "../tests/support/executable.ts";
import { prepareKafka } from "../tests/support/kafka_broker.ts";
import { SharedServers } from "../tests/support/shared_servers.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Processes that run at once: most of them wait for servers and programs most of the time. */
const JOBS = 3 * navigator.hardwareConcurrency;
/** No process takes so long, be the machine as busy as it may: a test of it hangs. */
const HANGING_MS = 30 * 60_000;

interface Wanted {
  /** Paths relative to the root; none: all tests. */
  readonly paths: readonly string[];
  readonly flags: readonly string[];
  readonly jobs: number;
}

function parseArguments(args: readonly string[]): Wanted {
  const paths: string[] = [];
  const flags: string[] = [];
  let jobs = JOBS;
  for (const [index, argument] of args.entries()) {
    if (argument === "--jobs" || args[index - 1] === "--jobs") {
      if (argument !== "--jobs") jobs = Number(argument);
    } else if (isPath(argument)) paths.push(relative(ROOT, resolve(ROOT, argument)));
    else if (argument.startsWith("-") || args[index - 1]?.startsWith("-")) flags.push(argument);
    // As a flag, it would be handed to all tests.
    else refuse(`${argument}: there is no such file or directory, and no flag begins so`);
  }
  if (!(Number.isSafeInteger(jobs) && jobs >= 1)) {
    refuse("--jobs is how many processes run side by side, 1 or more");
  }
  return { paths, flags, jobs };
}

function isPath(argument: string): boolean {
  try {
    Deno.statSync(resolve(ROOT, argument));
    return true;
  } catch {
    return false;
  }
}

/** Fetches the servers before their tests, so that none of these waits for a download. */
async function prepareServers(): Promise<void> {
  const needs: (() => Promise<unknown>)[] = [
    prometheusBinary,
    alertmanagerBinary,
    redisBinaries,
    natsBinary,
    chromiumBinary,
  ];
  if (!Deno.env.get("TEST_POSTGRES_URL")) needs.push(postgresBinDir);
  if (!Deno.env.get("TEST_KAFKA_BROKERS")) needs.push(prepareKafka);
  await Promise.all(needs.map(async (need) => {
    try {
      await need();
    } catch (error) {
      if (!(error instanceof MissingPrerequisite)) throw error;
      // The tests of this server fail with the same message, or are left out. The others can still run.
      console.error(error.message);
    }
  }));
}

/**
 * Types are checked once for all processes. Without paths the whole tree is checked, as `make check` does.
 */
async function typesAreRight(paths: readonly string[]): Promise<boolean> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", ...paths],
    cwd: ROOT,
    stdin: "null",
  }).output();
  if (!success) writeAll(stderr);
  return success;
}

/** @param starting The servers. Tests that use none run meanwhile. */
async function runGroups(
  groups: readonly TestGroup[],
  { flags, jobs }: Wanted,
  env: Readonly<Record<string, string>>,
  starting: Promise<SharedServers>,
  signal: AbortSignal,
): Promise<TestResult[]> {
  const results: TestResult[] = [];
  const waiting = [...groups];
  const isAlone = groups.length === 1;
  let servers: SharedServers | undefined;
  // From then on the longest come first again, whatever they use.
  starting.then((started) => servers = started, () => {});
  const next = async (): Promise<TestGroup | undefined> => {
    const free = servers === undefined ? waiting.findIndex(({ usesServers }) => !usesServers) : 0;
    if (free >= 0) return waiting.splice(free, 1)[0];
    servers = await starting;
    return waiting.shift();
  };
  const worker = async () => {
    for (;;) {
      const group = signal.aborted ? undefined : await next();
      if (group === undefined || signal.aborted) return;
      const output: Uint8Array[] = [];
      const write = isAlone ? writeAll : (bytes: Uint8Array) => void output.push(bytes);
      const result = await runTestProcess(group, {
        cwd: ROOT,
        env: { ...servers?.environment, ...env },
        flags: ["--no-check", ...flags],
        write,
        signal,
        // Whoever runs one group alone sees where it stands, and may have asked for something long.
        limitMs: isAlone ? undefined : HANGING_MS,
      });
      results.push(result);
      const { passed, failed, skipped, seconds } = result;
      if (isAlone || passed + failed + skipped === 0) continue;
      console.log(`=== ${group.name} (${Math.round(seconds)} s)`);
      for (const bytes of output) writeAll(bytes);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return results;
}

function writeAll(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

function report(results: readonly TestResult[], flags: readonly string[]): void {
  const failures = results.flatMap(({ failures }) => failures);
  if (failures.length === 0) return;
  console.log("What failed, each with the command that runs it again:");
  for (const { file, name, reason = [] } of failures) {
    console.log(`  ${file}${name === undefined ? "" : `: ${name}`}`);
    for (const line of reason) console.log(`    ${line}`);
    const args = name === undefined ? flags : ["--filter", name];
    console.log(`  replay: ${replayLine("test", [file, ...args])}`);
  }
  console.log();
}

/** The closing line of all processes together. @returns The exit code. */
function conclude(results: readonly TestResult[]): number {
  const sum = (count: (result: TestResult) => number) =>
    results.reduce((total, result) => total + count(result), 0);
  const passed = sum((result) => result.passed);
  const failed = sum((result) => result.failed);
  const skipped = sum((result) => result.skipped);
  if (passed + failed === 0) console.error("No test ran.");
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

async function main(): Promise<number> {
  const interrupted = new AbortController();
  for (const [signal, number] of [["SIGINT", 2], ["SIGTERM", 15]] as const) {
    Deno.addSignalListener(signal, () => interrupted.abort(128 + number));
  }
  const wanted = parseArguments(Deno.args);
  const isWhole = wanted.paths.length === 0;
  const paths = isWhole ? ["tests"] : wanted.paths;
  const files = (await Promise.all(paths.map((path) => testFiles(ROOT, path)))).flat();
  const starting = prepareServers().then(() =>
    // A few tests start their servers themselves.
    isWhole && !interrupted.signal.aborted ? SharedServers.start() : SharedServers.none()
  );
  // Ends the tests that run meanwhile.
  starting.catch(() => interrupted.abort(1));
  try {
    const hasTypes = await typesAreRight(isWhole ? [] : files);
    if (interrupted.signal.aborted) return interrupted.signal.reason;
    if (!hasTypes) {
      console.log("0 passed, 1 failed");
      return 1;
    }
    await using cache = await temporaryDirectory();
    const env = {
      [CACHE_VARIABLE]: cache.path,
      VABUS_BIN: resolve(Deno.env.get("VABUS_BIN") || join(ROOT, "dist", "vabus-data-handler")),
    };
    const results = await runGroups(testGroups(ROOT, files), wanted, env, starting, interrupted.signal);
    if (interrupted.signal.aborted) return interrupted.signal.reason;
    report(results, wanted.flags);
    return conclude(results);
  } finally {
    await (await starting)[Symbol.asyncDispose]();
  }
}

Deno.exit(await main());
