/**
 * Drives the built executable from outside: its processes, their environment, output, signals and exit codes.
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** How long a test waits, enough for the slowest machine. Only a defect takes longer. */
export const PATIENCE_MS = 300_000;
const STDERR_TAIL_CHARACTERS = 3000;
const POLL_MS = 40;
/**
 * Slow conditions, such as reading a topic to its end, take half of the waiting time at most, but are asked
 * at least this often.
 */
const MAX_POLL_MS = 1000;

/**
 * The variables of a process besides `PATH`, `HOME`, `TMPDIR` and the tests' clock. It gets nothing else of
 * the tests' environment.
 */
export type Environment = Readonly<Record<string, string>>;

/** The variables of the clock under which tests can be run at another time: scripts/month_end.sh. */
const CLOCK: Environment = Object.fromEntries(
  ["LD_PRELOAD", "CLOCK_AHEAD_SECONDS"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }),
);

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The executable under test: `$VABUS_BIN`, else what `make build` makes.
 *
 * @throws when it is not there, with what to do about it.
 */
export function executablePath(): string {
  // Absolute, since each program has a working directory of its own.
  const path = resolve(Deno.env.get("VABUS_BIN") || join(ROOT, "dist", "vabus-data-handler"));
  try {
    if (Deno.statSync(path).isFile) return path;
  } catch {
    // The error is thrown below, the same for a missing file and for something that is not a file.
  }
  throw new Error(`There is no executable ${path}: run \`make build\`, or name one with VABUS_BIN.`);
}

/**
 * What every process of a test gets of the tests' environment, and nothing else: the tests' clock among it,
 * unless `environment` brings a clock.
 *
 * @param home The directory of what the process writes without being told where.
 */
export function surroundings(home: string, environment: Environment = {}): Environment {
  return {
    PATH: Deno.env.get("PATH") ?? "",
    HOME: home,
    TMPDIR: home,
    ...("LD_PRELOAD" in environment ? {} : CLOCK),
  };
}

/** A running process of the executable. Leaving its scope (`await using`) ends it, by force if needed. */
export class Program implements AsyncDisposable {
  stdout = "";
  stderr = "";
  /** Undefined while it runs. */
  exitCode: number | undefined;
  /**
   * The exit code, once the process has ended and all of its output is here. A process that a signal ended
   * has 128 + signal.
   */
  readonly exit: Promise<number>;

  private constructor(readonly command: string, private readonly child: Deno.ChildProcess) {
    this.exit = this.follow();
  }

