import type { Aggregate } from "../aggregation/aggregate.ts";

/** A run of the outbox for one sink: its aggregates are those with ids in `[firstId, nextId)` that the sink's route names. */
export interface OutboxBatch {
  readonly firstId: number;
  /** The position after this batch: what the sink's cursor becomes once the batch is written. */
  readonly nextId: number;
  readonly aggregates: readonly Aggregate[];
  /** The outbox id of each aggregate, ascending. */
  readonly ids: readonly number[];
}

/** What a sink knows of the state it is fed from. */
export interface SinkContext {
  /** Identifies the state database; another one after the state was wiped or restored. */
  readonly stateId: string;
  /** The local cursor: the outbox id the state database says comes next for this sink. */
  readonly cursor: number;
  /** One past the newest id the outbox has given out. */
  readonly endId: number;
}

/**
 * A place that aggregates go to. A sink never retries: it throws a {@link SinkError}, whose kind decides what the
 * router does next. After a throw of kind `unavailable` or `misconfigured` the router calls `close` and `open` anew.
 */
export interface Sink {
  /** The `STORAGE_TYPE` word: `kafka`, `postgres`, `sqlite`, `stdout`. */
  readonly name: string;
  /** Connects, creates what is missing, and answers from which outbox id on to deliver (never below `context.cursor`). */
  open(context: SinkContext, signal: AbortSignal): Promise<number>;
  /** Writes the whole batch or throws. Writing the same batch again must leave the same result. */
  write(batch: OutboxBatch, signal: AbortSignal): Promise<void>;
  /** Reaches the place and says in a few words what is there; writes nothing. For the `check` command. */
  probe(signal: AbortSignal): Promise<string>;
  /** Called now and then (at least daily) while idle; Kafka renews its committed position here. */
  keepAlive?(nextId: number, signal: AbortSignal): Promise<void>;
  /** Releases connections; never throws; safe to call in any state. */
  close(): Promise<void>;
}

/** Where a sink's rows can be read back, so that `verify` can prove the books against them. Opens what it needs itself. */
export interface ProvablePlace {
  /** That of its sink. */
  readonly name: string;
  /** Sum of `count` over the rows of `instance` whose window starts at `sinceMs` or later. */
  sumOfCounts(instance: string, sinceMs: number, signal: AbortSignal): Promise<number>;
  /** The rows of `instance` for one window, in any order. */
  rowsOfWindow(
    instance: string,
    windowStartMs: number,
    windowEndMs: number,
    signal: AbortSignal,
  ): Promise<Aggregate[]>;
  /** What is there of `instance` and must not be, whatever the books say; each a sentence. Only windows from `sinceMs` on. */
  flaws?(instance: string, sinceMs: number, signal: AbortSignal): Promise<Iterable<string>>;
  /** Releases connections; never throws; safe to call in any state. */
  close(): Promise<void>;
}

/** A sink that can itself read its rows back. */
export interface ProvableSink extends Sink, ProvablePlace {}

/**
 * - `unavailable`: out of reach or broken for now; retried for ever.
 * - `rejected`: something in the batch is refused; the router bisects until it has the rows at fault.
 * - `misconfigured`: table missing, login refused; retried slowly, reported loudly.
 */
export type SinkErrorKind = "unavailable" | "rejected" | "misconfigured";

/** The only error a sink throws. `message` is for the operator: it says what is wrong, without secrets. */
export class SinkError extends Error {
  constructor(readonly kind: SinkErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SinkError";
  }
}
