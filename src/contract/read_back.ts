import type { Aggregate } from "../aggregation/aggregate.ts";

/** Aggregates that a sink has deleted for their age. */
export interface DeletedRows {
  /** Windows that start before this time may lack aggregates. Unix ms. */
  readonly beforeMs: number;
  /** Events in the aggregates that were deleted. */
  readonly events: number;
}

/**
 * Reads aggregates back from a sink, so that `verify` can prove the books against them. It only reads, and
 * has connections of its own.
 */
export interface ReadBack {
  /**
   * - `cheap`: aggregates are found by their key.
   * - `scan`: the first call reads everything in the sink. So it is done only where an operator asks for it.
   */
  readonly cost: "cheap" | "scan";
  /**
   * Sum of `count` over the aggregates of `instance` whose window starts at `sinceMs` or later.
   *
   * @param lengthMs Only over windows of this length; undefined: of any length.
   */
  sumOfCounts(instance: string, sinceMs: number, signal: AbortSignal, lengthMs?: number): Promise<number>;
  /** The aggregates of `instance` for one window, in any order. */
  rowsOfWindow(
    instance: string,
    windowStartMs: number,
    windowEndMs: number,
    signal: AbortSignal,
  ): Promise<Aggregate[]>;
  /**
   * The aggregates of `instance` in its newest windows, newest window first, `limit` at most; left out: this
   * kind of sink cannot find them.
   */
  newest?(instance: string, limit: number, signal: AbortSignal): Promise<Aggregate[]>;
  /**
   * The aggregates of some series of `instance`, oldest window first, for somebody who looks at them; left
   * out: this kind of sink finds them only by reading everything. It reads whole windows, about as many as
   * give `limit` aggregates, and gives way to other work meanwhile.
   */
  rowsOfSeries?(instance: string, sought: SoughtRows, signal: AbortSignal): Promise<FoundRows>;
  /** The aggregates of `instance` that the sink itself has deleted for their age; undefined: none. */
  deleted?(instance: string, signal: AbortSignal): Promise<DeletedRows | undefined>;
  /**
   * The aggregates of `instance` that must not exist, whatever the books say: a sentence for each. Looks only
   * at windows from `sinceMs` on.
   *
   * @param mayRepeat Whether an operator has had aggregates of a window that starts then sent again.
   */
  flaws?(
    instance: string,
    sinceMs: number,
    mayRepeat: (windowStartMs: number) => boolean,
    signal: AbortSignal,
  ): Promise<Iterable<string>>;
}

/** Which series are sought. */
export interface SoughtSeries {
  readonly name: string;
  /** Labels that the series have, among others. */
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined: every function. */
  readonly aggFunc: string | undefined;
}

/** Which aggregates are sought: those of windows that start in `[fromMs, untilMs)`, Unix ms. */
export interface SoughtRows extends SoughtSeries {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Undefined: windows of every length. */
  readonly lengthMs: number | undefined;
  readonly limit: number;
}

export interface FoundRows {
  readonly aggregates: readonly Aggregate[];
  /** All of the sought aggregates whose windows start before this time are found. Unix ms. */
  readonly reachedMs: number;
}
