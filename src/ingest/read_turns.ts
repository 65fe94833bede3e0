import type { PartitionId } from "../contract/source.ts";
import { EventBatch } from "../event/event_batch.ts";
import type { Clock } from "../platform/clock/clock.ts";

/**
 * Partitions of a source that are read at once. Where there are more, they take turns, and reads do not wait
 * at the source.
 */
const READS_MAX = 64;
/** Precision of the pauses where partitions take turns. */
const REST_STEP_MS = 20;
/** Reads per second, in all, of partitions that have had nothing for a while. */
const LOOKS_PER_SECOND = 1000;

/**
 * Lets all partitions of a source be read at once while they are few. Where they are many, a bounded number
 * is read at once: the others wait for their turn in order, and idle ones pause, all by one timer. Each turn
 * has a batch to read into, so that there are no more batches than reads at once.
 */
export class ReadTurns {
  /** Partitions that are to be read. */
  count = 0;
  private taken = 0;
  private readonly waiting: ((batch: EventBatch) => void)[] = [];
  private readonly spare: EventBatch[] = [];
  /** Partitions for which something has arrived since their last read began, while they did not pause. */
  private readonly arrivals = new Set<PartitionId>();
  private readonly resting = new Map<PartitionId, { readonly endMs: number; readonly end: () => void }>();
  private isTicking = false;

  constructor(private readonly clock: Clock, private readonly readsMax = READS_MAX) {}

  /** Whether there are so many partitions that they take turns. */
  get areShared(): boolean {
    return this.count > this.readsMax;
  }

  /** The longest pause of an idle partition, ms: `ms`, or longer where many partitions take turns. */
  longestRest(ms: number): number {
    return this.areShared ? Math.max(ms, this.count * 1000 / LOOKS_PER_SECOND) : ms;
  }

  /** Resolves when it is the turn of a partition. The reader {@link give}s the turn back. */
  async take(id: PartitionId): Promise<EventBatch> {
    const batch = this.taken < this.readsMax
      ? this.begin()
      : await new Promise<EventBatch>((resolve) => this.waiting.push(resolve));
    this.arrivals.delete(id);
    return batch;
  }

  private begin(): EventBatch {
    this.taken++;
    return this.spare.pop() ?? new EventBatch();
  }

  give(batch: EventBatch): void {
    const next = this.waiting.shift();
    if (next) return next(batch);
    this.taken--;
    this.spare.push(batch);
  }

  /**
   * Resolves after `ms`, at once when the signal fires, and where turns are shared when something has
   * {@link arrived}.
   */
  async rest(id: PartitionId, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.areShared) return await this.clock.sleep(ms, signal);
    if (signal.aborted || this.arrivals.has(id)) return;
    await new Promise<void>((end) => {
      this.resting.set(id, { endMs: this.clock.monotonicMs() + ms, end });
      if (!this.isTicking) void this.tick();
    });
  }

  /** Ends the pause of a partition. */
  arrived(id: PartitionId): void {
    const rest = this.resting.get(id);
    if (rest === undefined && this.areShared) this.arrivals.add(id);
    rest?.end();
    this.resting.delete(id);
  }

  /** Forgets a partition that has gone away, and ends its pause. */
  gone(id: PartitionId): void {
    this.arrived(id);
    this.arrivals.delete(id);
  }

  /** Ends all pauses. */
  arrivedAll(): void {
    for (const id of [...this.resting.keys()]) this.arrived(id);
  }

  private async tick(): Promise<void> {
    this.isTicking = true;
    while (this.resting.size > 0) {
      await this.clock.sleep(REST_STEP_MS, NEVER);
      const nowMs = this.clock.monotonicMs();
      for (const [id, { endMs }] of this.resting) if (endMs <= nowMs) this.arrived(id);
    }
    this.isTicking = false;
  }
}

const NEVER = new AbortController().signal;
