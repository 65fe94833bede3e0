import { SinkError } from "../contract/sink.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Pulse } from "../platform/clock/pulse.ts";

/** Attempts on a sink. Each ends in time even if the sink ignores the signal. */
export class Attempts {
  /** @param pulse Is told how long an answer may take. */
  constructor(
    private readonly timeoutMs: number,
    private readonly clock: Clock,
    private readonly pulse: Pulse,
  ) {}

  /** @throws {SinkError} `timed_out` where there was no answer in time. */
  async run<T>(attempt: (signal: AbortSignal) => Promise<T>, stop: AbortSignal): Promise<T> {
    const over = new AbortController();
    const timeout = new AbortController();
    const signal = AbortSignal.any([stop, timeout.signal]);
    const { timeoutMs } = this;
    this.pulse.expect("the answer of the sink", timeoutMs);
    try {
      return await Promise.race([
        attempt(signal),
        this.clock.sleep(timeoutMs, AbortSignal.any([stop, over.signal])).then(() => {
          if (over.signal.aborted) return new Promise<never>(() => {});
          timeout.abort();
          throw new SinkError("timed_out", `no answer within ${timeoutMs / 1000} s`);
        }),
      ]);
    } finally {
      over.abort();
    }
  }
}
