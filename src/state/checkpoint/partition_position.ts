import type { PartitionId, Position } from "../../contract/source.ts";
import type { LogHistory } from "../../event/log_history.ts";

/** How far a partition of a source has been read. */
export interface PartitionPosition {
  /** The source's name. */
  readonly source: string;
  readonly partition: PartitionId;
  /**
   * Identity of the history that the position belongs to; undefined: not known yet, or the source has no such
   * thing.
   */
  readonly lineage: string | undefined;
  /** Undefined: before the oldest event. */
  readonly position: Position | undefined;
}

/** A partition in the form of a checkpoint. */
export interface ReadPartition extends PartitionPosition {
  /** Index of the source in the configuration. */
  readonly ordinal: number;
  /** Greatest event time, Unix ms; -Infinity: there was none. */
  readonly greatestMs: number;
  /** Whether it has gone away, so that only its position is remembered. */
  readonly hasGone: boolean;
  /** The fingerprints of its lineage. */
  readonly history: LogHistory;
}

/** A partition as of the last checkpoint. */
export type RestoredPartition = Omit<ReadPartition, "history" | "hasGone">;
