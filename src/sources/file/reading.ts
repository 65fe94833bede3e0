import type { RecordReader } from "../../codec/mapping/record_reader.ts";

/** How files are read. */
export interface Reading {
  /** Undefined: lines are events as they are. */
  readonly reader: RecordReader | undefined;
  readonly isFollowed: boolean;
}
