import { SourceError } from "../contract/source.ts";
import { Backoff } from "../platform/clock/backoff.ts";
import type { LogFields, Logger } from "../platform/log/logger.ts";

/** Failures in a row after which `once` gives up. */
export const SETBACKS_MAX = 4;

const ANY_TIME = { retryAfterMs: undefined, retryWithinMs: Infinity };

/**
 * The failures in a row of one partition, or of opening a source. They are logged ever less often, with ever
 * longer pauses.
 */
export class Setbacks {
  private readonly backoff: Backoff;

  constructor(private readonly origin: LogFields, random: () => number, private readonly logger: Logger) {
    this.backoff = new Backoff(random);
  }

  get inARow(): number {
    return this.backoff.attempts;
  }

  /**
   * Notes a failure. Returns how long to wait before the next try, in ms.
   *
   * @param fields The position, for the log.
   */
  failed(error: Error, fields: LogFields = {}): number {
    const { retryAfterMs, retryWithinMs } = error instanceof SourceError ? error : ANY_TIME;
    const waitMs = Math.min(retryWithinMs, this.backoff.nextMs(retryAfterMs));
    if (this.backoff.shouldReport()) {
      this.logger.warn(`the bus cannot be read: ${error.message}`, {
        ...this.origin,
        ...fields,
        attempt: this.backoff.attempts,
        retry_in_seconds: Math.round(waitMs / 100) / 10,
      });
    }
    return waitMs;
  }

  over(): void {
    if (this.backoff.attempts === 0) return;
    this.logger.info("the bus answers again", this.origin);
    this.backoff.reset();
  }
}
