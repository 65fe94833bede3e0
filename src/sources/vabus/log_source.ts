import type { Partition, Source, SourceContext } from "../../contract/source.ts";
import type { BusLog } from "./bus_log.ts";
import { LogPartition } from "./log_partition.ts";

/** A VaBus that keeps its events in a log: a source of one partition. */
export class LogSource implements Source {
  readonly id: string;

  constructor(private readonly bus: BusLog) {
    this.id = bus.name;
  }

  open(context: SourceContext): Promise<readonly Partition[]> {
    return Promise.resolve([new LogPartition(this.bus, context)]);
  }

  probe(signal: AbortSignal): Promise<string> {
    return this.bus.probe(signal);
  }

  time(signal: AbortSignal): Promise<number | undefined> {
    return this.bus.time(signal);
  }

  close(): Promise<void> {
    this.bus.close();
    return Promise.resolve();
  }
}
