import type { RecordReader } from "../codec/mapping/record_reader.ts";
import type { RefusedEvent } from "../state/letters/dead_letters.ts";
import type { CheckpointTimes } from "./checkpoint_maker.ts";

export interface IngestOptions extends CheckpointTimes {
  readonly idleTimeoutMs: number;
  readonly outboxMaxRows: number;
  readonly maxFutureSkewMs: number;
  /**
   * How records are made events of, by the names of their sources; where none is, they are events as they
   * are. Only those of the start count.
   */
  readonly readers: ReadonlyMap<string, RecordReader>;
}

/** What ingest reports to the metrics. Durations in seconds. */
export interface IngestObserver {
  processed(seconds: number): void;
  checkpointed(seconds: number): void;
  refused(event: RefusedEvent): void;
}
