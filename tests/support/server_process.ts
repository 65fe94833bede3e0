import { setTimeout as delay } from "node:timers/promises";
import { PATIENCE_MS } from "./executable.ts";

const POLL_INTERVAL_MS = 50;

/**
 * Runs a program that cannot outlive this process. Our end of its stdin pipe closes with this process,
 * however that dies. The watcher then kills the program, which has taken over the shell's process id by
 * `exec`.
 */
const LAUNCHER =
  'exec 3<&0; (cat <&3 >/dev/null; kill -KILL $$ 2>/dev/null) & exec 3<&-; exec "$@" </dev/null ' +
  '>>"$SERVER_LOG" 2>&1';

export interface ServerProcessOptions {
  readonly command: readonly string[];
  readonly env?: Record<string, string>;
  readonly logFile: string;
  /** The signal that stops the program cleanly. */
  readonly stopSignal: Deno.Signal;
  /** True once the server answers. */
  readonly isReady: () => Promise<boolean>;
}

/**
 * A server program that can be started, stopped, killed and frozen, again and again, on the same port and
 * data.
 */
export class ServerProcess {
  private child: Deno.ChildProcess | undefined;

  constructor(private readonly options: ServerProcessOptions) {}

  /** @throws when it is not running. */
  get pid(): number {
    if (this.child === undefined) throw new Error("The server is not running.");
    return this.child.pid;
  }

  /** Resolves when the server answers; throws with the end of its log when it exits before that. */
  async start(): Promise<void> {
    const child = new Deno.Command("sh", {
      args: ["-c", LAUNCHER, "sh", ...this.options.command],
      env: { ...this.options.env, SERVER_LOG: this.options.logFile },
      stdin: "piped",
      stdout: "null",
      stderr: "inherit",
      // Ctrl-C in the terminal must not reach the server. The process that started it ends it.
      detached: true,
    }).spawn();
    this.child = child;
    let hasExited = false;
    child.status.then(() => hasExited = true);
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!await this.options.isReady()) {
      if (hasExited || performance.now() > deadlineMs) {
        await this.kill();
        const log = await Deno.readTextFile(this.options.logFile).catch(() => "");
        throw new Error(`${this.options.command[0]} did not start:\n${withoutFrames(log).slice(-2000)}`);
      }
      await delay(POLL_INTERVAL_MS);
    }
  }

  /** Stops it cleanly, or kills it when that takes too long. */
  async stop(): Promise<void> {
    await this.end(this.options.stopSignal);
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /**
   * `kill -9` of the server and all its children at one moment. What the kernel has by then is kept, unlike
   * at a power cut.
   */
  async crash(): Promise<void> {
    await this.pause();
    await this.signalAll("SIGKILL");
    await this.end("SIGKILL");
  }

  /** Freezes the server and its children: connections stay open, nothing answers. */
  async pause(): Promise<void> {
    await this.signalAll("SIGSTOP");
  }

  async resume(): Promise<void> {
    await this.signalAll("SIGCONT");
  }

  private async end(signal: Deno.Signal): Promise<void> {
    const child = this.child;
    if (child === undefined) return;
    this.child = undefined;
    await signalTree(child.pid, "SIGCONT");
    sendSignal(child.pid, signal);
    const timer = setTimeout(() => sendSignal(child.pid, "SIGKILL"), PATIENCE_MS);
    await child.status;
    clearTimeout(timer);
    await child.stdin.close().catch(() => {});
  }

  private async signalAll(signal: Deno.Signal): Promise<void> {
    await signalTree(this.pid, signal);
  }
}

/** Children too: each PostgreSQL backend is a session of its own, so a process group would not reach them. */
async function signalTree(pid: number, signal: Deno.Signal): Promise<void> {
  const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  for (const process of [pid, ...children.split(" ").filter(Boolean).map(Number)]) {
    sendSignal(process, signal);
  }
}

function sendSignal(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The frames of Java's stacks hide what has happened. */
function withoutFrames(log: string): string {
  return log.split("\n").filter((line) => !/^\s+at /.test(line)).join("\n");
}
