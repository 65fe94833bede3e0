const CODES: Partial<Record<Deno.Signal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** The signals of the operating system. */
export interface Shutdown {
  /** Fires at the first signal. */
  readonly signal: AbortSignal;
  readonly hangups: Hangups;
  /** The exit code for the first signal, 128 + its number; undefined until there is one. */
  exitCode(): number | undefined;
}

/** The SIGHUPs of a service, each of which asks it to read its settings again. */
export class Hangups {
  private isPending = false;
  private wake = (): void => {};

  /**
   * Resolves at the next SIGHUP that no earlier call has returned, or when the signal fires. Several at once
   * count as one.
   */
  async next(signal: AbortSignal): Promise<void> {
    if (!this.isPending && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    this.isPending = false;
  }

  add(): void {
    this.isPending = true;
    this.wake();
  }
}

/**
 * Turns the first SIGINT or SIGTERM into an abort; the second ends the process at once. The listeners stay
 * until the process ends: without them, a signal in the last moment would turn a success into a failure.
 *
 * SIGHUP has two meanings. It asks a service to read its settings again, and it ends a service whose terminal
 * has gone. It ends any other command, unless the command was started to outlive its terminal, as by nohup.
 */
function watchSignals(args: readonly string[]): Shutdown {
  const controller = new AbortController();
  const hangups = new Hangups();
  let exitCode: number | undefined;
  const end = (name: Deno.Signal) => {
    if (controller.signal.aborted) Deno.exit(CODES[name]);
    exitCode = CODES[name];
    controller.abort();
  };
  listen("SIGINT", () => end("SIGINT"));
  listen("SIGTERM", () => end("SIGTERM"));
  if (isService(args)) {
    const wasOnTerminal = isOnTerminal();
    listen("SIGHUP", () => wasOnTerminal && !isOnTerminal() ? end("SIGHUP") : hangups.add());
  }
  // Ignored: they may be sent by mistake, as by a logrotate configuration for another program.
  listen("SIGUSR1", () => {});
  listen("SIGUSR2", () => {});
  // Ignored, so that a write beyond `ulimit -f` fails, as one to a full disk does.
  listen("SIGXFSZ", () => {});
  return { signal: controller.signal, hangups, exitCode: () => exitCode };
}

function listen(name: Deno.Signal, heard: () => void): void {
  // Of these signals, Windows has SIGINT only.
  if (name !== "SIGINT" && Deno.build.os === "windows") return;
  Deno.addSignalListener(name, heard);
}

/** Whether the unparsed arguments are those of `run`, which is the default command. */
function isService([first]: readonly string[]): boolean {
  return first === undefined || first === "run" || first.startsWith("-");
}

function isOnTerminal(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
}

/** The signals are watched as soon as this module is loaded. So `main.ts` imports it first. */
export const shutdown = watchSignals(Deno.args);
