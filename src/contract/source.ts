import type { EventBatch } from "../event/event_batch.ts";
import type { LogHistory } from "../event/log_history.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { oneLine } from "../platform/log/printable.ts";

/** Of the identity of a log, which is the lineage of a VaBus. */
export const LOG_ID_MAX_CHARACTERS = 512;

/** Tells the partitions of a source apart, for as long as the source exists: the key in the state. A source that has but one calls it "". */
export type PartitionId = string;

/**
 * How far a partition was read: opaque to all but its source. Stored with what came of the events before it. A source whose bus has
 * acknowledgements instead of offsets numbers what it hands over, and maps a position to them; what it must remember across a crash is part of
 * the position. It comes back as it was written; a source does not trust that, since a state may have been another source's.
 */
export type Position = string;

/**
 * Where events come from. A source never retries and never waits longer than it is told to: it throws a {@link SourceError}, whose kind decides
 * what the reader does next.
 */
export interface Source {
  /** The operator's name for it, without credentials: the key in the state, and its name in logs and `status`. */
  readonly id: string;
  /**
   * Makes ready to read and answers the partitions there are. The reader calls it once, before it reads, and again after a failure.
   *
   * @throws {SourceError}
   */
  open(context: SourceContext, signal: AbortSignal): Promise<readonly Partition[]>;
  /** Reaches the source, tries the rights that reading needs, and says in a few words what is there; takes nothing. For `check`. @throws {SourceError} */
  probe(signal: AbortSignal): Promise<string>;
  /** What the source says the time is, Unix ms; undefined: it does not. Takes nothing. @throws {SourceError} */
  time?(signal: AbortSignal): Promise<number | undefined>;
  /** Releases connections; never throws; safe to call in any state. No read is under way any more. */
  close(): Promise<void>;
}

