import type { Aggregate, Aggregates } from "../aggregation/aggregate.ts";
import { oneLine } from "../platform/log/printable.ts";
import type { ReadBack } from "./read_back.ts";

/**
 * The number of an aggregate in the outbox. It grows by one with each aggregate. A cursor is the number of
 * the next one.
 */
export type OutboxId = number;

/**
 * A part of the outbox for one sink: the aggregates with ids in `[firstId, nextId)` that are routed to it.
 */
export interface OutboxBatch {
  readonly firstId: OutboxId;
  /** The sink's cursor after this batch. */
  readonly nextId: OutboxId;
  readonly aggregates: Aggregates;
  /** The outbox id of each aggregate, ascending. */
  readonly ids: readonly OutboxId[];
  /**
   * The aggregates were sent before. They replace those of the same revision in the sink, but never those of
   * a higher one. So `redeliver` mends an aggregate that was changed in the sink.
   */
  readonly overwrites?: boolean;
  /** When the oldest of its windows was closed, Unix ms; left out: the aggregates were sent before. */
  readonly closedMs?: number;
  /**
   * The `traceparent` of its delivery, which a sink of messages passes on; undefined: nothing is traced.
   */
  readonly traceparent?: string;
}

/** What a sink knows of the state that its aggregates come from. */
export interface SinkContext {
  /** Identity of the state database. It is another one after the state was deleted or restored. */
  readonly stateId: string;
  /** The local cursor: the next outbox id for this sink, by the state database. */
  readonly cursor: OutboxId;
  /** One past the newest id of the outbox. */
  readonly endId: OutboxId;
  /**
   * The aggregates that the sink must have already. A sink that lacks them was restored, or created again.
   */
  readonly confirmed: Confirmed;
  /** The handler that opens it. Of two handlers on copies of one state, one has to give way. */
  readonly claimant: Claimant;
  /** Reports that something is wrong with the aggregates in the sink; delivery goes on. */
  readonly alarm: (alarm: SinkAlarm) => void;
  /** Reports aggregates in the sink whose numbers differ from those that were to be written. */
  readonly contradicted: (found: readonly Contradiction[]) => void;
}

/** What a sink has confirmed so far, as the state knows it. */
export interface Confirmed {
  /** Whether it has confirmed anything. */
  readonly any: boolean;
  /**
   * The newest aggregates that it has confirmed, at most {@link CONFIRMED_MAX}, as far as the state still has
   * them.
   */
  readonly newest: readonly Aggregate[];
}

export const CONFIRMED_MAX = 100;

/**
 * - `rows_missing`: aggregates that the sink has confirmed are not there.
 * - `rows_differ`: an aggregate in the sink has the same revision or a higher one, but not the numbers of
 *   this state.
 */
export const SINK_ALARMS = ["rows_missing", "rows_differ"] as const;
export type SinkAlarmKind = typeof SINK_ALARMS[number];

export interface SinkAlarm {
  readonly kind: SinkAlarmKind;
  /** The finding, as a part of a sentence. */
  readonly detail: string;
  /** Least number of aggregates that are concerned. */
  readonly count: number;
}

/**
 * An aggregate that was not written because the sink holds it at the same revision or a higher one, with
 * other numbers.
 */
export interface Contradiction {
  readonly written: Aggregate;
  readonly held: Aggregate;
}

/** What a sink stores about the handler that writes to it, besides the aggregates. */
export interface Claim {
  readonly stateId: string;
  /** Number of starts of a handler on the state, this one included. */
  readonly boot: number;
  /** Random, for each start. */
  readonly life: string;
  /** One past the newest outbox id that was written. */
  readonly nextId: number;
}

/** The handler that wants to write to a sink: its state, and the number of its start. */
export interface Claimant {
  readonly boot: number;
  readonly life: string;
  /** One past the newest outbox id that the state had before this start. */
  readonly startId: number;
  /**
   * Why this handler must not write to the sink, judged by the claim found there; undefined: it may take the
   * sink over.
   */
  objection(found: Claim): string | undefined;
  /**
   * Called once the sink is open for this handler. A handler that takes the sink over later runs beside this
   * one.
   */
  claimed(): void;
  /**
   * As {@link Claimant.objection}, for a sink that stores only the state's id and a position: it objects to a
   * position that this state has never reached.
   */
  objectionToPosition(nextId: number): string | undefined;
}

