import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import type { Claimant, Confirmed, OutboxBatch, SinkAlarm } from "../../src/sinks/sink.ts";
import type { Outbox } from "../../src/store/outbox.ts";

/** An outbox of aggregates that all go to every sink. */
export class MemoryOutbox implements Outbox {
  readonly stateId = "state";
  readonly rejected: { sink: string; name: string; error: string }[] = [];
  readonly alarms: { sink: string; alarm: SinkAlarm }[] = [];
  private readonly cursors = new Map<string, number>();
  private readonly waiting = new Set<() => void>();

  constructor(readonly aggregates: Aggregate[]) {}

  static of(count: number): MemoryOutbox {
    return new MemoryOutbox(Array.from({ length: count }, (_, i) => aggregateNamed(`n${i}`)));
  }

  add(...aggregates: Aggregate[]): void {
    this.aggregates.push(...aggregates);
    for (const wake of [...this.waiting]) wake();
  }

  endId = () => this.aggregates.length;
  cursor = (sink: string) => this.cursors.get(sink) ?? 0;

  read(_sink: string, fromId: number, maxAggregates: number): OutboxBatch | undefined {
    if (fromId >= this.endId()) return undefined;
    const aggregates = this.aggregates.slice(fromId, fromId + maxAggregates);
    return {
      firstId: fromId,
      nextId: fromId + aggregates.length,
      ids: aggregates.map((_, i) => fromId + i),
      aggregates,
    };
  }

  delivered(): void {}

  advance(sink: string, nextId: number): void {
    this.cursors.set(sink, Math.max(this.cursor(sink), nextId));
  }

  reject(sink: string, { name }: Aggregate, error: string, nextId: number): void {
    this.rejected.push({ sink, name, error });
    this.advance(sink, nextId);
  }

  confirmed = (): Confirmed => ({ any: false, newest: [] });
  claimant = (): Claimant => ({
    boot: 1,
    life: "life",
    startId: 0,
    objection: () => undefined,
    claimed: () => {},
    objectionToPosition: () => undefined,
  });
  /** What the state says of a row that a sink holds. */
  isOwn = (_held: Aggregate): boolean | undefined => false;

  alarm(sink: string, alarm: SinkAlarm): boolean {
    this.alarms.push({ sink, alarm });
    return this.alarms.length === 1;
  }

  waitForMore(fromId: number, signal: AbortSignal): Promise<void> {
    if (this.endId() > fromId || signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    return promise.finally(() => this.waiting.delete(resolve));
  }
}

export function aggregateNamed(name: string): Aggregate {
  return { name, aggFunc: "sum", value: 1, windowStartMs: 0, windowEndMs: 1000, count: 1, revision: 0 };
}
