import { scanReply } from "../../../src/codec/reply_scanner.ts";
import {
  type Outcome,
  type Partition,
  type PartitionId,
  type Progress,
  type ReadRequest,
  type Source,
  type SourceContext,
  SourceError,
} from "../../../src/contract/source.ts";
import type { EventBatch } from "../../../src/event/event_batch.ts";
import { Arrivals } from "./arrivals.ts";

/** A bus in memory whose partitions come and go. Its positions are no numbers, and its events have none. */
export class PartedBus {
  readonly partitions = new Set<PartitionId>();
  /** The events of each partition that there ever was. */
  private readonly events = new Map<PartitionId, string[]>();
  isAway = false;
  /** What reads wait for before they end, even where they are called off. */
  held: PromiseWithResolvers<void> | undefined;
  /** Reads under way, and the most there have been at once. */
  readonly reads = { now: 0, most: 0, all: 0 };
  private readonly sources: PartedSource[] = [];

  constructor(readonly name = "parted://bus", ...ids: readonly PartitionId[]) {
    for (const id of ids) this.partitions.add(id);
  }

  eventsOf(id: PartitionId): string[] {
    const events = this.events.get(id) ?? [];
    this.events.set(id, events);
    return events;
  }

  /** Keeps the reads that begin from now on from ending before what it returns is resolved. */
  hold(): PromiseWithResolvers<void> {
    return this.held = Promise.withResolvers();
  }

  createSource(): PartedSource {
    const source = new PartedSource(this);
    this.sources.push(source);
    return source;
  }

  publish(id: PartitionId, ...events: readonly unknown[]): void {
    this.eventsOf(id).push(...events.map((event) => JSON.stringify(event)));
    for (const source of this.sources) source.arrived(id);
  }

  /** Has these partitions from now on; one that comes back holds what it held. */
  change(...ids: readonly PartitionId[]): void {
    this.partitions.clear();
    for (const id of ids) this.partitions.add(id);
    for (const source of this.sources) source.changed();
  }
}

export class PartedSource implements Source {
  readonly id: string;
  /** The position of each partition that was reported as durable. */
  readonly durable = new Map<PartitionId, string | undefined>();
  resume: SourceContext["resume"] = new Map();
  private readonly handles = new Map<PartitionId, PartedPartition>();
  private context: SourceContext | undefined;
  private readonly arrivals = new Arrivals();

  constructor(readonly bus: PartedBus) {
    this.id = bus.name;
  }

  open(context: SourceContext): Promise<readonly Partition[]> {
    if (this.bus.isAway) return Promise.reject(new SourceError("unavailable", `${this.id}: away`));
    this.context = context;
    this.resume = context.resume;
    return Promise.resolve(this.current());
  }

  probe(): Promise<string> {
    if (this.bus.isAway) return Promise.reject(new SourceError("unavailable", `${this.id}: away`));
    return Promise.resolve(`${this.bus.partitions.size} partitions`);
  }

  close(): Promise<void> {
    this.context = undefined;
    return Promise.resolve();
  }

  changed(): void {
    this.context?.changed(this.current());
  }

  arrived(id: PartitionId): void {
    this.context?.arrived(id);
    this.arrivals.announce();
  }

  wait(waitMs: number, signal: AbortSignal): Promise<void> {
    return this.arrivals.wait(this.context!.clock, waitMs, signal);
  }

  private current(): Partition[] {
    const { partitions } = this.bus;
    for (const id of [...this.handles.keys()]) if (!partitions.has(id)) this.handles.delete(id);
    return [...partitions].map((id) => {
      const handle = this.handles.get(id) ?? new PartedPartition(this, id);
      this.handles.set(id, handle);
      return handle;
    });
  }
}

class PartedPartition implements Partition {
  readonly replay = "from-position";
  readonly readMaxMs = 0;

  constructor(private readonly source: PartedSource, readonly id: PartitionId) {}

  async read(from: Progress, into: EventBatch, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
    const { bus } = this.source;
    const { reads } = bus;
    reads.all++;
    reads.most = Math.max(reads.most, ++reads.now);
    try {
      await bus.held?.promise;
      if (bus.isAway) throw new SourceError("unavailable", `${bus.name}: away`);
      const first = Number(from.position?.replace("after ", "") ?? 0);
      if (this.take(first, request.limit, into) === 0 && request.waitMs > 0) {
        await this.source.wait(request.waitMs, signal);
        this.take(first, request.limit, into);
      }
      const step = { lineage: undefined, offset: undefined, lost: 0, decodeMs: 0 };
      return into.total === 0
        ? { ...step, kind: "idle", next: from.position }
        : { ...step, kind: "events", next: `after ${first + into.total}` };
    } finally {
      reads.now--;
    }
  }

  committed({ position }: Progress): Promise<void> {
    this.source.durable.set(this.id, position);
    return Promise.resolve();
  }

  private take(first: number, limit: number, into: EventBatch): number {
    const events = this.source.bus.eventsOf(this.id).slice(first, first + limit);
    scanReply(replyOf(events), into);
    return events.length;
  }
}

/** Events in the shape of a VaBus's reply, which the scanner reads. */
export function replyOf(events: readonly string[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`{"log":"toy","offset":0,"next":${events.length},"events":[${events}]}`);
}
