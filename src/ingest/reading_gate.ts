import type { Clock } from "../platform/clock/clock.ts";
import type { Pulse } from "../platform/clock/pulse.ts";
import { amount } from "../platform/log/amount.ts";
import type { StateError } from "../state/file/state_error.ts";
import type { OutboxLog } from "../state/outbox/outbox_log.ts";
import type { ClockGuard } from "./clock_guard.ts";
import { listed } from "./listed.ts";
import type { SourceState } from "./partition_state.ts";

/** Everything that keeps all sources from being read. */
export const OBSTACLES = [
  "state_not_writable",
  "state_gone",
  "state_disputed",
  "outbox_full",
  "clock_behind",
] as const;

/** Why nothing is fetched, as a code and as text for the operator. */
export interface Obstacle {
  readonly name: typeof OBSTACLES[number] | "source_paused";
  readonly detail: string;
}

/** How long `once` waits for room in the outbox or on the disk. */
export const DRAIN_PATIENCE_MS = 30_000;
const TICK_MS = 100;

/** Stops the readers while there is an obstacle. */
export class ReadingGate {
  /** Why the state cannot be written; undefined when it can. */
  stateFailure: StateError | undefined;

  constructor(
    private readonly outbox: OutboxLog,
    private readonly clockGuard: ClockGuard,
    private readonly clock: Clock,
    private readonly outboxMaxRows: () => number,
  ) {}

  /** Undefined while reading goes on. */
  get obstacle(): Obstacle | undefined {
    if (this.stateFailure) {
      const { kind, message } = this.stateFailure;
      return { name: kind === "gone" ? "state_gone" : "state_not_writable", detail: message };
    }
    // Events that this handler reads and acknowledges would be missing in the other one.
    const { dispute } = this.outbox;
    if (dispute !== undefined) return { name: "state_disputed", detail: dispute };
    const pending = this.outbox.pendingCount();
    if (pending >= this.outboxMaxRows()) {
      const waiting = amount(pending, "aggregate waits", "aggregates wait");
      const sinks = listed(this.outbox.slowestSinks());
      return { name: "outbox_full", detail: `${waiting} for ${sinks} (OUTBOX_MAX_ROWS)` };
    }
    const { failure } = this.clockGuard;
    return failure && { name: "clock_behind", detail: failure.detail };
  }

  /**
   * Resolves when reading a source may go on or when the signal fires. Resolves with the obstacle where it
   * has lasted for longer than the patience; a pause by an operator is not waited for then.
   *
   * @param pulse Pulse of the loop that waits.
   * @param patience Start of the loop, by the monotonic clock, and how long it waits for one obstacle.
   */
  async pass(
    source: Pick<SourceState, "isPaused" | "name">,
    signal: AbortSignal,
    pulse: Pulse,
    patience = { sinceMs: -Infinity, ms: Infinity },
  ): Promise<Obstacle | undefined> {
    const startedMs = this.clock.monotonicMs();
    const obstacleNow = () => this.obstacle ?? pauseOf(source);
    for (let obstacle = obstacleNow(); obstacle && !signal.aborted; obstacle = obstacleNow()) {
      if (obstacle.name === "source_paused" && patience.ms < Infinity) return obstacle;
      const nowMs = this.clock.monotonicMs();
      const clockFailure = obstacle.name === "clock_behind" ? this.clockGuard.failure : undefined;
      // Only another try shows whether the clock is right. So the time of all tries together counts.
      const sinceMs = clockFailure ? Math.max(clockFailure.sinceMs, patience.sinceMs) : startedMs;
      if (nowMs - sinceMs >= patience.ms) return obstacle;
      if (clockFailure && nowMs >= clockFailure.pauseEndMs) return undefined;
      pulse.expect(obstacle.name, TICK_MS);
      await this.clock.sleep(TICK_MS, signal);
    }
    return undefined;
  }
}

function pauseOf({ isPaused, name }: Pick<SourceState, "isPaused" | "name">): Obstacle | undefined {
  return isPaused ? { name: "source_paused", detail: `${name}: an operator has paused it` } : undefined;
}
