import type { Aggregate } from "../../aggregation/aggregate.ts";
import type { Claimant, Confirmed, OutboxBatch, SinkAlarm } from "../../contract/sink.ts";

/** A sink's refusal of an aggregate. `postponed`: the sink may accept it later. */
export interface SinkRefusal {
  readonly reason: "rejected" | "postponed";
  readonly detail: string;
}

/** A sink has refused as many aggregates as can be kept. The message names the sink and what to do. */
export class TooManyRefused extends Error {
  override readonly name = "TooManyRefused";
}

/** The aggregates of a window that a sink has postponed. */
export interface PostponedWindow {
  readonly windowEndMs: number;
  /** The aggregate that was refused first. */
  readonly sample: Aggregate;
  readonly deadLetterIds: readonly number[];
}

/**
 * The ordered log of closed aggregates, with a cursor for each sink. Only the router takes from it.
 * Reading is synchronous: the state database is local.
 */
export interface Outbox {
  /** Identifies the state database. */
  readonly stateId: string;
  /** One past the newest id. */
  endId(): number;
  /** The next id for `sink`. */
  cursor(sink: string): number;
  /**
   * The next batch for `sink` from `fromId` on, with `maxAggregates` at most; undefined: there is nothing
   * left. Aggregates that an operator wants sent again come in between, alternately with new ones, and move
   * no cursor. A batch may have no aggregates, if none in its range is routed to the sink. Then only the
   * cursor moves.
   */
  read(sink: string, fromId: number, maxAggregates: number): OutboxBatch | undefined;
  /**
   * Tells that a batch is settled. For aggregates that were sent again this is durable at once; for others
   * see {@link advance}.
   */
  delivered(sink: string, batch: OutboxBatch): void;
  /** Moves the cursor of `sink` to `nextId`; durable with the next checkpoint, at most a second later. */
  advance(sink: string, nextId: number): void;
  /**
   * Puts an aggregate that `sink` refuses into the dead letters, with the sink's own error, and moves the
   * sink's cursor to `nextId`, in one durable step. So a crash leads neither to a second dead letter nor past
   * anything undelivered.
   *
   * @throws {TooManyRefused} As many as can be kept wait already. Nothing has changed then.
   */
  reject(
    sink: string,
    aggregate: Aggregate,
    refusal: SinkRefusal,
    nextId: number,
  ): void;
  /** The aggregates that `sink` must have already. */
  confirmed(sink: string): Confirmed;
  /** The present start of the handler, as the claimant of `sink`. */
  claimant(sink: string): Claimant;
  /**
   * Whether this state has once had the aggregate that is in the sink. Undefined: the window is deleted, so
   * it is not known.
   */
  isOwn(held: Aggregate): boolean | undefined;
  /**
   * Raises an alarm over the aggregates in `sink`, durably. Returns whether it is a new one.
   *
   * @throws {StateError}
   */
  alarm(sink: string, alarm: SinkAlarm): boolean;
  /** At most `max` of the aggregates that wait for `sink` from `fromId` on, evenly spread over them. */
  samples(sink: string, fromId: number, max: number): readonly Aggregate[];
  /** The newest aggregate that `sink` has accepted, if it is still known. */
  lastDelivered(sink: string): Aggregate | undefined;
  /** Number of refused aggregates of `sink` among the dead letters whose detail contains `part`. */
  refusedCount(sink: string, part: string): number;
  /**
   * Postponed aggregates of `sink`, of at most `maxWindows` windows that end after `endMs`, in the order of
   * their ends.
   */
  postponed(sink: string, endMs: number, maxWindows: number): readonly PostponedWindow[];
  /** Requests, durably, that dead letters are put back at the end of the outbox. */
  putBack(deadLetterIds: readonly number[]): void;
  /** Resolves when there is something at or after `fromId`, or the signal fires. */
  waitForMore(fromId: number, signal: AbortSignal): Promise<void>;
}
