import { scanEvent } from "../../codec/event_scanner.ts";
import { mappedNow } from "../../codec/mapping/element_reader.ts";
import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import type { Outcome, Partition, Progress, ReadRequest, SourceContext } from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { REQUEST_MAX_MS } from "./bus_connection.ts";
import type { QueueBus } from "./queue_client.ts";
import { VabusSource } from "./vabus_source.ts";

/** A VaBus in queue mode, which removes each event as it hands it out. */
export class QueueSource extends VabusSource<QueueBus> {
  protected partition(context: SourceContext): Partition {
    return new QueuePartition(this.bus, context, this.reader);
  }
}

/**
 * Hands over one event per read, or returns at once without one, since a queue has no long poll. It has
 * neither positions nor acknowledgements.
 */
class QueuePartition implements Partition {
  readonly id = "";
  readonly replay = "none";
  readonly readMaxMs = REQUEST_MAX_MS;

  constructor(
    private readonly bus: QueueBus,
    private readonly context: SourceContext,
    private readonly reader: RecordReader | undefined,
  ) {}

  async read({ lineage, position }: Progress, into: EventBatch, _request: ReadRequest): Promise<Outcome> {
    // Shutdown does not abort the request: its answer may hold an event that the bus has already removed.
    const body = await this.bus.take(new AbortController().signal);
    if (body === undefined) {
      return { kind: "idle", lineage, next: position, offset: undefined, lost: 0, decodeMs: 0 };
    }
    const startedMs = this.context.clock.monotonicMs();
    scanEvent(body, into, mappedNow(this.reader, this.context.clock));
    const decodeMs = this.context.clock.monotonicMs() - startedMs;
    return { kind: "events", lineage: undefined, next: undefined, offset: undefined, lost: 0, decodeMs };
  }

  committed(): Promise<void> {
    return Promise.resolve();
  }
}
