import type { BusConnection } from "./bus_connection.ts";

/** A reading as the bus takes it; `timestamp` in Unix seconds. */
export interface BusMetric {
  readonly name: string;
  readonly value: number;
  readonly timestamp: number;
}

/** Sends readings to a bus, all or none. @throws {SourceError} */
export async function postMetrics(
  connection: BusConnection,
  metrics: readonly BusMetric[],
  signal: AbortSignal,
): Promise<void> {
  await connection.request({
    path: "/metrics",
    method: "POST",
    body: JSON.stringify(metrics),
    expected: [200, 202, 204],
  }, signal);
}