/**
 * What happens when a batch is written again. The first write may have succeeded while its answer was lost.
 *
 * - `upsert`: nothing changes. An aggregate replaces the one with its key where its revision is higher. So
 *   aggregates may also be written one by one, in any order and any number of times. The delivery does that
 *   to find the one at fault (kinds `postponed` and `unexplained` of {@link SinkError}).
 * - `positioned`: no batch is written again. The sink stores the position with the aggregates in one step,
 *   and `open` returns it. Aggregates that are sent again on purpose are there twice.
 * - `append`: the aggregates are there twice. Their readers must keep one of each revision.
 */
export type Repeat = "upsert" | "positioned" | "append";

/**
 * What aggregates are written to. A sink never retries: it throws a {@link SinkError}, whose kind decides
 * what the delivery does next. After an error of kind `unavailable`, `timed_out` or `misconfigured` the
 * delivery calls `close` and `open` again.
 *
 * The delivery of a running handler calls `open`, `write` and `keepAlive`, one at a time. `check` calls
 * `probe`; `verify` and `redeliver` use `readBack`. These create sinks of their own, which they never open,
 * while a handler may write from another process.
 */
export interface Sink {
  /**
   * The operator's name for it: the `id` of `id:kind` in `STORAGE_TYPE`, else the kind. Its key in the state,
   * routes and metrics.
   */
  readonly id: string;
  readonly repeat: Repeat;
  /**
   * Connects, creates what is missing, and fences off earlier writers. Returns the id from which to deliver:
   * the cursor, or a higher one where the sink is known to have the aggregates before it.
   */
  open(context: SinkContext, signal: AbortSignal): Promise<OutboxId>;
  /** Writes the whole batch or throws. Once it resolves, the aggregates survive a crash of the sink. */
  write(batch: OutboxBatch, signal: AbortSignal): Promise<void>;
  /**
   * Tries everything that `open` and `write` will do, including every right, and returns in a few words what
   * it found. It leaves nothing behind and disturbs no handler that writes to the sink.
   */
  probe(signal: AbortSignal): Promise<string>;
  /**
   * Called while there is nothing to write, at least daily, for a sink that would else forget the position.
   */
  keepAlive?(nextId: OutboxId, signal: AbortSignal): Promise<void>;
  /** Releases connections, also those of `readBack`; never throws; safe to call in any state. */
  close(): Promise<void>;
  /** Left out: the aggregates cannot be read back. */
  readonly readBack?: ReadBack;
}

/** A sink whose aggregates can be read back. */
export type ReadableSink = Sink & { readonly readBack: ReadBack };

/**
 * The kind of a sink's error, which decides what the delivery does next. A sink that is `unavailable` gets
 * the same batch again, and one that has `timed_out` a smaller one. A `rejected` aggregate waits for an
 * operator, and a `postponed` one is retried without.
 *
 * - `unavailable`: the sink cannot be reached or does not work now; the batch is retried for ever.
 * - `timed_out`: the batch took too long; it is retried for ever, with ever fewer aggregates.
 * - `rejected`: the sink refuses an aggregate of the batch; the delivery bisects the batch until it has found
 *   the ones at fault.
 * - `postponed`: the sink refuses an aggregate for a reason that may pass, such as a missing partition. The
 *   batch is bisected as for `rejected`, and the aggregate is retried later without an operator. Only for
 *   sinks whose `repeat` is `upsert`.
 * - `unexplained`: the sink has refused the batch, and the error does not tell whether an aggregate or the
 *   sink is at fault. To find out, aggregates are written out of order and more than once, so this is only
 *   for sinks whose `repeat` is `upsert`.
 * - `misconfigured`: the table is missing or the login is refused; retried slowly, reported loudly.
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

/** A refusal whose error does not tell the reason. */
export class UnexplainedRefusal extends SinkError {
  /**
   * @param sameness What two refusals for the same reason have in common: a part of the message without the
   * values of the aggregate.
   * @param otherwise What the refusal counts as where no aggregate is at fault.
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
