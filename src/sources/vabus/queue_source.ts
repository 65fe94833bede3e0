import { scanEvent } from "../../codec/event_scanner.ts";
import type {
  Outcome,
  Partition,
  Progress,
  ReadRequest,
  Source,
  SourceContext,
} from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { REQUEST_MAX_MS } from "./bus_connection.ts";
import type { QueueBus } from "./queue_client.ts";

const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;

/** A VaBus that forgets each event as it hands it out. */
export class QueueSource implements Source {
  readonly id: string;

  constructor(private readonly bus: QueueBus) {
    this.id = bus.name;
  }

  open(context: SourceContext): Promise<readonly Partition[]> {
    return Promise.resolve([new QueuePartition(this.bus, context)]);
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

/** Hands over one event a read. A queue has no positions, and knows no acknowledgement. */
class QueuePartition implements Partition {
  readonly id = "";
  readonly replay = "none";
  readonly readMaxMs = REQUEST_MAX_MS + MAX_PAUSE_MS;
  private pauseMs = FIRST_PAUSE_MS;

  constructor(private readonly bus: QueueBus, private readonly context: SourceContext) {}

  async read(from: Progress, into: EventBatch, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
    // Not cut short at shutdown: an answer that is on its way holds an event that the bus has already forgotten.
    const body = await this.bus.take(new AbortController().signal);
    if (body === undefined) {
      await this.rest(request.waitMs, signal);
      return {
        kind: "idle",
        lineage: from.lineage,
        next: from.position,
        offset: undefined,
        lost: 0,
        decodeMs: 0,
      };
    }
    this.pauseMs = FIRST_PAUSE_MS;
    const startedMs = this.context.clock.monotonicMs();
    scanEvent(body, into);
    const decodeMs = this.context.clock.monotonicMs() - startedMs;
    return { kind: "events", lineage: undefined, next: undefined, offset: undefined, lost: 0, decodeMs };
  }

  committed(): Promise<void> {
    return Promise.resolve();
  }

  /** A queue cannot be waited at: it is asked again, ever less often. */
  private async rest(waitMs: number, signal: AbortSignal): Promise<void> {
    if (waitMs === 0) return;
    await this.context.clock.sleep(Math.min(waitMs, this.pauseMs), signal);
    this.pauseMs = Math.min(MAX_PAUSE_MS, this.pauseMs * 2);
  }
}
