import { type Aggregate, describeSeries } from "../aggregation/aggregate.ts";
import { Backoff } from "../platform/clock/backoff.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";
import {
  type Contradiction,
  type OutboxBatch,
  type Sink,
  type SinkAlarm,
  SinkError,
  UnexplainedRefusal,
} from "../contract/sink.ts";
import { type Outbox, type SinkRefusal, TooManyRefused } from "../state/outbox/outbox.ts";
import { wayOut } from "../state/alarms.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import { bisect } from "./bisection.ts";
import { refusalIn, Trial } from "./trial.ts";

export interface DeliveryOptions {
  /** Aggregates a write, at most. */
  readonly batchMaxAggregates: number;
  /** How long opening or one write may take before the sink counts as unavailable. */
  readonly attemptTimeoutMs: number;
}

/** What deliveries tell whoever keeps metrics. */
export interface DeliveryObserver {
  delivered(sink: string, aggregates: number, seconds: number): void;
  failed(sink: string, kind: "unavailable" | "misconfigured"): void;
  rejected(sink: string, aggregates: number): void;
}

/**
 * - `starting`: not opened yet.
 * - `delivering`: open; the last attempt succeeded.
 * - `failing`: the last attempts failed; tried again soon.
 * - `broken`: the circuit breaker is open: one attempt from time to time, with one batch.
 * - `misconfigured`: someone has to change something; tried again slowly.
 */
export type DeliveryState = "starting" | "delivering" | "failing" | "broken" | "misconfigured";

/** Failures in a row that open the circuit breaker. */
const BREAKER_FAILURES = 5;
const MISCONFIGURED_PAUSE_MS = 30_000;
const KEEP_ALIVE_MS = 12 * 3600_000;
/** Failures in a row after which a delivery that shall finish gives up. */
const FINISHING_ATTEMPTS = 3;
const CLOSE_TIMEOUT_MS = 5000;
/** Characters of a name in messages. */
const SHOWN_NAME = 100;
/** Writes that have to pass with fewer rows before more are tried: another that takes too long costs a minute. */
const WRITES_BEFORE_GROWTH = 16;
/** Postponed aggregates are tried again this often, by one of each of so many windows. */
const POSTPONED_PAUSE_MS = 60_000;
const POSTPONED_WINDOWS = 20;
/** One that rests looks into the outbox this often by itself too, so that a silent one is known to be stuck. */
const REST_MAX_MS = 30_000;

/** Brings the outbox to one sink, in order, again and again until it has it. Other sinks never wait for it. */
export class Delivery {
  readonly pulse: Pulse;
  private readonly backoff: Backoff;
  private isOpen = false;
  /** Failures in a row since finishing began. */
  private finishingFailures = 0;
  private lastKeepAliveMs: number;
  private failure: SinkError | undefined;
  private hasOpened = false;
  private hasDelivered = false;
  /** Aggregates a write at the moment: fewer after one that took too long. */
  private batchLimit: number;
  /** Writes in a row that have passed at this limit. */
  private writesAtLimit = 0;
  /** The refusal that ended the last attempt, and the batch that it was of; undefined: it ended otherwise. */
  private unexplained: { readonly firstId: number; readonly sameness: string } | undefined;
  private lastPostponedMs = -Infinity;
  /** Where the last round of postponed aggregates came to: the end of a window. */
  private postponedEndMs = -Infinity;
  private current: Sink;
  /** To go on with instead of the current one. */
  private successor: Sink | undefined;
  /** Ends a rest or a pause, so that the successor has not to wait for it. */
  private disturbance = new AbortController();

  constructor(
    sink: Sink,
    private readonly outbox: Outbox,
    private readonly options: DeliveryOptions,
    private readonly clock: Clock,
    random: () => number,
    private readonly logger: Logger,
    private readonly observer: DeliveryObserver,
  ) {
    this.current = sink;
    this.backoff = new Backoff(random);
    this.pulse = new Pulse(clock);
    this.lastKeepAliveMs = clock.monotonicMs();
    this.batchLimit = options.batchMaxAggregates;
  }

  get sink(): Sink {
    return this.current;
  }

  /** Goes on with a sink of the same id and other settings: opened anew where this one was left, as after a failure. */
  exchange(sink: Sink): void {
    this.successor = sink;
    this.disturbance.abort();
    this.disturbance = new AbortController();
  }

