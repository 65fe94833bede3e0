import type { ShareNumber } from "../settings/share.ts";
import type { OffsetRange } from "./offset_range.ts";

/** What a position of a partition says, which several instances may have read one after the other. */
export interface PartitionReading {
  /** Of the next record. */
  readonly offset: number;
  /** What the instance has read. */
  readonly ranges: readonly OffsetRange[];
  /** How often the partition has changed hands. */
  readonly epoch: number;
  /** Where the first of all instances began; undefined: not known. */
  readonly begun: number | undefined;
  /** The instance that it was given to; undefined: this instance has it. */
  readonly givenTo: ShareNumber | undefined;
}