/** What a source is given when it is opened. */
export interface SourceContext {
  /** How far each partition was read, as far as the state knows it. */
  readonly resume: ReadonlyMap<PartitionId, Position>;
  /**
   * To be called, once `open` has answered, with all partitions that there are now, whenever they are not those of the last time. One that stays is the
   * same object. One that is not among them any more is gone: a read of it that is under way is called off, what it hands over all the same is taken
   * in, {@link Partition.committed} is still called once that is on disk, and it holds the others back no longer. One with the id of
   * another that was there before goes on where that was left; a new one begins at the oldest event there is.
   */
  readonly changed: (partitions: readonly Partition[]) => void;
  /**
   * There may be something to read in this partition now. Only where there are so many that they take turns ({@link ReadRequest.waitMs} is 0) it
   * matters: the partition is read next, instead of when its rest is over.
   */
  readonly arrived: (partition: PartitionId) => void;
  /** To be called with what the source says the time is, Unix ms, whenever it does: by that a wrong own clock is found out. */
  readonly heardTime: (dateMs: number) => void;
  /** Whether more may be asked for before what is handed over has been taken in. */
  readonly mayReadAhead: () => boolean;
  readonly lineages: Lineages;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What is known of the lineages of all sources. A lineage is the identity of one history of events, whatever address leads to it; no two
 * partitions have the same.
 */
export interface Lineages {
  /** Another partition than the one that asks that reads this lineage: read twice, its events would count twice. Undefined: there is none. */
  readerOf(lineage: string, asking: PartitionId): LineageReader | undefined;
  /** Whether the state knows how far this lineage was read, by a partition that is there no more. */
  isKnown(lineage: string): boolean;
}

/** A partition that reads a lineage, as others see it. */
export interface LineageReader {
  readonly name: string;
  /** Which lineage is at its other end now: it may have been exchanged since the last read. @throws {SourceError} */
  lineageNow(signal: AbortSignal): Promise<string>;
}

/** Where a partition stands. It is replaced, never changed, whenever the partition moves. */
export interface Progress {
  /** The history that the position belongs to; undefined: not known yet, or the source has no such thing. */
  readonly lineage: string | undefined;
  /** Undefined: before the oldest event there is. */
  readonly position: Position | undefined;
  /** What was taken in of this lineage, as fingerprints; empty where {@link Outcome} never says an offset. */
  readonly history: LogHistory;
}

/**
 * What a source does with what was handed over and is in no checkpoint yet, after a crash:
 * - `from-position`: reading goes on from a position, any number of times.
 * - `redelivers-unacknowledged`: what was not {@link Partition.committed} comes again by itself. Within a life, the source keeps what it has
 *   handed over until then, since it may be asked for the same progress again.
 * - `none`: it is gone. So the reader makes a checkpoint after each read, and does not read while it might have to hold events back.
 */
export type Replay = "from-position" | "redelivers-unacknowledged" | "none";

export interface ReadRequest {
  /** Events at most. */
  readonly limit: number;
  /** How long to wait for the first event. 0 where there are more partitions than are read at once. */
  readonly waitMs: number;
  /** Reading has been at rest: the other end may have become another one with no failed read to tell of it. */
  readonly isAfterRest: boolean;
}

/** A part of a source with an order of its own. Read by one reader, one read at a time, while others of the same source are read. */
export interface Partition {
  readonly id: PartitionId;
  readonly replay: Replay;
  /** How long a read takes at most beyond what it may wait. */
  readonly readMaxMs: number;
  /**
   * Reads what follows `from` into the batch. The reader calls it again and again, with where the last outcome has led; with the same
   * progress again where events could not be taken in, or the process has begun anew: then the same events come again, unless `replay` is `none`.
   * Nothing of the batch is the source's after that. Where the signal fires, the read ends soon, with an error or without; a source that
   * forgets what it hands out hands it over all the same.
   *
   * @param into Filled anew. Its contents mean something only where the outcome is `events`.
   * @throws {SourceError} Nothing has moved.
   */
  read(from: Progress, into: EventBatch, request: ReadRequest, signal: AbortSignal): Promise<Outcome>;
  /**
   * All that lies before `progress` is on disk: the source may forget it. Called after each checkpoint, also in the middle of a read, and
   * before the first read with what an earlier process has left. A source must work without it, since it may be lost in a crash. Never rejects.
   * What it gets is a progress that an outcome of this partition has led to, or the one that it was opened at.
   */
  committed(progress: Progress): Promise<void>;
  /** Which lineage is at the other end now. Called for the sake of another partition, also in the middle of a read. @throws {SourceError} */
  lineageNow?(signal: AbortSignal): Promise<string>;
  /** Called after the last checkpoint, instead of another read: what is committed may be told to the other end. Never rejects. */
  farewell?(progress: Progress, signal: AbortSignal): Promise<void>;
}

/** What a read has come to. */
export type Outcome =
  /** `events`: the batch holds at least one. `idle`: there was none in the time. */
  | (Step & {
    readonly kind: "events" | "idle";
    /** Undefined: the partition has no positions. */
    readonly next: Position | undefined;
    /** Events before those of the batch that cannot be had any more. */
    readonly lost: number;
    /** How long it took to make events of the bytes, for `processing_time`. */
    readonly decodeMs: number;
    /** The bus gives no more before these events are acknowledged: a checkpoint is made at once. */
    readonly awaitsCommit?: true;
  })
  /** The source has nothing more at the place; it goes on at `next`, and `lost` events between cannot be had any more. */
  | (Step & { readonly kind: "gap"; readonly next: Position; readonly lost: number })
  /** The history is another one from now on, read from its oldest event; `lost` of its events cannot be had any more. */
  | (Step & { readonly kind: "restarted"; readonly next: Position | undefined; readonly lost: number })
  /** Of the same lineage other events, or none, are at positions that were read: they are read again from `next` on; `doubtful` of them may be the same. */
  | (Step & { readonly kind: "returned"; readonly next: Position; readonly doubtful: number })
  /** What answers is a lineage that was read elsewhere before ({@link Lineages.isKnown}): reading goes on where that was left. */
  | { readonly kind: "moved"; readonly lineage: string }
  /**
   * What answers is a lineage that another partition has read ({@link Lineages.readerOf}), which has another one itself by now: the two go on
   * with each other's places, and their sources with each other's ids. Only for sources of one partition.
   */
  | { readonly kind: "exchanged"; readonly lineage: string };

interface Step {
  readonly lineage: string | undefined;
  /**
   * Number of the event at `next` in its lineage, where events are numbered one by one without gaps. Then dead letters name the number of
   * their event, and fingerprints of what is taken in are kept ({@link Progress.history}), for which a partition takes 256 KiB of memory.
   */
  readonly offset: number | undefined;
}

/**
 * - `unavailable`: no connection, time-out, 5xx, 429.
 * - `incomplete`: an answer that was cut off, or is larger than can be taken: one of fewer events may be neither.
 * - `smaller`: an answer that cannot be read; the source will ask for fewer events, so that it is read again at once.
 * - `refused`: 401, 403, TLS identity: someone has to change something.
 * - `garbage`: an answer, but not of this kind of source (404, not JSON, wrong shape), or one that contradicts itself.
 */
export type SourceErrorKind = "unavailable" | "incomplete" | "smaller" | "refused" | "garbage";

/** The only error a source throws. `message` is for the operator: what is wrong and what to do, without secrets. */
export class SourceError extends Error {
  constructor(
    readonly kind: SourceErrorKind,
    message: string,
    /** From `Retry-After`: do not ask again sooner. Milliseconds. */
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(oneLine(message), options);
    this.name = "SourceError";
  }
}
