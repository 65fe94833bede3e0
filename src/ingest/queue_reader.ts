import type { Logger } from "../platform/log/logger.ts";
import { EventBatch } from "../event/event_batch.ts";
import { scanEvent } from "../codec/event_scanner.ts";
import { SourceError } from "../contract/source.ts";
import type { QueueSource } from "../sources/vabus/queue_client.ts";
import { Backoff } from "../platform/clock/backoff.ts";
import type { DrainResult } from "./bus_reader.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import { REQUEST_MAX_MS } from "../sources/vabus/bus_connection.ts";
import { DRAIN_PATIENCE_MS, type Ingest } from "./ingest.ts";

const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;
const DRAIN_ATTEMPTS = 4;
/** How often the bus is asked for the time. */
const TIME_INTERVAL_MS = 60_000;

/**
 * Reads a bus that forgets each event as it hands it out. So each event is in a committed checkpoint before the next one is
 * asked for; while the state cannot be written, none is.
 */
export class QueueReader {
  readonly pulse: Pulse;
  private readonly batch = new EventBatch();
  private readonly backoff: Backoff;
  private pauseMs = FIRST_PAUSE_MS;
  private askTimeAtMs = -Infinity;

  constructor(
    private readonly source: QueueSource,
    private readonly bus: number,
    private readonly ingest: Ingest,
    private readonly clock: Clock,
    random: () => number,
    private readonly logger: Logger,
  ) {
    this.backoff = new Backoff(random);
    this.pulse = new Pulse(clock);
  }

  /** Reads until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedMs = this.clock.monotonicMs();
      if (await this.step(signal) !== "empty") continue;
      this.pulse.expect("the next look at the queue", this.pauseMs);
      await this.clock.sleep(this.pauseMs, signal);
      this.pauseMs = Math.min(MAX_PAUSE_MS, this.pauseMs * 2);
      this.ingest.pollWasEmpty(this.bus, this.clock.monotonicMs() - startedMs);
    }
    this.pulse.end();
  }

  /** Reads until the bus has nothing more, and then counts as idle; gives up when it is out of reach or nothing may be fetched. */
  async drain(signal: AbortSignal): Promise<DrainResult> {
    const patience = { sinceMs: this.clock.monotonicMs(), ms: DRAIN_PATIENCE_MS };
    while (!signal.aborted) {
      const obstacle = await this.ingest.mayFetch(signal, this.pulse, patience);
      if (obstacle) return { drained: false, reason: obstacle.detail };
      const outcome = await this.step(signal);
      if (outcome === "empty") {
        this.ingest.setIdle(this.bus);
        return { drained: true };
      }
      if (outcome === "failed" && this.backoff.attempts >= DRAIN_ATTEMPTS) {
        return {
          drained: false,
          reason: this.ingest.buses[this.bus]!.failure ?? `${this.source.name}: out of reach`,
        };
      }
    }
    return { drained: false, reason: `${this.source.name}: stopped` };
  }

  /** A queue knows no acknowledgement. */
  acknowledge(): Promise<void> {
    return Promise.resolve();
  }

  private async step(signal: AbortSignal): Promise<"event" | "empty" | "held" | "failed"> {
    await this.ingest.mayFetch(signal, this.pulse);
    if (signal.aborted) return "failed";
    this.pulse.expect("the answer of the bus", REQUEST_MAX_MS);
    let body: Uint8Array | undefined;
    try {
      if (!await this.isTimeKnown(signal)) return "held";
      if (signal.aborted) return "failed";
      // Not cut short at shutdown: an answer that is on its way holds an event that the bus has already forgotten.
      body = await this.source.take(new AbortController().signal);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      await this.fail(error, signal);
      return "failed";
    }
    this.ingest.pollSucceeded(this.bus);
    this.backoff.reset();
    if (body === undefined) return "empty";
    this.pauseMs = FIRST_PAUSE_MS;
    this.take(body);
    while (!this.ingest.checkpointNow()) {
      this.pulse.expect("the state to be writable", MAX_PAUSE_MS);
      await this.clock.sleep(MAX_PAUSE_MS, new AbortController().signal);
    }
    return "event";
  }

  /** What the bus hands out cannot be held back: whether the clock is right has to be known before. */
  private async isTimeKnown(signal: AbortSignal): Promise<boolean> {
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.askTimeAtMs) {
      // Whether the bus is there at all turns out when it is asked for an event.
      const dateMs = await this.source.time(signal).catch(() => undefined);
      this.ingest.heardTime(this.bus, dateMs);
      this.askTimeAtMs = nowMs + TIME_INTERVAL_MS;
    }
    if (!this.ingest.holdsQueue(this.bus)) return true;
    this.askTimeAtMs = -Infinity;
    return false;
  }

  private take(body: Uint8Array): void {
    this.ingest.measured(() => {
      scanEvent(body, this.batch);
      this.ingest.accept(this.bus, this.batch, undefined, undefined);
    });
  }

  private async fail(error: SourceError, signal: AbortSignal): Promise<void> {
    this.ingest.pollFailed(this.bus, error.message);
    const waitMs = this.backoff.nextMs(error.retryAfterMs);
    if (this.backoff.shouldReport()) {
      this.logger.warn(`the bus cannot be read: ${error.message}`, {
        bus: this.source.name,
        attempt: this.backoff.attempts,
      });
    }
    this.pulse.expect("the next try to reach the bus", waitMs);
    await this.clock.sleep(waitMs, signal);
  }
}
