import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import type { SourceContext } from "../../contract/source.ts";
import type { Holding } from "./holding.ts";
import type { TopicPartition } from "./offset_requests.ts";
import type { Found, PartitionFeed } from "./partition_feed.ts";
import type { Tenure } from "./partition_shares.ts";

/** What a partition needs of its source. */
export interface PartitionSurroundings {
  readonly context: SourceContext;
  /** Undefined: records are events as they are. */
  readonly reader: RecordReader | undefined;
  /** Whether the handler reads what there is and ends. */
  readonly endsWhenRead: boolean;
  /** Waits for records. */
  wait(feed: PartitionFeed, untilMs: number, signal: AbortSignal): Promise<Found>;
  /** Looks again at which topics there are and who leads their partitions. @throws {SourceError} */
  refresh(signal: AbortSignal): Promise<void>;
  /** @throws {SourceError} */
  offsetOf(feed: PartitionFeed, of: TopicPartition, wanted: "oldest" | "end", signal: AbortSignal): Promise<
    { readonly offset: number } | { readonly error: number }
  >;
  /**
   * How this instance has the partition; `none`: it does not, or not any more; undefined: no other one reads
   * the source.
   */
  tenureOf(of: TopicPartition): Tenure | "none" | undefined;
  /** Tells what is on disk, for the group. */
  committed(of: TopicPartition, holding: Holding): void;
}