  /**
   * Starts `vabus-data-handler <args>` in an empty working directory of its own, so that no `.env` is found
   * by chance.
   */
  static start(
    args: readonly string[],
    environment: Environment = {},
    executable: string = executablePath(),
  ): Program {
    const home = sharedHome();
    const child = new Deno.Command(executable, {
      args: [...args],
      cwd: Deno.makeTempDirSync({ dir: home, prefix: "cwd-" }),
      clearEnv: true,
      env: { ...surroundings(home, environment), ...environment },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Program(args.join(" ") || "run", child);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Sends a signal. Does nothing where the process has ended. */
  signal(signal: Deno.Signal): void {
    if (this.exitCode !== undefined) return;
    try {
      this.child.kill(signal);
    } catch (error) {
      // The process may have just ended.
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
    }
  }

  /** Ends the process as a power cut would, and waits until it is gone. */
  async kill9(): Promise<void> {
    this.signal("SIGKILL");
    await this.exit;
  }

  /**
   * Asks the process to end after its first output. Before that, the signal might come before the program's
   * listener. Waits for the end. @throws when either takes too long.
   */
  async stop(timeoutMs = PATIENCE_MS): Promise<number> {
    const isKnown = () => this.stderr !== "" || this.stdout !== "" || this.exitCode !== undefined;
    await until(isKnown, `the first words of \`${this.command}\``, PATIENCE_MS, [this]);
    this.signal("SIGTERM");
    return await this.ended(timeoutMs);
  }

  /** Waits for the end of the process. @throws when it does not end in time. */
  async ended(timeoutMs = PATIENCE_MS): Promise<number> {
    await until(() => this.exitCode !== undefined, `the end of \`${this.command}\``, timeoutMs, [this]);
    return this.exitCode!;
  }

  /**
   * Waits for a line on its stderr. What else shows by then, such as a reply of its listener, may be here
   * before the line is.
   */
  async says(words: RegExp): Promise<void> {
    await until(() => words.test(this.stderr), `${words} of \`${this.command}\``, PATIENCE_MS, [this]);
  }

  /** The end of its stderr, for messages of failing tests. */
  tail(): string {
    return `--- stderr of \`${this.command}\` (pid ${this.pid}, ${
      this.exitCode === undefined ? "running" : `exit code ${this.exitCode}`
    })\n${this.stderr.slice(-STDERR_TAIL_CHARACTERS)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
  }

  private async follow(): Promise<number> {
    const [status] = await Promise.all([
      this.child.status,
      collect(this.child.stdout, (text) => this.stdout += text),
      collect(this.child.stderr, (text) => this.stderr += text),
    ]);
    return this.exitCode = status.code;
  }
}

/** Runs a command to its end. @throws when it does not end in time. */
export async function runToEnd(
  args: readonly string[],
  environment: Environment = {},
  timeoutMs = PATIENCE_MS,
): Promise<Output> {
  await using program = Program.start(args, environment);
  const code = await program.ended(timeoutMs);
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/**
 * Runs `check`, or another command with its report. It waits for answers from outside for 15 s, which is too
 * little on a machine that is very busy: then it is run again.
 */
export async function runCheck(
  environment: Environment,
  args: readonly string[] = ["check"],
): Promise<Output> {
  return await until(async () => {
    const output = await runToEnd(args, environment);
    return output.stdout.includes("no answer within 15 s") ? undefined : output;
  }, "an answer to check");
}

type Nothing = undefined | false | 0 | "";

/**
 * Calls `condition` again and again until its result is truthy, and returns the result. Zero counts as false:
 * nothing has come yet.
 *
 * @throws after `timeoutMs`, with what was waited for, the last error of `condition` and the stderr of
 * `programs`.
 */
export async function until<T>(
  condition: () => T | Nothing | Promise<T | Nothing>,
  what: string | (() => string),
  timeoutMs = PATIENCE_MS,
  programs: readonly Program[] = [],
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError = "";
  for (;;) {
    const askedMs = performance.now();
    try {
      const answer = await condition();
      if (answer) return answer;
    } catch (error) {
      lastError = `, which last failed with: ${error instanceof Error ? error.message : error}`;
    }
    if (performance.now() > deadline) {
      const waitedFor = typeof what === "string" ? what : what();
      throw new Error(
        [
          `waited ${timeoutMs / 1000} s in vain for ${waitedFor}${lastError}`,
          ...programs.map((p) => p.tail()),
        ]
          .join("\n"),
      );
    }
    await pause(Math.min(Math.max(performance.now() - askedMs, POLL_MS), MAX_POLL_MS));
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A directory that is deleted with its scope (`await using`). */
export async function temporaryDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "vabus-e2e-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const STACK_TRACE = /at file:\/\/|at async |at ext:|Uncaught|Stack backtrace|panicked at|^\s+at .+:\d+:\d+/m;

/** @throws when the output for a user contains a stack trace. */
export function assertNoStackTrace(output: { stdout: string; stderr: string }): void {
  for (const text of [output.stderr, output.stdout]) {
    const found = STACK_TRACE.exec(text);
    if (found) throw new Error(`a stack trace in the output:\n${text.slice(Math.max(0, found.index - 500))}`);
  }
}

/**
 * Names a directory for all test processes of a run: a self-extracting executable unpacks itself into it
 * once.
 */
export const CACHE_VARIABLE = "SHARED_CACHE_DIRECTORY";

let home: string | undefined;

/**
 * One home for all processes of a test file. Where the run has a cache, the home shares that and nothing
 * else.
 */
function sharedHome(): string {
  if (home === undefined) {
    home = Deno.makeTempDirSync({ prefix: "vabus-e2e-home-" });
    const made = home;
    const cache = Deno.env.get(CACHE_VARIABLE);
    if (cache !== undefined) Deno.symlinkSync(cache, join(home, ".cache"));
    globalThis.addEventListener("unload", () => Deno.removeSync(made, { recursive: true }));
  }
  return home;
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
}