  get state(): DeliveryState {
    if (this.failure === undefined) return this.hasOpened ? "delivering" : "starting";
    if (this.failure.kind === "misconfigured") return "misconfigured";
    return this.backoff.attempts >= BREAKER_FAILURES ? "broken" : "failing";
  }

  /** Why the last attempt failed; undefined when it did not. */
  get error(): string | undefined {
    return this.failure?.message;
  }

  /**
   * Delivers until `stop` fires; once `finish` has fired, only until everything is delivered or the sink fails for good. Returns
   * why something is left; undefined: nothing is.
   *
   * @throws {StateError} The state is damaged.
   */
  async run(finish: AbortSignal, stop: AbortSignal): Promise<string | undefined> {
    try {
      while (!stop.aborted) {
        try {
          if (this.successor) await this.takeOver(this.successor);
          if (!this.isOpen) await this.open(stop);
          await this.tryPostponed(stop);
          const batch = this.outbox.read(this.name, this.cursor, this.batchLimit);
          if (batch !== undefined) {
            await this.deliver(batch, stop);
            this.outbox.delivered(this.name, batch);
          } else if (finish.aborted) return undefined;
          else await this.rest(finish, stop);
          this.recover();
          // A sink within this process answers without the event loop turning once: signals, buses and other sinks have their turn.
          await this.clock.sleep(0, stop);
        } catch (error) {
          if (stop.aborted) break;
          if (await this.fail(asFailure(error), finish, stop)) break;
        }
      }
      return this.leftover();
    } finally {
      await this.close();
      this.pulse.end();
    }
  }

  private get name(): string {
    return this.sink.id;
  }

  private get cursor(): number {
    return this.outbox.cursor(this.name);
  }

  private leftover(): string | undefined {
    const waiting = this.outbox.endId() - this.cursor;
    if (waiting <= 0) {
      // Nothing will ever arrive there until somebody mends it, and it may be a while until there is something to deliver.
      const isMisconfigured = this.failure?.kind === "misconfigured";
      return isMisconfigured ? `${this.name}: nothing waits yet, but ${this.error}` : undefined;
    }
    return `${this.name}: up to ${waiting} aggregates wait; ${
      this.error ?? "there was no time left to deliver them"
    }`;
  }

  private async takeOver(successor: Sink): Promise<void> {
    await this.close();
    this.current = successor;
    this.successor = undefined;
    this.backoff.reset();
  }

  private async open(stop: AbortSignal): Promise<void> {
    const { outbox, name } = this;
    const context = {
      stateId: outbox.stateId,
      cursor: this.cursor,
      endId: outbox.endId(),
      confirmed: outbox.confirmed(name),
      claimant: outbox.claimant(name),
      alarm: (alarm: SinkAlarm) => this.alarm(alarm),
      contradicted: (found: readonly Contradiction[]) => this.contradicted(found),
    };
    const next = await this.limited((signal) => this.sink.open(context, signal), stop);
    this.isOpen = true;
    if (next > this.cursor) this.outbox.advance(this.name, Math.min(next, this.outbox.endId()));
  }

  private async deliver(batch: OutboxBatch, stop: AbortSignal): Promise<void> {
    if (batch.aggregates.length === 0) return this.outbox.advance(this.name, batch.nextId);
    try {
      await this.write(batch, stop);
    } catch (error) {
      if (error instanceof UnexplainedRefusal) return await this.judge(batch, error, stop);
      const refusal = refusalIn(error);
      if (!refusal) throw error;
      if (batch.aggregates.length === 1) return this.reject(batch, refusal);
      for (const half of bisect(batch)) await this.deliver(half, stop);
      return;
    }
    this.outbox.advance(this.name, batch.nextId);
  }

  private alarm(alarm: SinkAlarm): void {
    const isNews = this.outbox.alarm(this.name, alarm);
    if (!isNews) return;
    this.logger.error(
      `ALARM: ${alarm.detail}. Delivery goes on. What to do: ${wayOut(this.name, alarm.kind)}.`,
      {
        sink: this.name,
        alarm: alarm.kind,
        rows: alarm.count,
      },
    );
  }

