import type { SinkError } from "../contract/sink.ts";
import { Backoff } from "../platform/clock/backoff.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";

/** Failures in a row that open the circuit breaker. */
const BREAKER_FAILURES = 5;
const MISCONFIGURED_PAUSE_MS = 30_000;
/** Failures in a row after which a delivery that is to finish gives up. */
const FINISHING_ATTEMPTS = 3;

/**
 * - `starting`: not opened yet.
 * - `delivering`: open, and the last attempt succeeded.
 * - `failing`: the last attempts failed; retried soon.
 * - `broken`: the circuit breaker is open: one attempt from time to time, with one batch.
 * - `misconfigured`: an operator has to change something; retried slowly.
 */
export type DeliveryState = "starting" | "delivering" | "failing" | "broken" | "misconfigured";

/** The state of the delivery to a sink, and how long it waits before another attempt. */
export class Standing {
  private readonly backoff: Backoff;
  private failure: SinkError | undefined;
  private hasOpened = false;
  private deliveredMs: number | undefined;
  private firstFailedMs: number | undefined;
  /** Failures in a row since finishing began. */
  private finishingFailures = 0;

  constructor(
    private readonly sink: string,
    private readonly clock: Clock,
    random: () => number,
    private readonly logger: Logger,
  ) {
    this.backoff = new Backoff(random);
  }

  get state(): DeliveryState {
    if (this.failure === undefined) return this.hasOpened ? "delivering" : "starting";
    if (this.failure.kind === "misconfigured") return "misconfigured";
    return this.backoff.attempts >= BREAKER_FAILURES ? "broken" : "failing";
  }

  /** Why the last attempt failed; undefined when it did not. */
  get error(): string | undefined {
    return this.failure?.message;
  }

  /** When the first of its failures in a row was, Unix ms; undefined: the last attempt did not fail. */
  get failingSinceMs(): number | undefined {
    return this.firstFailedMs;
  }

  /** When the sink last took aggregates, Unix ms; undefined: not since the start of the process. */
  get lastDeliveryMs(): number | undefined {
    return this.deliveredMs;
  }

  /** The sink has taken aggregates. */
  delivered(): void {
    this.deliveredMs = this.clock.nowMs();
  }

  succeeded(): void {
    if (this.failure !== undefined) this.logger.info("the sink works again", { sink: this.sink });
    this.failure = this.firstFailedMs = undefined;
    this.hasOpened = true;
    this.finishingFailures = 0;
    this.backoff.reset();
  }

  /**
   * Returns how long to wait before another attempt, in ms; undefined: there is none, since a finishing
   * delivery gives up.
   */
  failed(error: SinkError, isFinishing: boolean): number | undefined {
    const isNews = this.failure?.message !== error.message;
    this.failure = error;
    this.firstFailedMs ??= this.clock.nowMs();
    const isMisconfigured = error.kind === "misconfigured";
    const pauseMs = this.backoff.nextMs(isMisconfigured && !isFinishing ? MISCONFIGURED_PAUSE_MS : 0);
    if (isNews || this.backoff.shouldReport()) {
      this.logger[isMisconfigured ? "error" : "warn"](`cannot deliver: ${error.message}`, {
        sink: this.sink,
        attempt: this.backoff.attempts,
        retry_in_seconds: Math.round(pauseMs / 100) / 10,
      });
    }
    const givesUp = isFinishing && (++this.finishingFailures >= FINISHING_ATTEMPTS || isMisconfigured);
    return givesUp ? undefined : pauseMs;
  }

  /** Resets the failures: another sink has taken over. */
  startAnew(): void {
    this.backoff.reset();
  }
}
