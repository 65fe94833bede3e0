import type { EventBatch } from "../event/event_batch.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { OwnClock } from "../platform/clock/own_clock.ts";
import type { Logger } from "../platform/log/logger.ts";

/** How long to wait before a partition whose events are held back is read again. */
const PAUSE_MS = 2000;

/** Why events are held back, and since when. */
interface ClockFailure {
  readonly detail: string;
  /** By the monotonic clock. */
  readonly sinceMs: number;
  /** When the partitions may be asked again. */
  readonly pauseEndMs: number;
}

/** Holds back events that would be refused as `future` only because the own clock is behind. */
export class ClockGuard {
  /** Partitions whose events are held back. */
  private readonly held = new Set<number>();
  private current: ClockFailure | undefined;

  constructor(
    private readonly ownClock: OwnClock,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Undefined: nothing is held back. */
  get failure(): ClockFailure | undefined {
    return this.current;
  }

  /** Notes the time that a source has told, Unix ms. */
  heard(name: string, dateMs: number): void {
    this.ownClock.heard(name, dateMs);
  }

  /**
   * Whether a batch must not be taken in: some of its events would be refused as `future`, and the own clock
   * is wrong.
   */
  holdsBack(partition: number, batch: EventBatch, maxFutureSkewMs: number): boolean {
    const futureMs = this.clock.nowMs() + maxFutureSkewMs;
    for (let i = 0; i < batch.count; i++) {
      const eventMs = batch.timeMs[i]!;
      if (eventMs <= futureMs) continue;
      const excuse = this.ownClock.excuse(eventMs, maxFutureSkewMs);
      if (excuse === undefined) continue;
      this.isBehind(partition, excuse);
      return true;
    }
    this.isRight(partition);
    return false;
  }

  /** As {@link holdsBack}, but before a read, for a source that forgets events once it hands them out. */
  holdsUnread(partition: number, maxFutureSkewMs: number): boolean {
    const accusation = this.ownClock.accuser(maxFutureSkewMs);
    if (accusation === undefined) this.isRight(partition);
    else this.isBehind(partition, accusation);
    return accusation !== undefined;
  }

  private isBehind(partition: number, accusation: string): void {
    const nowMs = this.clock.monotonicMs();
    const detail =
      `${accusation}: events of now would be refused as future. Set the clock right (is it synchronised?); ` +
      "reading goes on by itself then";
    if (!this.current) this.logger.error(`fetching stops: ${detail}`, { cause: "clock_behind" });
    this.current = { detail, sinceMs: this.current?.sinceMs ?? nowMs, pauseEndMs: nowMs + PAUSE_MS };
    this.held.add(partition);
  }

  /** Forgets a partition that has gone away. Its events are no longer held back. */
  gone(partition: number): void {
    this.isRight(partition);
  }

  private isRight(partition: number): void {
    if (!this.held.delete(partition) || this.held.size > 0) return;
    this.current = undefined;
    this.logger.info("the clock is right again: fetching goes on");
  }
}
