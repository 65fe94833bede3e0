/** The result of one `deno test`: its output, its counts and its failures. */
import { setTimeout as delay } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import type { TestFiles } from "./test_groups.ts";

/** A server that a test has left may keep the pipe open for ever. */
const OUTPUT_GRACE_MS = 2_000;
const REASON_MAX_LINES = 12;
const CLOSING_LINE =
  /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/;

export interface TestResult {
  readonly group: TestFiles;
  readonly passed: number;
  /** At least 1 where the process failed for any reason. */
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
  readonly seconds: number;
}

/** A failure to run again. */
export interface Failure {
  readonly file: string;
  /** The start of the test's name; undefined: all of the file. */
  readonly name?: string;
  /** The first lines of the error; left out: there is none. */
  readonly reason?: readonly string[];
}

export interface TestProcessOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Flags of `deno test`. */
  readonly flags: readonly string[];
  /** Gets the output as it comes. */
  readonly write: (bytes: Uint8Array) => void;
  /** Ends the process and everything that its tests have started. */
  readonly signal: AbortSignal;
  /** A process that has not ended by then waits for what never comes, and is ended; left out: no limit. */
  readonly limitMs?: number | undefined;
}

export async function runTestProcess(group: TestFiles, options: TestProcessOptions): Promise<TestResult> {
  const { cwd, env, flags, limitMs, write } = options;
  const limit = limitMs === undefined ? [] : [AbortSignal.timeout(limitMs)];
  const startedMs = performance.now();
  // One pipe keeps the order of both outputs. The shell is replaced by the program.
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 2>&1', "sh", Deno.execPath(), "test", "--allow-all", ...flags, ...group.files],
    cwd,
    env,
    stdin: "null",
    stdout: "piped",
    // A process group of its own, so that all of it can be ended. Ctrl-C in the terminal then reaches only
    // the test runner.
    detached: true,
  }).spawn();
  const reading = readOutput(child.stdout, write);
  const { code, signal: killedBy, success } = await endedWithGroup(
    child,
    AbortSignal.any([options.signal, ...limit]),
  );
  await Promise.race([reading.whole, delay(OUTPUT_GRACE_MS, undefined, { ref: false })]);
  const { passed, failed, skipped } = reading.counts;
  const listed = success ? [] : failuresIn(reading.lines);
  const isWithoutReason = !success && listed.length === 0;
  if (isWithoutReason) {
    const end = limit[0]?.aborted
      ? `had not ended after ${Math.round(limitMs! / 60_000)} minutes`
      : killedBy === null
      ? `exited with ${code}`
      : `was ended by ${killedBy}`;
    write(new TextEncoder().encode(`No test says that it failed, but their process ${end}.\n`));
  }
  return {
    group,
    passed,
    failed: success ? failed : Math.max(failed, 1),
    skipped,
    failures: isWithoutReason ? group.files.map((file) => ({ file })) : listed,
    seconds: (performance.now() - startedMs) / 1000,
  };
}

/**
 * Waits for the end of a process that leads its group. On request it kills the group, which includes the
 * programs that tests start.
 */
async function endedWithGroup(leader: Deno.ChildProcess, signal: AbortSignal): Promise<Deno.CommandStatus> {
  const kill = () => {
    try {
      Deno.kill(-leader.pid, "SIGKILL");
    } catch (error) {
      // The process may have just ended.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  if (signal.aborted) kill();
  signal.addEventListener("abort", kill, { once: true });
  try {
    return await leader.status;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

interface Reading {
  readonly lines: string[];
  /** Without a closing line all counts are 0: the tests did not load, or the runner died. */
  readonly counts: { passed: number; failed: number; skipped: number };
  readonly whole: Promise<void>;
}

function readOutput(output: ReadableStream<Uint8Array>, write: (bytes: Uint8Array) => void): Reading {
  const reading = { lines: [] as string[], counts: { passed: 0, failed: 0, skipped: 0 } };
  const whole = (async () => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of output) {
      write(chunk);
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines.map(stripVTControlCharacters)) {
        reading.lines.push(line);
        const match = CLOSING_LINE.exec(line);
        if (match === null) continue;
        const [, passed, failed, ignored] = match;
        reading.counts = { passed: Number(passed), failed: Number(failed), skipped: Number(ignored ?? 0) };
      }
    }
    if (rest !== "") write(new TextEncoder().encode("\n"));
  })();
  return {
    get lines() {
      return reading.lines;
    },
    get counts() {
      return reading.counts;
    },
    whole,
  };
}

/**
 * The failures that `deno test` lists. A step is listed by its test's name, ` ... ` and its own name. The
 * part before the first ` ... ` finds the test again, since a filter also matches a part of a name.
 */
export function failuresIn(lines: readonly string[]): Failure[] {
  const failures = new Map<string, Failure>();
  const reasons = reasonsIn(lines);
  for (const line of lines.slice(lines.lastIndexOf(" FAILURES ") + 1 || lines.length)) {
    const test = /^(.+?)(?: \.\.\. .*)? => \.\/(\S+):\d+:\d+$/.exec(line);
    const uncaught = /^\.\/(\S+) \(uncaught error\)$/.exec(line);
    const reason = reasons.get(line);
    const error = reason && { reason };
    if (test !== null) failures.set(`${test[2]} ${test[1]}`, { file: test[2]!, name: test[1]!, ...error });
    else if (uncaught !== null) failures.set(uncaught[1]!, { file: uncaught[1]!, ...error });
  }
  return [...failures.values()];
}

/** The first lines of each error that `deno test` lists, without its place, by the line above it. */
function reasonsIn(lines: readonly string[]): Map<string, readonly string[]> {
  const reasons = new Map<string, readonly string[]>();
  const first = lines.lastIndexOf(" ERRORS ") + 1 || lines.length;
  for (const [i, line] of lines.entries()) {
    if (i <= first || !line.startsWith("error: ")) continue;
    const end = lines.findIndex((line, j) => j > i && /^ {4}at /.test(line));
    reasons.set(lines[i - 1]!, lines.slice(i, end < 0 ? i + 1 : Math.min(end, i + REASON_MAX_LINES)));
  }
  return reasons;
}
