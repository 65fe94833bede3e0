import type { PartitionId, Position } from "../../contract/source.ts";
import type { LogHistory } from "../../event/log_history.ts";

/** How far a partition of a source has been read. */
export interface PartitionPosition {
  /** The source's name. */
  readonly source: string;
  readonly partition: PartitionId;
  /** Identity of the history that the position belongs to; undefined: not known yet, or the source has no such thing. */
  readonly lineage: string | undefined;
  /** Undefined: before the oldest event there is. */
  readonly position: Position | undefined;
}

/** A partition as a checkpoint is to keep it. */
export interface ReadPartition extends PartitionPosition {
  /** The source's place in the configuration. */
  readonly ordinal: number;
  /** Greatest event time, Unix ms; -Infinity: there was none. */
  readonly greatestMs: number;
  /** Whether it has gone away: where it was read to is remembered. */
  readonly hasGone: boolean;
  /** What was read of its lineage, as fingerprints. */
  readonly history: LogHistory;
}

/** A partition as the last checkpoint has left it. */
export type RestoredPartition = Omit<ReadPartition, "history" | "hasGone">;
