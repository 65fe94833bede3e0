import type { EventBooks } from "../aggregation/event_books.ts";
import type { SingleRecords } from "../codec/mapping/own_formats.ts";
import type { RefusedEvent } from "../state/letters/dead_letters.ts";
import type { CheckpointTimes } from "./checkpoint_maker.ts";
import type { EventTap } from "./event_tap.ts";
import type { IngestTraces } from "./ingest_traces.ts";
import type { SeriesTroubles } from "./series_troubles.ts";

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
  /** A batch of a source was taken in. @param before The books before it. @param after Those after it. */
  processed(
    source: string,
    durations: StepSeconds,
    before: Readonly<EventBooks>,
    after: Readonly<EventBooks>,
  ): void;
  checkpointed(seconds: number): void;
  refused(event: RefusedEvent): void;
  /** The spans of what it does; undefined: nothing is traced. */
  readonly traces?: IngestTraces | undefined;
  /** Shows the events that are taken in; undefined: to nobody. */
  readonly tap?: EventTap | undefined;
  /** Remembers which series have late or refused events; undefined: nobody does. */
  readonly troubles?: SeriesTroubles | undefined;
}

/** How long the steps took that a batch has gone through. */
export interface StepSeconds {
  /** The read, with the wait for the first event and without decoding. */
  readonly fetch: number;
  readonly decode: number;
  readonly aggregate: number;
}

/** @param readMs How long the read took, with decoding. */
export function stepSeconds(readMs: number, decodeMs: number, aggregateMs: number): StepSeconds {
  return { fetch: (readMs - decodeMs) / 1000, decode: decodeMs / 1000, aggregate: aggregateMs / 1000 };
}

/** An observer that takes no notice. */
export const UNOBSERVED: IngestObserver = {
  processed: () => {},
  checkpointed: () => {},
  refused: () => {},
};
