import { SinkError } from "../contract/sink.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Pulse } from "../platform/clock/pulse.ts";
import { isWaitedOut } from "../state/file/state_error.ts";

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

/**
 * Classifies an error of an attempt. Where the state is unwritable for a while, so that a dead letter cannot
 * be stored, the delivery waits as for a sink that cannot be reached. Other errors are thrown.
 */
export function asFailure(error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  if (isWaitedOut(error)) return new SinkError("unavailable", error.message);
  throw error;
}
