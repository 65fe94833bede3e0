import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { type OutboxBatch, type Sink, type SinkContext, SinkError } from "../../src/contract/sink.ts";
import type { ReadBack } from "../../src/contract/read_back.ts";
import { keyOf } from "./sink_samples.ts";
import { rowsOf } from "../support/rows_of.ts";

/** The rows of a {@link FakeSink}'s backend, by instance and key; they outlive the sink. */
export type FakeTable = Map<string, Map<string, Aggregate>>;

/**
 * The fault of an operation: it throws before it has any effect, it throws after its full effect (the answer
 * was lost), or it waits for the signal.
 */
export type Fault =
  | { readonly when: "before" | "after"; readonly error: SinkError }
  | { readonly when: "hangs" };

/**
 * A backend in memory, with faults on demand: asked before each `open` and `write`, and for each aggregate.
 */
export interface FakeSinkOptions {
  readonly instance?: string;
  readonly table?: FakeTable;
  readonly fault?: (operation: "open" | "write") => Fault | undefined;
  readonly isRejected?: (aggregate: Aggregate) => boolean;
  /** Stores the position with the rows, as Kafka does, and returns it from `open`. */
  readonly position?: { nextId: number };
}

/** A sink with the whole contract and no backend outside of memory. Records what was asked of it. */
export class FakeSink implements Sink, ReadBack {
  readonly id = "sqlite";
  readonly repeat: "upsert" | "positioned";
  readonly readBack = this;
  readonly cost = "cheap";
  readonly table: FakeTable;
  readonly batches: OutboxBatch[] = [];
  readonly keptAlive: number[] = [];
  private opened = false;

  constructor(private readonly options: FakeSinkOptions = {}) {
    this.repeat = options.position === undefined ? "upsert" : "positioned";
    this.table = options.table ?? new Map();
  }

  get isOpen(): boolean {
    return this.opened;
  }

  /** The rows of an instance, by default the sink's own. */
  rows(instance = this.owner): Aggregate[] {
    return [...this.table.get(instance)?.values() ?? []];
  }

  open(context: SinkContext, signal: AbortSignal): Promise<number> {
    return this.perform("open", signal, () => {
      this.opened = true;
      return Math.max(context.cursor, this.options.position?.nextId ?? 0);
    });
  }

  write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    return this.perform("write", signal, () => {
      if (!this.opened) throw new SinkError("unavailable", "Fake: not open.");
      const refused = rowsOf(batch).find((aggregate) => this.options.isRejected?.(aggregate));
      if (refused !== undefined) throw new SinkError("rejected", `Fake: refused ${refused.name}.`);
      for (const aggregate of batch.aggregates) this.upsert(aggregate, batch.overwrites);
      this.batches.push(batch);
      if (this.options.position !== undefined) this.options.position.nextId = batch.nextId;
    });
  }

  probe(): Promise<string> {
    return Promise.resolve("memory");
  }

  keepAlive(nextId: number): Promise<void> {
    this.keptAlive.push(nextId);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.opened = false;
    return Promise.resolve();
  }

  sumOfCounts(
    instance: string,
    sinceMs: number,
    _signal: AbortSignal,
    lengthMs?: number,
  ): Promise<number> {
    const counts = this.rows(instance).filter((row) =>
      row.windowStartMs >= sinceMs &&
      (lengthMs === undefined || row.windowEndMs - row.windowStartMs === lengthMs)
    )
      .map((row) => row.count);
    return Promise.resolve(counts.reduce((sum, count) => sum + count, 0));
  }

  rowsOfWindow(instance: string, windowStartMs: number, windowEndMs: number): Promise<Aggregate[]> {
    return Promise.resolve(
      this.rows(instance).filter((row) =>
        row.windowStartMs === windowStartMs && row.windowEndMs === windowEndMs
      ),
    );
  }

  private get owner(): string {
    return this.options.instance ?? "fake";
  }

  private upsert(aggregate: Aggregate, overwrites = false): void {
    let rows = this.table.get(this.owner);
    if (rows === undefined) this.table.set(this.owner, rows = new Map());
    const key = keyOf(aggregate);
    const least = aggregate.revision - (overwrites ? 0 : 1);
    if ((rows.get(key)?.revision ?? -1) <= least) rows.set(key, aggregate);
  }

  private async perform<T>(operation: "open" | "write", signal: AbortSignal, work: () => T): Promise<T> {
    const fault = this.options.fault?.(operation);
    if (fault?.when === "hangs") await aborted(signal);
    if (signal.aborted) throw new SinkError("unavailable", "Fake: interrupted.");
    if (fault?.when === "before") throw fault.error;
    const result = work();
    if (fault?.when === "after") throw fault.error;
    return result;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
