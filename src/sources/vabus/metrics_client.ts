import type { Metric } from "../../contract/connector.ts";
import type { BusConnection } from "./bus_connection.ts";

/** Sends readings to a bus, all or none. @throws {SourceError} */
export async function postMetrics(
  connection: BusConnection,
  metrics: readonly Metric[],
  signal: AbortSignal,
): Promise<void> {
  await connection.request({
    path: "/metrics",
    method: "POST",
    body: JSON.stringify(metrics),
    expected: [200, 202, 204],
  }, signal);
}
