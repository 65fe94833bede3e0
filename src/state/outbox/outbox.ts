import type { Aggregate } from "../../aggregation/aggregate.ts";
import type { Claimant, Confirmed, OutboxBatch, SinkAlarm } from "../../contract/sink.ts";

/** What a sink has said of an aggregate that it does not take. `postponed`: it may take it later, by itself. */
export interface SinkRefusal {
  readonly reason: "rejected" | "postponed";
  readonly detail: string;
}

/** A sink has refused as many aggregates as can be kept. The message says so of the sink, and what to do. */
export class TooManyRefused extends Error {
  override readonly name = "TooManyRefused";
}

/** The aggregates of a window that a sink has postponed. */
export interface PostponedWindow {
  readonly windowEndMs: number;
  /** The one that was refused first. */
  readonly sample: OutboxBatch["aggregates"][number];
  readonly deadLetterIds: readonly number[];
}

/**
 * The ordered log of closed aggregates, with a cursor for each sink. Only the router takes from it.
 * Reading is synchronous: the state database is local.
 */
export interface Outbox {
  /** Identifies the state database. */
  readonly stateId: string;
  /** One past the newest id given out. */
  endId(): number;
  /** The id that comes next for `sink`. */
  cursor(sink: string): number;
  /**
   * The next run for `sink` from `fromId` on, with at most `maxAggregates` of them; undefined when there is nothing left.
   * What an operator wants to be sent again comes between, a batch for a batch, and moves no cursor. A batch may be empty of aggregates (none in the run were routed to the sink): then only the cursor moves.
   */
  read(sink: string, fromId: number, maxAggregates: number): OutboxBatch | undefined;
  /** The whole of a batch is settled. Durable at once where rows were sent again; of others {@link advance} knows. */
  delivered(sink: string, batch: OutboxBatch): void;
  /** Moves the cursor of `sink` to `nextId`; durable with the next checkpoint, at most a second later. */
  advance(sink: string, nextId: number): void;
  /**
   * Durably and at one go puts an aggregate that `sink` refuses into the dead letters, with the sink's own error, and moves
   * the sink's cursor to `nextId`: a crash leads neither to a second dead letter nor past anything undelivered.
   *
   * @throws {TooManyRefused} As many as can be kept wait already. Nothing has changed then.
   */
  reject(
    sink: string,
    aggregate: OutboxBatch["aggregates"][number],
    refusal: SinkRefusal,
    nextId: number,
  ): void;
  /** What `sink` must have already. */
  confirmed(sink: string): Confirmed;
  /** The present start of the handler, as `sink` is told of it. */
  claimant(sink: string): Claimant;
  /** Whether this state itself has once given out a row as a sink holds it. Undefined: the window is gone, nobody can tell. */
  isOwn(held: Aggregate): boolean | undefined;
  /** Durably raises an alarm over what `sink` holds. Returns whether it is a new one. @throws {StateError} */
  alarm(sink: string, alarm: SinkAlarm): boolean;
  /** At most `max` of the aggregates that wait for `sink` from `fromId` on, evenly spread over them. */
  samples(sink: string, fromId: number, max: number): readonly OutboxBatch["aggregates"][number][];
  /** The newest aggregate that `sink` has taken, as far as it is still known. */
  lastDelivered(sink: string): OutboxBatch["aggregates"][number] | undefined;
  /** Refused aggregates of `sink` that wait as dead letters and whose detail has `part` in it. */
  refusedCount(sink: string, part: string): number;
  /** Postponed aggregates of `sink`, of at most `maxWindows` windows that end after `endMs`, in the order of their ends. */
  postponed(sink: string, endMs: number, maxWindows: number): readonly PostponedWindow[];
  /** Durably asks for dead letters to be put back at the end of the outbox. */
  putBack(deadLetterIds: readonly number[]): void;
  /** Resolves when there is something at or after `fromId`, or the signal fires. */
  waitForMore(fromId: number, signal: AbortSignal): Promise<void>;
}