  /** A higher revision may well be this state's own: of a batch that is written again, or of a dead letter that comes late. */
  private contradicted(found: readonly Contradiction[]): void {
    const foreign = found.filter(({ written, held }) =>
      held.revision === written.revision || this.outbox.isOwn(held) === false
    );
    const [first] = foreign;
    if (first === undefined) return;
    const { written, held } = first;
    this.alarm({
      kind: "rows_differ",
      detail:
        `it holds ${described(held)}, which was to become ${
          described(written)
        }: somebody else has written or ` +
        "changed it",
      count: foreign.length,
    });
  }

  private async write(batch: OutboxBatch, stop: AbortSignal): Promise<void> {
    const size = batch.aggregates.length;
    const startedMs = this.clock.monotonicMs();
    try {
      await this.limited((signal) => this.sink.write(batch, signal), stop);
    } catch (error) {
      if (error instanceof SinkError && error.kind === "timed_out") this.limitBatches(size >> 1);
      throw error;
    }
    if (size >= this.batchLimit && ++this.writesAtLimit >= WRITES_BEFORE_GROWTH) {
      this.limitBatches(2 * this.batchLimit);
    }
    this.observer.delivered(this.name, size, (this.clock.monotonicMs() - startedMs) / 1000);
    if (!this.hasDelivered) {
      this.logger.info("the first aggregates have reached the sink", { sink: this.name });
    }
    this.hasDelivered = true;
  }

  private limitBatches(size: number): void {
    this.batchLimit = Math.min(this.options.batchMaxAggregates, Math.max(1, size));
    this.writesAtLimit = 0;
  }

  /** The first time it is an attempt that has failed: opening the sink anew may tell more. When it comes back, rows are tried. */
  private async judge(batch: OutboxBatch, error: UnexplainedRefusal, stop: AbortSignal): Promise<void> {
    const { firstId } = batch;
    const { sameness } = error;
    const hasComeBack = this.unexplained?.firstId === firstId && this.unexplained.sameness === sameness;
    this.unexplained = { firstId, sameness };
    // A witness is wanted, and the sink has answered in time.
    this.limitBatches(this.options.batchMaxAggregates);
    if (!hasComeBack || this.sink.repeat !== "upsert") {
      throw new SinkError("unavailable", error.message, { cause: error });
    }
    await new Trial(this.name, this.outbox, {
      write: (rows) => this.write(rows, stop),
      reject: (row, refusal) => this.reject(row, refusal),
    }).settle(batch);
    this.unexplained = undefined;
  }

  private reject(batch: OutboxBatch, refusal: SinkRefusal): void {
    const aggregate = batch.aggregates[0]!;
    this.putAway(aggregate, refusal, batch.nextId);
    this.observer.rejected(this.name, 1);
    this.logger.error("the sink rejects an aggregate, which is now a dead letter", {
      sink: this.name,
      name: aggregate.name.slice(0, SHOWN_NAME),
      ...(aggregate.labels === undefined ? undefined : { labels: aggregate.labels.slice(0, SHOWN_NAME) }),
      agg_func: aggregate.aggFunc,
      reason: refusal.reason,
      error: refusal.detail,
    });
  }

  private putAway(aggregate: Aggregate, refusal: SinkRefusal, nextId: number): void {
    try {
      this.outbox.reject(this.name, aggregate, refusal, nextId);
    } catch (error) {
      if (!(error instanceof TooManyRefused)) throw error;
      throw new SinkError("misconfigured", error.message, { cause: error });
    }
  }

