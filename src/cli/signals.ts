const CODES: Partial<Record<Deno.Signal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** The end that the operating system asks for. */
export interface Shutdown {
  /** Fires at the first signal. */
  readonly signal: AbortSignal;
  /** What shells call the first signal, 128 + its number; undefined until there is one. */
  exitCode(): number | undefined;
}

/**
 * Turns the first SIGINT or SIGTERM into an abort; the second ends the process at once. It stays so until the process ends:
 * without a listener, a signal in the last moment would make a failure of a success.
 */
function watchSignals(): Shutdown {
  const controller = new AbortController();
  let exitCode: number | undefined;
  for (const name of Object.keys(CODES) as Deno.Signal[]) {
    // Windows knows no SIGTERM.
    if (name === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(name, () => {
      if (controller.signal.aborted) Deno.exit(CODES[name]);
      exitCode = CODES[name];
      controller.abort();
    });
  }
  return { signal: controller.signal, exitCode: () => exitCode };
}

/** Watched as soon as this module is loaded, which is why `main.ts` imports it first. */
export const shutdown = watchSignals();
