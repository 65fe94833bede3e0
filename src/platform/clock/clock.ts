/** Time, as a parameter, so that a simulated clock can drive a whole run. */
export interface Clock {
  /** Wall clock, Unix ms; may jump. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never jumps. For durations. */
  monotonicMs(): number;
  /**
   * Resolves after `ms`, or at once when the signal fires. Never rejects. Where `ms` is 0, whatever waits for
   * the event loop has a turn.
   */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
    }),
};