  /**
   * Tries what the sink has postponed: one aggregate of each window, which does no harm to a sink that takes a row any number of
   * times. Where it passes, all of that window are put back into the outbox.
   */
  private async tryPostponed(stop: AbortSignal): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    if (this.sink.repeat !== "upsert" || nowMs - this.lastPostponedMs < POSTPONED_PAUSE_MS) return;
    this.lastPostponedMs = nowMs;
    const windows = this.outbox.postponed(this.name, this.postponedEndMs, POSTPONED_WINDOWS);
    this.postponedEndMs = windows.at(-1)?.windowEndMs ?? -Infinity;
    const { cursor } = this;
    for (const { sample, deadLetterIds } of windows) {
      const batch = { firstId: cursor, nextId: cursor, ids: [cursor], aggregates: [sample] };
      try {
        await this.limited((signal) => this.sink.write(batch, signal), stop);
      } catch (error) {
        if (error instanceof UnexplainedRefusal || refusalIn(error)) continue;
        throw error;
      }
      this.outbox.putBack(deadLetterIds);
      this.logger.info("the sink takes what it had postponed", {
        sink: this.name,
        aggregates: deadLetterIds.length,
      });
    }
  }

  /** Waits for something to deliver; keeps the sink from forgetting us meanwhile. */
  private async rest(finish: AbortSignal, stop: AbortSignal): Promise<void> {
    const dueInMs = this.lastKeepAliveMs + KEEP_ALIVE_MS - this.clock.monotonicMs();
    if (dueInMs <= 0) {
      await this.limited((signal) => this.sink.keepAlive?.(this.cursor, signal) ?? Promise.resolve(), stop);
      this.lastKeepAliveMs = this.clock.monotonicMs();
    }
    this.recover();
    const woken = new AbortController();
    const wake = AbortSignal.any([finish, stop, woken.signal, this.disturbance.signal]);
    const restMs = Math.min(REST_MAX_MS, Math.max(0, dueInMs));
    this.pulse.expect("more aggregates in the outbox", restMs);
    const due = this.clock.sleep(restMs, wake).then(() => woken.abort());
    await this.outbox.waitForMore(this.cursor, wake);
    woken.abort();
    await due;
  }

  private recover(): void {
    if (this.failure !== undefined) this.logger.info("the sink works again", { sink: this.name });
    this.failure = undefined;
    this.hasOpened = true;
    this.finishingFailures = 0;
    this.backoff.reset();
  }

  /** Waits until it is time for another attempt. Returns whether there shall be none. */
  private async fail(error: SinkError, finish: AbortSignal, stop: AbortSignal): Promise<boolean> {
    this.observer.failed(this.name, error.kind === "misconfigured" ? "misconfigured" : "unavailable");
    const isNews = this.failure?.message !== error.message;
    this.failure = error;
    await this.close();
    const isSlow = error.kind === "misconfigured" && !finish.aborted;
    const pauseMs = this.backoff.nextMs(isSlow ? MISCONFIGURED_PAUSE_MS : 0);
    if (isNews || this.backoff.shouldReport()) {
      this.logger[error.kind === "misconfigured" ? "error" : "warn"](`cannot deliver: ${error.message}`, {
        sink: this.name,
        attempt: this.backoff.attempts,
        retry_in_seconds: Math.round(pauseMs / 100) / 10,
      });
    }
    if (
      finish.aborted && (++this.finishingFailures >= FINISHING_ATTEMPTS || error.kind === "misconfigured")
    ) {
      return true;
    }
    this.pulse.expect("the next try to reach the sink", pauseMs);
    const early = [stop, this.disturbance.signal, ...(finish.aborted ? [] : [finish])];
    await this.clock.sleep(pauseMs, AbortSignal.any(early));
    return false;
  }

  private async close(): Promise<void> {
    this.isOpen = false;
    this.pulse.expect("the sink to close", CLOSE_TIMEOUT_MS);
    const gaveUp = new AbortController();
    await Promise.race([this.sink.close(), this.clock.sleep(CLOSE_TIMEOUT_MS, gaveUp.signal)]);
    gaveUp.abort();
  }

  /** Runs an attempt that ends in time even if the sink heeds no signal. */
  private async limited<T>(attempt: (signal: AbortSignal) => Promise<T>, stop: AbortSignal): Promise<T> {
    const over = new AbortController();
    const timeout = new AbortController();
    const signal = AbortSignal.any([stop, timeout.signal]);
    const { attemptTimeoutMs } = this.options;
    this.pulse.expect("the answer of the sink", attemptTimeoutMs);
    try {
      return await Promise.race([
        attempt(signal),
        this.clock.sleep(attemptTimeoutMs, AbortSignal.any([stop, over.signal])).then(() => {
          if (over.signal.aborted) return new Promise<never>(() => {});
          timeout.abort();
          throw new SinkError("timed_out", `no answer within ${attemptTimeoutMs / 1000} s`);
        }),
      ]);
    } finally {
      over.abort();
    }
  }
}

function described(row: Aggregate): string {
  const { name, windowStartMs, value, count, revision } = row;
  const series = describeSeries({ ...row, name: name.slice(0, SHOWN_NAME) });
  return `${series} of ${
    new Date(windowStartMs).toISOString()
  } = ${value} of ${count} events, revision ${revision}`;
}

/** The state may be unwritable for a while, when a dead letter has to be kept: that is waited out like a sink that is away. */
function asFailure(error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  if (isWaitedOut(error)) return new SinkError("unavailable", error.message);
  throw error;
}
