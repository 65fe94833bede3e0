import type { Aggregate } from "../aggregation/aggregate.ts";
import { oneLine } from "../platform/log/printable.ts";

/** The number of an aggregate in the outbox: a whole one, that grows by one with each. A cursor is the number of the next. */
export type OutboxId = number;

/** A run of the outbox for one sink: its aggregates are those with ids in `[firstId, nextId)` that the sink's route names. */
export interface OutboxBatch {
  readonly firstId: OutboxId;
  /** The position after this batch: what the sink's cursor becomes once the batch is written. */
  readonly nextId: OutboxId;
  readonly aggregates: readonly Aggregate[];
  /** The outbox id of each aggregate, ascending. */
  readonly ids: readonly OutboxId[];
  /**
   * Rows that the sink has had before, and that replace what it holds at the same revision; never at a higher one. So `redeliver` mends
   * a row that somebody has changed in the sink.
   */
  readonly overwrites?: boolean;
}

/** What a sink knows of the state it is fed from. */
export interface SinkContext {
  /** Identifies the state database; another one after the state was wiped or restored. */
  readonly stateId: string;
  /** The local cursor: the outbox id the state database says comes next for this sink. */
  readonly cursor: OutboxId;
  /** One past the newest id the outbox has given out. */
  readonly endId: OutboxId;
  /** What the sink must have already: where it lacks that, it was restored, or made anew. */
  readonly confirmed: Confirmed;
  /** Who opens it: of two handlers on copies of one state, one has to give way. */
  readonly claimant: Claimant;
  /** Tells of what is wrong with what the sink holds; delivery goes on. */
  readonly alarm: (alarm: SinkAlarm) => void;
  /** Tells of rows that it holds with other numbers than were to be written. */
  readonly contradicted: (found: readonly Contradiction[]) => void;
}

/** What a sink has confirmed, by the state. */
export interface Confirmed {
  /** Whether it has confirmed anything. */
  readonly any: boolean;
  /** The newest aggregates that it has confirmed, at most {@link CONFIRMED_MAX}, as far as the state still has them. */
  readonly newest: readonly Aggregate[];
}

export const CONFIRMED_MAX = 100;

/**
 * - `rows_missing`: what it has confirmed is not there.
 * - `rows_differ`: a row is there at the same revision or a higher one, with numbers that are not this state's.
 */
export type SinkAlarmKind = "rows_missing" | "rows_differ";

export interface SinkAlarm {
  readonly kind: SinkAlarmKind;
  /** What was found, as a part of a sentence. */
  readonly detail: string;
  /** Rows that are known to be concerned, at least. */
  readonly count: number;
}

/** A row that was not written because the sink holds it at the same revision or a higher one, with other numbers. */
export interface Contradiction {
  readonly written: Aggregate;
  readonly held: Aggregate;
}

/** What a sink keeps of the handler that writes to it, beside the rows of an instance. */
export interface Claim {
  readonly stateId: string;
  /** Starts of a handler on the state up to this one. */
  readonly boot: number;
  /** Random, for each start. */
  readonly life: string;
  /** One past the newest outbox id that was written. */
  readonly nextId: number;
}

/** The handler that wants to write to a sink: its state, and which start on it this is. */
export interface Claimant {
  readonly boot: number;
  readonly life: string;
  /** One past the newest outbox id that the state had given out before this start. */
  readonly startId: number;
  /** Why the sink may not be written to, with the claim as it is found there; undefined: it may be taken over. */
  objection(found: Claim): string | undefined;
  /** Told once the sink is open for this handler: whoever takes it over from then on does so beside this handler. */
  claimed(): void;
  /** The same as {@link Claimant.objection} for a sink that keeps no more than the state's id and a position: one that this state has never reached. */
  objectionToPosition(nextId: number): string | undefined;
}

/**
 * What writing a batch again does that may have been written already, since its answer was lost:
 *
 * - `upsert`: nothing. A row takes the place of the one with its key where its revision is higher. So rows may also come one by one,
 *   in any order and any number of times, which is how a row at fault is found (kinds `postponed` and `unexplained` of
 *   {@link SinkError}).
 * - `positioned`: it does not come to it. The sink keeps the position with the rows, in one step, and `open` answers it. What is sent
 *   again on purpose is there twice.
 * - `append`: the rows are there twice. Whoever reads them keeps one of each revision.
 */
export type Repeat = "upsert" | "positioned" | "append";

/**
 * What aggregates are written to. A sink never retries: it throws a {@link SinkError}, whose kind decides what the delivery does
 * next. After a throw of kind `unavailable`, `timed_out` or `misconfigured` it calls `close` and `open` anew.
 *
 * `open`, `write` and `keepAlive` are called by the delivery of a running handler, one at a time; `probe` by `check`, and `readBack` by
 * `verify` and `redeliver`, both on sinks of their own that were never opened, while a handler may be writing from another process.
 */
