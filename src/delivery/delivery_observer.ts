/** What deliveries report to the metrics. */
export interface DeliveryObserver {
  delivered(sink: string, aggregates: number, seconds: number): void;
  failed(sink: string, kind: "unavailable" | "misconfigured"): void;
  rejected(sink: string, aggregates: number): void;
}
