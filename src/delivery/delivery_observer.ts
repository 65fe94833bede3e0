import type { OutboxBatch } from "../contract/sink.ts";

/** What deliveries report to the metrics. */
export interface DeliveryObserver {
  /** A sink has a batch. @param seconds How long the write took. @param nowMs Unix ms. */
  delivered(sink: string, batch: OutboxBatch, seconds: number, nowMs: number): void;
  failed(sink: string, kind: "unavailable" | "misconfigured"): void;
  rejected(sink: string, aggregates: number): void;
}
