import { type OutboxBatch, UnexplainedRefusal } from "../contract/sink.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Outbox } from "../state/outbox/outbox.ts";
import { refusalIn } from "./trial.ts";

/**
 * How often postponed aggregates are retried, and of how many windows. One aggregate of each window is tried.
 */
const PAUSE_MS = 60_000;
const WINDOWS = 20;

/** Aggregates that a sink has postponed and may accept now. */
export class PostponedAggregates {
  private lastMs = -Infinity;
  /** The window, by its end, at which the last round stopped. */
  private endMs = -Infinity;

  constructor(
    private readonly sink: string,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /**
   * Retries what the sink has postponed, with one aggregate of each window. The sink accepts an aggregate any
   * number of times, so this does no harm. Where the aggregate succeeds, all postponed ones of its window are
   * put back into the outbox.
   */
  async tryDue(write: (batch: OutboxBatch) => Promise<void>): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.lastMs < PAUSE_MS) return;
    this.lastMs = nowMs;
    const windows = this.outbox.postponed(this.sink, this.endMs, WINDOWS);
    this.endMs = windows.at(-1)?.windowEndMs ?? -Infinity;
    const cursor = this.outbox.cursor(this.sink);
    for (const { sample, deadLetterIds } of windows) {
      const batch = { firstId: cursor, nextId: cursor, ids: [cursor], aggregates: [sample] };
      try {
        await write(batch);
      } catch (error) {
        if (error instanceof UnexplainedRefusal || refusalIn(error)) continue;
        throw error;
      }
      this.outbox.putBack(deadLetterIds);
      this.logger.info("the sink takes what it had postponed", {
        sink: this.sink,
        aggregates: deadLetterIds.length,
      });
    }
  }
}
