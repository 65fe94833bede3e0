import { scanReply } from "../../../src/codec/reply_scanner.ts";
import type {
  Outcome,
  Partition,
  Progress,
  ReadRequest,
  Source,
  SourceContext,
} from "../../../src/contract/source.ts";
import type { EventBatch } from "../../../src/event/event_batch.ts";
import { Arrivals } from "./arrivals.ts";
import { replyOf } from "./parted_bus.ts";

/**
 * A bus in memory that has acknowledgements instead of offsets: what was handed out and never acknowledged
 * comes again.
 */
export class AcknowledgedBus {
  /** Events that were not acknowledged, oldest first. */
  readonly kept: string[] = [];
  private readonly sources: AcknowledgedSource[] = [];

  /** @param inFlightMax Events at most that it hands out before any of them is acknowledged. */
  constructor(readonly name = "acknowledged://bus", readonly inFlightMax = Infinity) {}

  createSource(): AcknowledgedSource {
    const source = new AcknowledgedSource(this);
    this.sources.push(source);
    return source;
  }

  publish(...events: readonly unknown[]): void {
    this.kept.push(...events.map((event) => JSON.stringify(event)));
    for (const source of this.sources) source.arrivals.announce();
  }
}

/** A source of one partition that numbers what it hands over. */
export class AcknowledgedSource implements Source {
  readonly id: string;
  readonly arrivals = new Arrivals();
  private context: SourceContext | undefined;

  constructor(readonly bus: AcknowledgedBus) {
    this.id = bus.name;
  }

  open(context: SourceContext): Promise<readonly Partition[]> {
    this.context = context;
    return Promise.resolve([new AcknowledgedPartition(this, Number(context.resume.get("") ?? 0))]);
  }

  probe(): Promise<string> {
    return Promise.resolve(`${this.bus.kept.length} events`);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  wait(waitMs: number, signal: AbortSignal): Promise<void> {
    return this.arrivals.wait(this.context!.clock, waitMs, signal);
  }
}

/** A position is the number of the next event, and stands for the acknowledgement of all before it. */
class AcknowledgedPartition implements Partition {
  readonly id = "";
  readonly replay = "redelivers-unacknowledged";
  readonly readMaxMs = 0;

  /** @param first Number of the oldest event that was not acknowledged. */
  constructor(private readonly source: AcknowledgedSource, private first: number) {}

  async read(from: Progress, into: EventBatch, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
    const next = Number(from.position ?? this.first);
    if (this.take(next, request.limit, into) === 0 && request.waitMs > 0) {
      await this.source.wait(request.waitMs, signal);
      this.take(next, request.limit, into);
    }
    const end = next + into.total;
    const step = { lineage: undefined, next: `${end}`, offset: undefined, lost: 0, decodeMs: 0 };
    if (into.total === 0) return { ...step, kind: "idle" };
    const isFull = end - this.first >= this.source.bus.inFlightMax;
    return { ...step, kind: "events", ...(isFull && { awaitsCommit: true }) };
  }

  committed({ position }: Progress): Promise<void> {
    const next = Number(position ?? this.first);
    this.source.bus.kept.splice(0, Math.max(0, next - this.first));
    this.first = Math.max(this.first, next);
    return Promise.resolve();
  }

  private take(next: number, limit: number, into: EventBatch): number {
    const { inFlightMax, kept } = this.source.bus;
    const events = kept.slice(0, inFlightMax).slice(next - this.first, next - this.first + limit);
    scanReply(replyOf(events), into);
    return events.length;
  }
}
