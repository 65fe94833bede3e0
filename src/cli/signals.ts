const CODES: Partial<Record<Deno.Signal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** The end that the operating system asks for, and what else it says. */
export interface Shutdown {
  /** Fires at the first signal. */
  readonly signal: AbortSignal;
  readonly hangups: Hangups;
  /** What shells call the first signal, 128 + its number; undefined until there is one. */
  exitCode(): number | undefined;
}

/** The SIGHUPs of a service: somebody wants its settings read again. */
export class Hangups {
  private isPending = false;
  private wake = (): void => {};

  /** Resolves once there was one that no earlier call has answered, or the signal fires. Several at once count as one. */
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
 * Turns the first SIGINT or SIGTERM into an abort; the second ends the process at once. It stays so until the process ends:
 * without a listener, a signal in the last moment would make a failure of a success.
 *
 * SIGHUP has two meanings. It wants a service to read its settings again; where the terminal has gone that the service was started
 * on, it wants its end. Any other command is ended by it, unless it was started to outlive its terminal, as by nohup.
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
  // Sent by mistake, as by a configuration of logrotate that was made for another program, they change nothing.
  listen("SIGUSR1", () => {});
  listen("SIGUSR2", () => {});
  return { signal: controller.signal, hangups, exitCode: () => exitCode };
}

function listen(name: Deno.Signal, heard: () => void): void {
  // Windows knows but one of them.
  if (name !== "SIGINT" && Deno.build.os === "windows") return;
  Deno.addSignalListener(name, heard);
}

/** Whether the arguments, which nobody has read yet, are those of `run`: the command that is meant where there is none. */
function isService([first]: readonly string[]): boolean {
  return first === undefined || first === "run" || first.startsWith("-");
}

function isOnTerminal(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
}

/** Watched as soon as this module is loaded, which is why `main.ts` imports it first. */
export const shutdown = watchSignals(Deno.args);