export interface Sink {
  /** The operator's name for it: the `id` of `id:kind` in `STORAGE_TYPE`, else the kind. Its key in the state, routes and metrics. */
  readonly id: string;
  readonly repeat: Repeat;
  /**
   * Connects, creates what is missing, keeps away whoever has written here before, and answers from which id on to deliver: the
   * cursor, or further on what it is known to hold.
   */
  open(context: SinkContext, signal: AbortSignal): Promise<OutboxId>;
  /** Writes the whole batch or throws. What is written when it resolves outlives a crash of the sink. */
  write(batch: OutboxBatch, signal: AbortSignal): Promise<void>;
  /**
   * Tries whatever `open` and `write` will do there, every right included, and says in a few words what it found. It leaves nothing
   * behind and disturbs no handler that writes there.
   */
  probe(signal: AbortSignal): Promise<string>;
  /** Called while there is nothing to write, at least daily: for a sink that would forget the position. */
  keepAlive?(nextId: OutboxId, signal: AbortSignal): Promise<void>;
  /** Releases connections, also those of `readBack`; never throws; safe to call in any state. */
  close(): Promise<void>;
  /** Left out: what was written cannot be read again. */
  readonly readBack?: ReadBack;
}

/** Rows that a sink has deleted for their age. */
export interface DeletedRows {
  /** Windows that start before may lack rows; Unix ms. */
  readonly beforeMs: number;
  /** Events in the rows that were deleted. */
  readonly events: number;
}

/** Reads a sink's rows back, so that `verify` can prove the books against them. It only reads, and connects by itself. */
export interface ReadBack {
  /**
   * - `cheap`: what is asked for is found by its key.
   * - `scan`: with the first question all that the sink holds is read. It is done only where an operator asks for it.
   */
  readonly cost: "cheap" | "scan";
  /** Sum of `count` over the rows of `instance` whose window starts at `sinceMs` or later. */
  sumOfCounts(instance: string, sinceMs: number, signal: AbortSignal): Promise<number>;
  /** The rows of `instance` for one window, in any order. */
  rowsOfWindow(
    instance: string,
    windowStartMs: number,
    windowEndMs: number,
    signal: AbortSignal,
  ): Promise<Aggregate[]>;
  /** The rows of `instance` in its newest windows, newest window first, at most `limit`; left out: nobody can look at a sink of the kind so. */
  newest?(instance: string, limit: number, signal: AbortSignal): Promise<Aggregate[]>;
  /** What the sink itself has deleted of the rows of `instance`, for their age; undefined: nothing. */
  deleted?(instance: string, signal: AbortSignal): Promise<DeletedRows | undefined>;
  /**
   * What is there of `instance` and must not be, whatever the books say; each a sentence. Only windows from `sinceMs` on.
   *
   * @param mayRepeat Whether rows of a window that starts then have been sent again by an operator's word.
   */
  flaws?(
    instance: string,
    sinceMs: number,
    mayRepeat: (windowStartMs: number) => boolean,
    signal: AbortSignal,
  ): Promise<Iterable<string>>;
}

/** A sink whose rows can be read back. */
export type ReadableSink = Sink & { readonly readBack: ReadBack };

/**
 * What the delivery does next. Each of the three classes of errors has kinds, since of an unavailable sink it matters whether fewer rows
 * would help, and of a refused row whether it is refused for good.
 *
 * - `unavailable`: out of reach or broken for now; retried for ever.
 * - `timed_out`: the batch took too long; retried for ever, with ever fewer rows.
 * - `rejected`: a row of the batch is refused; the router bisects until it has the rows at fault.
 * - `postponed`: a row is refused for a reason that somebody else may end, such as a missing partition; bisected like
 *   `rejected`, and tried again by itself. Only from a sink whose `repeat` is `upsert`.
 * - `unexplained`: the sink has refused the batch, and its error does not tell whether a row or the sink is at fault. Only from a
 *   sink whose `repeat` is `upsert`: to find out, rows are written out of order and more than once.
 * - `misconfigured`: table missing, login refused; retried slowly, reported loudly.
 */
export type SinkErrorKind =
  | "unavailable"
  | "timed_out"
  | "rejected"
  | "postponed"
  | "unexplained"
  | "misconfigured";

/** The only error a sink throws. `message` is for the operator: it says what is wrong, without secrets. */
export class SinkError extends Error {
  constructor(readonly kind: SinkErrorKind, message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
    this.name = "SinkError";
  }
}

/** What the sink has refused for a reason that its error does not tell. */
export class UnexplainedRefusal extends SinkError {
  /**
   * @param sameness What two refusals for the same reason have in common: part of the message, without what belongs to a row.
   * @param otherwise What the refusal is where the rows turn out to be innocent.
   */
  constructor(
    readonly sameness: string,
    readonly otherwise: "unavailable" | "misconfigured",
    message: string,
    options?: ErrorOptions,
  ) {
    super("unexplained", message, options);
    this.name = "UnexplainedRefusal";
  }
}
