import { systemClock } from "../platform/clock/clock.ts";
import type { HostPort } from "../settings/value_type.ts";
import { DemoError } from "./demo_error.ts";

/** How the handler is started. */
export interface HandlerLaunch {
  /** The program and all of its arguments. */
  readonly command: readonly [path: string, ...args: string[]];
  readonly environment: Readonly<Record<string, string>>;
  /** Where it listens once it has started. */
  readonly addresses: readonly HostPort[];
}

const POLL_MS = 50;
/** The rest between a kill and the next start, as a service manager makes it. */
const RESTART_MS = 2000;
/** A handler that is told to end delivers for 8 s at most. */
const END_MS = 20_000;
/** Signals by which a user ends a program in order. */
const ENDING: readonly (Deno.Signal | null)[] = ["SIGHUP", "SIGINT", "SIGTERM"];

/**
 * The handler of the demo: a process of its own, which is started again whenever it was killed, as a service
 * manager does it. Its stdin is a pipe of this process and means: go on. So it also ends when this process is
 * killed.
 */
export class HandlerProcess {
  private child: Deno.ChildProcess | undefined;
  private running: number | undefined;

  constructor(private readonly launch: HandlerLaunch) {}

  /** The process, once it listens; undefined: it does not, or no longer. */
  get pid(): number | undefined {
    return this.running;
  }

  /**
   * Keeps it running until the signal fires, or until somebody else has ended it in order.
   *
   * @throws {DemoError} It cannot be started, or has ended by itself.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const status = await this.runOnce(signal);
        if (status === undefined || status.code === 0 || ENDING.includes(status.signal)) return;
        if (status.signal === null) {
          throw new DemoError(
            `The demo's handler has ended by itself, with exit code ${status.code}. ` +
              "What it said stands above.",
          );
        }
        await systemClock.sleep(RESTART_MS, signal);
      }
    } finally {
      await this.end();
    }
  }

  /** Resolves when it listens, or when the signal fires. */
  async up(signal: AbortSignal): Promise<void> {
    while (this.running === undefined && !signal.aborted) await systemClock.sleep(POLL_MS, signal);
  }

  /** Ends it as `kill -9` does. Resolves when it is gone; it is started again after a rest. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    sendKill(child);
    await child.status;
  }

  /** Starts it. Resolves when it has ended; undefined: the signal fires before that. */
  private async runOnce(signal: AbortSignal): Promise<Deno.CommandStatus | undefined> {
    const child = this.child = this.spawn();
    const ended = new AbortController();
    const status = child.status.then((status) => {
      this.running = undefined;
      if (this.child === child) this.child = undefined;
      ended.abort();
      return status;
    });
    const over = AbortSignal.any([signal, ended.signal]);
    if (await this.isListening(over)) this.running = child.pid;
    await fired(over);
    return ended.signal.aborted ? await status : undefined;
  }

  private spawn(): Deno.ChildProcess {
    const { command: [path, ...args], environment } = this.launch;
    try {
      return new Deno.Command(path, {
        args,
        clearEnv: true,
        env: environment,
        stdin: "piped",
        stdout: "null",
      })
        .spawn();
    } catch (error) {
      throw new DemoError(
        `The demo cannot start its handler, ${path}: ${(error as Error).message.split("\n")[0]}.`,
      );
    }
  }

  /** Waits until it listens everywhere. False: the signal has fired before that. */
  private async isListening(signal: AbortSignal): Promise<boolean> {
    for (const address of this.launch.addresses) {
      while (!signal.aborted && !await answers(address)) await systemClock.sleep(POLL_MS, signal);
    }
    return !signal.aborted;
  }

  /** Tells it to end, and waits until it has ended. */
  private async end(): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    const ended = new AbortController();
    const gone = child.status.then(() => ended.abort());
    try {
      await child.stdin.close();
    } catch {
      // It has ended, and its end of the pipe with it.
    }
    await systemClock.sleep(END_MS, ended.signal);
    if (!ended.signal.aborted) sendKill(child);
    await gone;
  }
}

function sendKill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has just ended.
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function answers({ hostname, port }: HostPort): Promise<boolean> {
  try {
    (await Deno.connect({ hostname, port })).close();
    return true;
  } catch {
    return false;
  }
}

function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
