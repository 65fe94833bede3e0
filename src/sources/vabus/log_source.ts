import type { Partition, SourceContext } from "../../contract/source.ts";
import type { BusLog } from "./bus_log.ts";
import { LogPartition } from "./log_partition.ts";
import { VabusSource } from "./vabus_source.ts";

/** A VaBus with an event log. */
export class LogSource extends VabusSource<BusLog> {
  async lineage(signal: AbortSignal): Promise<string> {
    return (await this.bus.oldest(signal)).log;
  }

  protected partition(context: SourceContext): Partition {
    return new LogPartition(this.bus, context, this.reader);
  }
}
