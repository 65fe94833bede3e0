import { SourceError } from "../contract/source.ts";
import { Backoff } from "../platform/clock/backoff.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Ingest } from "./ingest.ts";

/** Failures in a row after which a run that is to end by itself gives up. */
export const SETBACKS_MAX = 4;

/** The failures of one partition: told to ingest, logged ever less often, waited out ever longer. */
export class Setbacks {
  private readonly backoff: Backoff;

  constructor(
    /** The partition's number in ingest. */
    private readonly number: number,
    private readonly ingest: Ingest,
    private readonly clock: Clock,
    random: () => number,
    private readonly logger: Logger,
  ) {
    this.backoff = new Backoff(random);
  }

  get inARow(): number {
    return this.backoff.attempts;
  }

  /** @param pulse Of the loop that waits. */
  async wait(error: Error, pulse: Pulse, signal: AbortSignal): Promise<void> {
    const { name, progress } = this.ingest.partitions[this.number]!;
    this.ingest.readFailed(this.number, error.message);
    const waitMs = this.backoff.nextMs(error instanceof SourceError ? error.retryAfterMs : undefined);
    if (this.backoff.shouldReport()) {
      this.logger.warn(`the bus cannot be read: ${error.message}`, {
        bus: name,
        offset: progress.position,
        attempt: this.backoff.attempts,
        retry_in_seconds: Math.round(waitMs / 100) / 10,
      });
    }
    pulse.expect("the next try to reach the bus", waitMs);
    await this.clock.sleep(waitMs, signal);
  }

  over(): void {
    if (this.backoff.attempts === 0) return;
    this.logger.info("the bus answers again", { bus: this.ingest.partitions[this.number]!.name });
    this.backoff.reset();
  }
}
