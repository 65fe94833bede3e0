import type { Clock } from "../../src/platform/clock/clock.ts";
import { Delivery } from "../../src/delivery/delivery.ts";
import type { DeliveryObserver } from "../../src/delivery/delivery_observer.ts";
import type { OutboxBatch, Sink } from "../../src/contract/sink.ts";
import type { MemoryOutbox } from "./memory_outbox.ts";
import { loggerTo } from "../support/logs.ts";

/** A clock that every sleep moves on. */
export class HastyClock implements Clock {
  ms = 0;
  readonly pauses: number[] = [];
  nowMs = () => this.ms;
  monotonicMs = () => this.ms;
  sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
    this.pauses.push(ms);
    // Lets other ready work run first.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (!signal.aborted) this.ms += ms;
  };
}

/** The reports of a delivery. */
export class Ledger implements DeliveryObserver {
  delivered_ = 0;
  failures: string[] = [];
  rejected_ = 0;
  delivered = (_sink: string, { aggregates }: OutboxBatch) => void (this.delivered_ += aggregates.length);
  failed = (_sink: string, kind: string) => void this.failures.push(kind);
  rejected = (_sink: string, aggregates: number) => void (this.rejected_ += aggregates);
}

/** A delivery of at most eight aggregates a write. */
export function deliveryTo(
  sink: Sink,
  outbox: MemoryOutbox,
  clock: Clock,
  ledger = new Ledger(),
  log: string[] = [],
  attemptTimeoutMs = 5000,
) {
  const logger = loggerTo(log);
  const options = { batchMaxAggregates: 8, attemptTimeoutMs };
  return new Delivery(sink, outbox, options, clock, () => 1, logger, ledger);
}
