const CODES: Partial<Record<Deno.Signal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** The end that the operating system asks for. */
export interface Shutdown extends Disposable {
  /** Fires at the first signal. */
  readonly signal: AbortSignal;
  /** What shells call the first signal, 128 + its number; undefined until there is one. */
  exitCode(): number | undefined;
}

/** Turns the first SIGINT or SIGTERM into an abort; the second ends the process at once. */
export function watchSignals(): Shutdown {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const watched: [Deno.Signal, () => void][] = [];
  for (const name of Object.keys(CODES) as Deno.Signal[]) {
    // Windows knows no SIGTERM.
    if (name === "SIGTERM" && Deno.build.os === "windows") continue;
    const listener = () => {
      if (controller.signal.aborted) Deno.exit(CODES[name]);
      exitCode = CODES[name];
      controller.abort();
    };
    Deno.addSignalListener(name, listener);
    watched.push([name, listener]);
  }
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    [Symbol.dispose]: () => watched.forEach(([name, listener]) => Deno.removeSignalListener(name, listener)),
  };
}
