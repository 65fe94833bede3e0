import type { OpenWindow } from "../../aggregation/open_windows.ts";
import type { Order } from "../audit.ts";
import type { DeadLetter, RefusedEvent } from "../letters/dead_letters.ts";
import type { RefusalAlarm } from "../letters/refusal_alarms.ts";
import type { PartitionPosition, ReadPartition } from "./partition_position.ts";

/** The changes since the last checkpoint, and the windows to close. */
export interface CheckpointInput {
  /** Wall clock, Unix ms. */
  readonly nowMs: number;
  /** Time since the last checkpoint or the start, by a monotonic clock. */
  readonly elapsedMs: number;
  /** The partitions that have moved since the last checkpoint. */
  readonly partitions: readonly ReadPartition[];
  /** Partitions that have gone away and need not be remembered. */
  readonly forgotten: readonly Pick<PartitionPosition, "source" | "partition">[];
  /** The names of the sources, in the order of the configuration. */
  readonly sources: readonly string[];
  readonly closing: readonly OpenWindow[];
  readonly refused: readonly RefusedEvent[];
  readonly lost: number;
  /** Those of the lost events that an operator has given up. */
  readonly skipped: number;
  /** Events that will be read again and may be the same as before. */
  readonly doubtful: number;
  /** How often a bus began anew or came back without events that were read. */
  readonly resets: number;
  /** The operators' orders by which events were given up, with the results. */
  readonly orders: readonly (readonly [order: Order, result: string])[];
  readonly settled: SettledRequests;
  readonly alarms: readonly RefusalAlarm[];
}

/** Operators' requests that this checkpoint fulfils. */
export interface SettledRequests {
  readonly requests: readonly number[];
  /** Dead letters whose events were aggregated, or refused again. */
  readonly retried: readonly number[];
  /** Those of them that were refused again, and so are new dead letters. */
  readonly refusedAgain: readonly number[];
  readonly purged: readonly number[];
  /** Dead letters of aggregates that go back to the sink that rejected them. */
  readonly reissued: readonly DeadLetter[];
}
