import type { EventBatch } from "../event/event_batch.ts";
import type { LogHistory } from "../event/log_history.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { oneLine } from "../platform/log/printable.ts";

/** Characters at most in the identity of an event log. That identity is the lineage of a VaBus. */
export const LOG_ID_MAX_CHARACTERS = 512;

/**
 * Identity of a partition within its source, for as long as the source exists. It is the key in the state. A
 * source with a single partition calls it "".
 */
export type PartitionId = string;

/**
 * How far a partition was read. Only its source understands it. It is stored together with the results of the
 * events before it. A source whose bus has acknowledgements instead of offsets numbers its events and maps a
 * position to acknowledgements; what it must remember across a crash is a part of the position. The source
 * gets it back unchanged, but must not trust it, since a state may have been another source's.
 */
export type Position = string;

/**
 * Where events come from. A source never retries and never waits longer than it is told to. It throws a
 * {@link SourceError}, whose kind decides what the reader does next.
 */
export interface Source {
  /**
   * The operator's name for it, without credentials: the key in the state, and its name in logs and `status`.
   */
  readonly id: string;
  /**
   * Whether others connect to it: then the handler counts as started once opening it has been tried, which
   * waits for nobody.
   */
  readonly isListening?: boolean;
  /**
   * Prepares reading and returns the partitions. The reader calls it once before it reads, and again after a
   * failure.
   *
   * @throws {SourceError}
   */
  open(context: SourceContext, signal: AbortSignal): Promise<readonly Partition[]>;
  /**
   * Connects, tries the rights that reading needs, and returns in a few words what is there. Takes no event.
   * Called by `check`.
   *
   * @throws {SourceError}
   */
  probe(signal: AbortSignal): Promise<string>;
  /**
   * The lineage of its one partition, as {@link Partition.lineageNow}; left out: it has others, or none. It
   * takes no event. `check` calls it, to find what is named twice. @throws {SourceError}
   */
  lineage?(signal: AbortSignal): Promise<string>;
  /**
   * What it would read, by what each is known by whatever URL leads to it, with its name for operators; left
   * out: only {@link lineage} or reading tells. It takes no event. `check` calls it, and a run at its start.
   *
   * @throws {SourceError}
   */
  contents?(signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** The time of the bus, Unix ms; undefined: it does not tell. Takes no event. @throws {SourceError} */
  time?(signal: AbortSignal): Promise<number | undefined>;
  /**
   * Releases connections. Never throws; safe to call in any state. It is called when no read is under way.
   */
  close(): Promise<void>;
}

/** What a source gets when it is opened. */
export interface SourceContext {
  /** How far each partition was read, by the state. */
  readonly resume: ReadonlyMap<PartitionId, Position>;
  /**
   * The source calls it, after `open` has returned, with all present partitions whenever they have changed. A
   * partition that stays is the same object. One that is missing has gone away: its read is called off,
   * events that it still hands over are taken in, {@link Partition.committed} is still called once these are
   * on disk, and it no longer holds the others back. A partition with the id of an earlier one goes on where
   * that was left; a new one begins at the oldest event.
   */
  readonly changed: (partitions: readonly Partition[]) => void;
  /**
   * Tells that this partition may have something to read now. It matters only where so many partitions take
   * turns that reads do not wait ({@link ReadRequest.waitMs} is 0): the partition is then read next, instead
   * of after its pause.
   */
  readonly arrived: (partition: PartitionId) => void;
  /**
   * The source calls it whenever the bus tells the time, Unix ms. It shows whether the own clock is wrong.
   */
  readonly heardTime: (dateMs: number) => void;
  /**
   * A source whose partitions several instances share calls it with all partitions of its share that it does
   * not read, and with those that it gives to another one in vain, whenever they may have changed.
   */
  readonly withheld: (partitions: ReadonlyMap<PartitionId, Withheld>) => void;
  /** Whether the source may fetch the next events before the last ones are taken in. */
  readonly mayReadAhead: () => boolean;
  readonly lineages: Lineages;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Why a partition of the own share is not read. */
export interface Withheld {
  /** `wait`: another instance has not given it away. `lost`: another one has taken it over. */
  readonly kind: "wait" | "lost";
  /** For operators. */
  readonly why: string;
}

/**
 * The lineages of all sources. A lineage is the identity of one history of events, whatever address leads to
 * it. No two partitions have the same one.
 */
export interface Lineages {
  /**
   * Another partition than the asking one that reads this lineage; undefined: there is none. Events of a
   * lineage that is read twice would count twice.
   */
  readerOf(lineage: string, asking: PartitionId): LineageReader | undefined;
  /** Whether the state knows how far a partition that no longer exists has read this lineage. */
  isKnown(lineage: string): boolean;
}

/** A partition that reads a lineage, as other partitions see it. */
export interface LineageReader {
  readonly name: string;
  /** The lineage that it would read now. It may have changed since the last read. @throws {SourceError} */
  lineageNow(signal: AbortSignal): Promise<string>;
}

/**
 * How far a partition was read, and in which history. It is replaced, never changed, when the partition
 * moves.
 */
export interface Progress {
  /** The history that the position belongs to; undefined: not known yet, or the source has no such thing. */
  readonly lineage: string | undefined;
  /** Undefined: before the oldest event. */
  readonly position: Position | undefined;
  /**
   * Fingerprints of the events that were taken in of this lineage; empty where {@link Outcome} never has an
   * offset.
   */
  readonly history: LogHistory;
}

/**
 * What happens after a crash to events that were handed over and are in no checkpoint:
 * - `from-position`: reading goes on from a position, any number of times.
 * - `redelivers-unacknowledged`: events that were not {@link Partition.committed} come again without being
 *   asked for.
 * - `none`: they are lost. So the reader makes a checkpoint after each read, and does not read while it might
 *   have to hold events back.
 */
export type Replay = "from-position" | "redelivers-unacknowledged" | "none";

export interface ReadRequest {
  /** Number of events at most. */
  readonly limit: number;
  /** How long to wait for the first event; 0 where more partitions exist than are read at once. */
  readonly waitMs: number;
  /**
   * Reading was paused before. Meanwhile the bus may have been exchanged without a failed read that shows it.
   */
  readonly isAfterRest: boolean;
}

/**
 * A part of a source with an order of its own. One reader reads it, one read at a time; other partitions of
 * the source are read meanwhile.
 */
export interface Partition {
  readonly id: PartitionId;
  readonly replay: Replay;
  /** How long a read takes at most beyond its `waitMs`. */
  readonly readMaxMs: number;
  /**
   * Whether it may be left unread, for as long as it takes, while other partitions of the source are behind
   * it in event time. Then windows of the time between need no memory. The reader asks before each read.
   */
  readonly waitsForOthers?: boolean;
  /** How much of it is read, where it has an end that is known: for the progress that an operator sees. */
  readonly extent?: Extent | undefined;
  /** How full the inbox is in which it keeps what others have sent; left out: it has none. */
  readonly inboxFill?: InboxFill;
  /**
   * How many events the bus has behind a position, by its last answer; undefined: it does not tell. Records
   * that are no events, or that were deleted, may be among them. Called at any time.
   */
  unreadAfter?(position: Position): number | undefined;
  /**
   * Reads the events after `from` into the batch. The reader calls it again and again with the progress that
   * the last outcome led to. Where events could not be taken in, or after a restart, it calls with the same
   * progress again: then the same events must come again, unless `replay` is `none`. The batch belongs to the
   * reader once the read is over. Where the signal fires, the read ends soon, with an error or without. A
   * source that forgets events once it has read them must still hand them over.
   *
   * @param into Filled anew. Its contents mean something only where the outcome is `events`.
   * @throws {SourceError} The progress stays the same.
   */
  read(from: Progress, into: EventBatch, request: ReadRequest, signal: AbortSignal): Promise<Outcome>;
  /**
   * Tells that all events before `progress` are on disk, so the source may forget them. Called after each
   * checkpoint, also during a read, and before the first read with the progress that an earlier process has
   * left. The call may be lost in a crash, so a source must work without it. Never rejects.
   */
  committed(progress: Progress): Promise<void>;
  /**
   * The lineage that a read would find now. Called for the sake of another partition, also during a read.
   * @throws {SourceError}
   */
  lineageNow?(signal: AbortSignal): Promise<string>;
  /**
   * Called after the last checkpoint, instead of another read: the source may acknowledge to the bus what is
   * committed. Never rejects.
   */
  farewell?(progress: Progress, signal: AbortSignal): Promise<void>;
}

/** How full an inbox is. */
export interface InboxFill {
  readonly bytes: number;
  readonly maxBytes: number;
}

/** A part of a whole, in bytes as they are stored. */
export interface Extent {
  readonly readBytes: number;
  readonly allBytes: number;
}

/** The result of a read. */
export type Outcome =
  /** `events`: the batch has at least one event. `idle`: none came in the time. */
  | (Step & {
    readonly kind: "events" | "idle";
    /** Undefined: the partition has no positions. */
    readonly next: Position | undefined;
    /** Events before those of the batch that the bus no longer has. */
    readonly lost: number;
    /** How long decoding took, for `processing_time`. */
    readonly decodeMs: number;
    /**
     * Whether the bus gives no more before what was read is acknowledged. Then a checkpoint is made at once,
     * and an `idle` read is not the end of what there is.
     */
    readonly awaitsCommit?: true;
    /**
     * Whether the bus may have given a record of the batch before, by its position in the batch. An event of
     * it that has no id may then count twice. Left out: it has not.
     */
    readonly mayBeRepeated?: (position: number) => boolean;
  })
  /**
   * The bus no longer has the events at the position. Reading goes on at `next`; the `lost` events between
   * are gone.
   */
  | (Step & { readonly kind: "gap"; readonly next: Position; readonly lost: number })
  /**
   * The bus has a new history, which is read from its oldest event on. It no longer has `lost` events of it.
   */
  | (Step & { readonly kind: "restarted"; readonly next: Position | undefined; readonly lost: number })
  /**
   * The lineage is the same, but other events, or none, are at positions that were read. These positions are
   * read again from `next` on; `doubtful` of the events may be counted twice.
   */
  | (Step & { readonly kind: "returned"; readonly next: Position; readonly doubtful: number })
  /**
   * The bus has a lineage that was read from another bus before ({@link Lineages.isKnown}). Reading goes on
   * where it was left.
   */
  | { readonly kind: "moved"; readonly lineage: string }
  /**
   * The bus has a lineage that another partition has read ({@link Lineages.readerOf}), and that one has
   * another lineage by now. The two exchange their progress.
   */
  | { readonly kind: "exchanged"; readonly lineage: string };

interface Step {
  readonly lineage: string | undefined;
  /**
   * Number of the event at `next` in its lineage, where events are numbered without gaps. Then dead letters
   * have the number of their event, and fingerprints of the events are kept ({@link Progress.history}).
   */
  readonly offset: number | undefined;
}

/**
 * - `unavailable`: no connection, time-out, 5xx, 429.
 * - `incomplete`: a reply that was cut off, or that is too large. A reply with fewer events may be neither.
 * - `smaller`: a reply that cannot be read. The source will ask for fewer events, so the read is repeated at
 *   once.
 * - `refused`: 401, 403, TLS identity: an operator has to change something.
 * - `garbage`: a reply that is not of this kind of source (404, not JSON, wrong shape), or that contradicts
 *   itself.
 */
export type SourceErrorKind = "unavailable" | "incomplete" | "smaller" | "refused" | "garbage";

export interface SourceErrorOptions extends ErrorOptions {
  /** Ask again within this time, however often it has failed: asking costs little, and it soon passes. Ms. */
  readonly retryWithinMs?: number;
  /** Events that the bus has handed over with what cannot be read, and does not have any more. */
  readonly lost?: number;
}

/**
 * The only error a source throws. `message` is for the operator: what is wrong and what to do, without
 * secrets.
 */
export class SourceError extends Error {
  constructor(
    readonly kind: SourceErrorKind,
    message: string,
    /** From `Retry-After`: do not ask again sooner. Milliseconds. */
    readonly retryAfterMs?: number,
    private readonly options: SourceErrorOptions = {},
  ) {
    super(oneLine(message), options);
    this.name = "SourceError";
  }

  /** See {@link SourceErrorOptions}. */
  get retryWithinMs(): number {
    return this.options.retryWithinMs ?? Infinity;
  }

  /** See {@link SourceErrorOptions}. */
  get lost(): number {
    return this.options.lost ?? 0;
  }
}
