import type { SingleRecords } from "../codec/mapping/own_formats.ts";
import type { RefusedEvent } from "../state/letters/dead_letters.ts";
import type { CheckpointTimes } from "./checkpoint_maker.ts";

export interface IngestOptions extends CheckpointTimes {
  readonly idleTimeoutMs: number;
  readonly outboxMaxRows: number;
  readonly maxFutureSkewMs: number;
  /**
   * What maps records to events, by the names of the sources. The records of other sources are events. It
   * cannot be changed after the start.
   */
  readonly readers: ReadonlyMap<string, SingleRecords>;
}

/** What ingest reports to the metrics. Durations in seconds. */
export interface IngestObserver {
  processed(seconds: number): void;
  checkpointed(seconds: number): void;
  refused(event: RefusedEvent): void;
}
