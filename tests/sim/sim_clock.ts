import type { Clock } from "../../src/platform/clock/clock.ts";
import { type Lifetime, never, type Scheduler } from "./scheduler.ts";

/** When simulations begin: Unix ms, the start of an hour. */
export const EPOCH_MS = 1_700_002_800_000;

/** The wall clock of the simulated host: true time, and how wrong the clock is. */
export class WallClock {
  /** How wrong it was set, and when. */
  private readonly settings: { readonly atMs: number; readonly aheadMs: number }[] = [{
    atMs: -Infinity,
    aheadMs: 0,
  }];

  constructor(private readonly scheduler: Scheduler) {}

  /** True time, Unix ms: what devices stamp their events by. */
  get trueMs(): number {
    return Math.floor(EPOCH_MS + this.scheduler.nowMs);
  }

  get nowMs(): number {
    return this.trueMs + this.settings.at(-1)!.aheadMs;
  }

  /** From now on it is ahead of the truth by so much; negative: behind. */
  setAhead(aheadMs: number): void {
    this.settings.push({ atMs: this.scheduler.nowMs, aheadMs });
  }

  /** The least and the most that it has been ahead since a moment of simulated time. */
  aheadSince(fromMs: number): { readonly least: number; readonly most: number } {
    const before = this.settings.findLastIndex(({ atMs }) => atMs < fromMs);
    const offsets = this.settings.slice(Math.max(0, before)).map(({ aheadMs }) => aheadMs);
    return { least: Math.min(...offsets), most: Math.max(...offsets) };
  }
}

/**
 * The clocks as one process sees them: the wall clock may jump, the monotonic one begins with the process.
 */
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
