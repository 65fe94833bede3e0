import { readerFor } from "../../codec/mapping/record_reader.ts";
import type { Changing, MetricsOutlet, SourceSurroundings } from "../../contract/connector.ts";
import type { Source } from "../../contract/source.ts";
import { BusConnection } from "./bus_connection.ts";
import type { VabusConfig } from "./connector.ts";
import { LogClient } from "./log_client.ts";
import { LogSource } from "./log_source.ts";
import { postMetrics } from "./metrics_client.ts";
import { QueueClient } from "./queue_client.ts";
import { QueueSource } from "./queue_source.ts";

export function create(
  { mode, address, events }: VabusConfig,
  { instance, name }: SourceSurroundings,
): Changing<Source, VabusConfig> {
  const connection = new BusConnection(address, name);
  const reader = readerFor(events);
  const part = mode === "queue"
    ? new QueueSource(new QueueClient(connection), reader)
    : new LogSource(new LogClient(connection, instance), reader);
  return { part, change: (next) => connection.change(next.address) };
}

export function createOutlet({ address }: VabusConfig): Changing<MetricsOutlet, VabusConfig> {
  const connection = new BusConnection(address);
  const part: MetricsOutlet = {
    name: connection.name,
    post: (metrics, signal) => postMetrics(connection, metrics, signal),
    close: () => connection.close(),
  };
  return { part, change: (next) => connection.change(next.address) };
}
