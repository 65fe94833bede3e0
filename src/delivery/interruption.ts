import type { Clock } from "../platform/clock/clock.ts";
import type { Pulse } from "../platform/clock/pulse.ts";

/** A paused delivery shows this often that it is alive. */
const PAUSED_MS = 30_000;

/** What an operator changes while a delivery waits. Each change ends the wait. */
export class Interruption {
  /** Whether an operator has paused the delivery. */
  isPaused = false;
  private controller = new AbortController();

  /** Fires at the next change. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.changed();
  }

  changed(): void {
    this.controller.abort();
    this.controller = new AbortController();
  }

  /** Waits for the next change or one of the signals, and not for ever. */
  async sitOut(pulse: Pulse, clock: Clock, signals: readonly AbortSignal[]): Promise<void> {
    pulse.expect("the operator to resume the sink", PAUSED_MS);
    await clock.sleep(PAUSED_MS, AbortSignal.any([...signals, this.signal]));
  }
}
