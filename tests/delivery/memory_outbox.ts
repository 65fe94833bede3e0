import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import type { Claimant, Confirmed, OutboxBatch, SinkAlarm } from "../../src/contract/sink.ts";
import type { Outbox, PostponedWindow, SinkRefusal } from "../../src/state/outbox/outbox.ts";

interface Rejected {
  readonly sink: string;
  readonly name: string;
  readonly error: string;
  readonly reason: SinkRefusal["reason"];
  readonly aggregate: Aggregate;
}

/** An outbox of aggregates that all go to every sink. */
export class MemoryOutbox implements Outbox {
  readonly stateId = "state";
  readonly rejected: Rejected[] = [];
  /** Those of {@link rejected}, by their ids, which are never given out again. */
  private readonly deadLetters = new Map<number, Rejected>();
  private nextDeadLetterId = 0;
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

  reject(sink: string, aggregate: Aggregate, { reason, detail }: SinkRefusal, nextId: number): void {
    const deadLetter = { sink, name: aggregate.name, error: detail, reason, aggregate };
    this.rejected.push(deadLetter);
    this.deadLetters.set(this.nextDeadLetterId++, deadLetter);
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

  samples(_sink: string, fromId: number, max: number): Aggregate[] {
    const beyond = this.aggregates.slice(fromId);
    const step = Math.max(1, Math.ceil(beyond.length / max));
    return beyond.filter((_, i) => i % step === 0);
  }

  lastDelivered(sink: string): Aggregate | undefined {
    return this.aggregates.slice(0, this.cursor(sink)).findLast((aggregate) =>
      !this.rejected.some((deadLetter) => deadLetter.aggregate === aggregate)
    );
  }

  refusedCount(sink: string, part: string): number {
    return this.rejected.filter((deadLetter) => deadLetter.sink === sink && deadLetter.error.includes(part))
      .length;
  }

  postponed(sink: string, endMs: number, maxWindows: number): PostponedWindow[] {
    const deadLetters = [...this.deadLetters].filter(([, deadLetter]) =>
      deadLetter.sink === sink && deadLetter.reason === "postponed"
    );
    const windows = Map.groupBy(deadLetters, ([, { aggregate }]) => aggregate.windowEndMs);
    return [...windows].filter(([windowEndMs]) => windowEndMs > endMs).sort(([a], [b]) => a - b)
      .slice(0, maxWindows)
      .map(([windowEndMs, deadLetters]) => ({
        windowEndMs,
        sample: deadLetters[0]![1].aggregate,
        deadLetterIds: deadLetters.map(([id]) => id),
      }));
  }

  putBack(deadLetterIds: readonly number[]): void {
    const deadLetters = deadLetterIds.map((id) => this.deadLetters.get(id)!);
    for (const deadLetter of deadLetters) this.rejected.splice(this.rejected.indexOf(deadLetter), 1);
    for (const id of deadLetterIds) this.deadLetters.delete(id);
    this.add(...deadLetters.map(({ aggregate }) => aggregate));
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
