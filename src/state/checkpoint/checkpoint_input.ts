import type { LogHistory } from "../../event/log_history.ts";
import type { OpenWindow } from "../../aggregation/open_windows.ts";
import type { Order } from "../audit.ts";
import type { DeadLetter, RefusedEvent } from "../letters/dead_letters.ts";
import type { RefusalAlarm } from "../letters/refusal_alarms.ts";

/** How far a bus has been read. */
export interface BusPosition {
  readonly name: string;
  /** Identity of the bus's log; undefined before the first reply. */
  readonly log: string | undefined;
  /** Undefined: from the oldest event there is. */
  readonly nextOffset: number | undefined;
}

/** What has come since the last checkpoint, and what is to close. */
export interface CheckpointInput {
  /** Wall clock, Unix ms. */
  readonly nowMs: number;
  /** Since the last checkpoint or the start, by a clock that does not jump. */
  readonly elapsedMs: number;
  /** In the aggregator's numbering. */
  readonly buses: readonly BusPosition[];
  /** What was read of each bus's log, in the same order. */
  readonly histories: readonly LogHistory[];
  readonly closing: readonly OpenWindow[];
  readonly refused: readonly RefusedEvent[];
  readonly lost: number;
  /** Those of them that an operator has given up. */
  readonly skipped: number;
  /** Events that will be read again and may be the same as before. */
  readonly doubtful: number;
  /** The operators' orders that they were given up by, and what came of each. */
  readonly orders: readonly (readonly [order: Order, result: string])[];
  readonly settled: SettledRequests;
  readonly alarms: readonly RefusalAlarm[];
}

/** Operators' requests that this checkpoint fulfils. */
export interface SettledRequests {
  readonly requests: readonly number[];
  /** Dead letters whose events have been aggregated, or refused anew. */
  readonly retried: readonly number[];
  readonly purged: readonly number[];
  /** Dead letters of aggregates that go back to the sink that rejected them. */
  readonly reissued: readonly DeadLetter[];
}
