/** Runs Deno in a tree, one process at a time. */

/** Only a wait for what never comes takes so long: tests themselves give up after five minutes. */
const WALL_LIMIT_MS = 900_000;
/** An endless loop that collects something must not take the machine's memory. */
const HEAP_LIMIT = "--v8-flags=--max-old-space-size=1024";
/** The shell becomes the program. */
const LIMITED = 'ulimit -t "$1" && shift && exec "$@"';

export type Ending = "passed" | "failed" | "endless";

export class DenoChildren {
  constructor(
    private readonly tree: string,
    private readonly temporary: string,
    private readonly cpuLimitSeconds: number,
    /** Ends the process that runs. */
    private readonly signal: AbortSignal,
  ) {}

  /** `deno test` or `deno run`, without a look at types. */
  async run([command, ...args]: readonly string[]): Promise<Ending> {
    const deno = [Deno.execPath(), command!, "--allow-all", "--no-check", HEAP_LIMIT, ...args];
    const late = AbortSignal.timeout(WALL_LIMIT_MS);
    const { success, signal } = await this.command(
      "sh",
      ["-c", LIMITED, "sh", `${this.cpuLimitSeconds}`, ...deno],
      AbortSignal.any([this.signal, late]),
    ).spawn().status;
    this.signal.throwIfAborted();
    if (late.aborted || signal === "SIGKILL" || signal === "SIGXCPU") return "endless";
    return success ? "passed" : "failed";
  }

  /** What Deno prints; undefined when it fails. */
  async output(args: readonly string[]): Promise<string | undefined> {
    const { success, stdout } = await this.command(Deno.execPath(), args, this.signal, "piped").output();
    this.signal.throwIfAborted();
    return success ? new TextDecoder().decode(stdout) : undefined;
  }

  /** What Deno complains of, without colours; empty: nothing. */
  async complaints(args: readonly string[]): Promise<string> {
    const command = this.command(Deno.execPath(), args, this.signal, "null", "piped");
    const { success, stderr } = await command.output();
    this.signal.throwIfAborted();
    return success ? "" : new TextDecoder().decode(stderr) || "it failed without a word";
  }

  private command(
    program: string,
    args: readonly string[],
    signal: AbortSignal,
    stdout: "null" | "piped" = "null",
    stderr: "null" | "piped" = "null",
  ): Deno.Command {
    return new Deno.Command(program, {
      args: [...args],
      cwd: this.tree,
      env: { TMPDIR: this.temporary, NO_COLOR: "1" },
      stdin: "null",
      stdout,
      stderr,
      signal,
      // Ctrl-C in the terminal is for us.
      detached: true,
    });
  }
}
