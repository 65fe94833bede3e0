import type { Clock } from "../../src/clock/clock.ts";
import { type Lifetime, never, type Scheduler } from "./scheduler.ts";

/** When simulations begin: Unix ms, the start of an hour. */
export const EPOCH_MS = 1_700_002_800_000;

/** The clock on the wall of the simulated host: true time, and how wrong it is. */
export class WallClock {
  /** By how much it is ahead. */
  offsetMs = 0;

  constructor(private readonly scheduler: Scheduler) {}

  /** True time, Unix ms: what devices stamp their events by. */
  get trueMs(): number {
    return Math.floor(EPOCH_MS + this.scheduler.nowMs);
  }

  get nowMs(): number {
    return this.trueMs + this.offsetMs;
  }
}

/** The clocks as one process sees them: the wall clock may jump, the monotonic one begins with the process. */
export class SimClock implements Clock {
  private readonly startMs: number;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly wall: WallClock,
    private readonly lifetime: Lifetime,
  ) {
    this.startMs = scheduler.nowMs;
  }

  nowMs = (): number => this.wall.nowMs;

  monotonicMs = (): number => this.scheduler.nowMs - this.startMs;

  sleep = (ms: number, signal: AbortSignal): Promise<void> => {
    if (this.lifetime.isOver) return never();
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const callOff = this.scheduler.after(ms, () => {
        signal.removeEventListener("abort", wake);
        resolve();
      }, this.lifetime);
      const wake = () => {
        callOff();
        if (!this.lifetime.isOver) resolve();
      };
      signal.addEventListener("abort", wake, { once: true });
    });
  };
}
