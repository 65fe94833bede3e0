import type { Clock } from "../platform/clock/clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import { amount } from "../platform/log/amount.ts";
import type { Logger } from "../platform/log/logger.ts";
import {
  type Contradiction,
  type OutboxBatch,
  type Sink,
  type SinkAlarm,
  SinkError,
  UnexplainedRefusal,
} from "../contract/sink.ts";
import type { Outbox } from "../state/outbox/outbox.ts";
import { asFailure, Attempts } from "./attempts.ts";
import { BatchSize } from "./batch_size.ts";
import { bisect } from "./bisection.ts";
import { Interruption } from "./interruption.ts";
import { PostponedAggregates } from "./postponed_aggregates.ts";
import { Rejections } from "./rejections.ts";
import type { DeliveryObserver } from "./delivery_observer.ts";
import { DeliveryTraces } from "./delivery_traces.ts";
import { SinkAlarms } from "./sink_alarms.ts";
import { Standing } from "./standing.ts";
import { refusalIn, Trial } from "./trial.ts";

export interface DeliveryOptions {
  /** Aggregates per write, at most. */
  readonly batchMaxAggregates: number;
  /** How long opening or one write may take before the sink counts as unavailable. */
  readonly attemptTimeoutMs: number;
}

const KEEP_ALIVE_MS = 12 * 3600_000;
const CLOSE_TIMEOUT_MS = 5000;
/**
 * A waiting delivery checks the outbox this often even without a wake-up. So one that is silent for longer is
 * known to be stuck.
 */
const REST_MAX_MS = 30_000;

/**
 * Delivers the outbox to one sink, in order, and retries until the sink has it. Other sinks never wait for
 * it.
 */
export class Delivery {
  readonly pulse: Pulse;
  readonly standing: Standing;
  private isOpen = false;
  private readonly alarms: SinkAlarms;
  private readonly attempts: Attempts;
  private readonly batchSize: BatchSize;
  private readonly postponed: PostponedAggregates;
  private readonly rejections: Rejections;
  private lastKeepAliveMs: number;
  private hasDelivered = false;
  /** The last unexplained refusal, with its batch; undefined: there has been none. */
  private unexplained: { readonly firstId: number; readonly sameness: string } | undefined;
  private current: Sink;
  /** The sink that replaces the present one. */
  private successor: Sink | undefined;
  private readonly interruption = new Interruption();

  constructor(
    sink: Sink,
    private readonly outbox: Outbox,
    options: DeliveryOptions,
    private readonly clock: Clock,
    random: () => number,
    private readonly logger: Logger,
    private readonly observer: DeliveryObserver,
    private readonly traces = new DeliveryTraces(),
  ) {
    this.current = sink;
    this.pulse = new Pulse(clock);
    this.lastKeepAliveMs = clock.monotonicMs();
    this.attempts = new Attempts(options.attemptTimeoutMs, clock, this.pulse);
    this.batchSize = new BatchSize(options.batchMaxAggregates);
    const { id } = sink;
    this.standing = new Standing(id, clock, random, logger);
    this.alarms = new SinkAlarms(id, outbox, logger);
    this.postponed = new PostponedAggregates(id, outbox, clock, logger);
    this.rejections = new Rejections(id, outbox, logger, observer);
  }

  get sink(): Sink {
    return this.current;
  }

  /**
   * Replaces the sink by one with the same id and other settings. It is opened where the old one stopped, as
   * after a failure.
   */
  exchange(sink: Sink): void {
    this.successor = sink;
    this.interruption.changed();
  }

  /** Stops delivering after the batch that is under way, or goes on. A paused sink is closed. */
  pause(isPaused: boolean): void {
    this.interruption.pause(isPaused);
  }

  /**
   * Delivers until `stop` fires. After `finish` has fired, it delivers only until everything is delivered or
   * the sink fails for good. Returns why something is left; undefined: nothing is.
   *
   * @throws {StateError} The state is damaged.
   */
  async run(finish: AbortSignal, stop: AbortSignal): Promise<string | undefined> {
    try {
      while (!stop.aborted) {
        try {
          if (this.successor) await this.takeOver(this.successor);
          if (this.interruption.isPaused) {
            if (finish.aborted) break;
            if (this.isOpen) await this.close();
            await this.interruption.sitOut(this.pulse, this.clock, [finish, stop]);
            continue;
          }
          if (!this.isOpen) await this.open(stop);
          await this.tryPostponed(stop);
          const batch = this.outbox.read(this.name, this.cursor, this.batchSize.limit);
          if (batch !== undefined) {
            await this.deliver(batch, stop);
            this.outbox.delivered(this.name, batch);
            batch.aggregates.release?.();
          } else if (finish.aborted) return undefined;
          else await this.rest(finish, stop);
          this.standing.succeeded();
          // A sink within this process may answer without a turn of the event loop. This gives signals, buses
          // and other sinks their turn.
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
      // The sink is opened even while there is nothing to deliver, so that an operator learns of a wrong
      // setting at once.
      const isMisconfigured = this.standing.state === "misconfigured";
      return isMisconfigured ? `${this.name}: nothing waits yet, but ${this.standing.error}` : undefined;
    }
    const why = this.interruption.isPaused ? "an operator has paused it" : this.standing.error;
    return `${this.name}: up to ${amount(waiting, "aggregate waits", "aggregates wait")}; ${
      why ?? "there was no time left to deliver them"
    }`;
  }

  private async takeOver(successor: Sink): Promise<void> {
    await this.close();
    this.current = successor;
    this.successor = undefined;
    this.standing.startAnew();
  }

  private async open(stop: AbortSignal): Promise<void> {
    const { outbox, name } = this;
    const context = {
      stateId: outbox.stateId,
      cursor: this.cursor,
      endId: outbox.endId(),
      confirmed: outbox.confirmed(name),
      claimant: outbox.claimant(name),
      alarm: (alarm: SinkAlarm) => this.alarms.raise(alarm),
      contradicted: (found: readonly Contradiction[]) => this.alarms.contradicted(found),
    };
    const next = await this.attempts.run((signal) => this.sink.open(context, signal), stop);
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
      if (batch.aggregates.length === 1) return this.rejections.put(batch, refusal);
      for (const half of bisect(batch)) await this.deliver(half, stop);
      return;
    }
    this.outbox.advance(this.name, batch.nextId);
  }

  private write(aggregates: OutboxBatch, stop: AbortSignal): Promise<void> {
    return this.traces.write(this.name, aggregates, async (batch) => {
      const size = batch.aggregates.length;
      const startedMs = this.clock.monotonicMs();
      try {
        await this.attempts.run((signal) => this.sink.write(batch, signal), stop);
      } catch (error) {
        if (error instanceof SinkError && error.kind === "timed_out") this.batchSize.tookTooLong(size);
        throw error;
      }
      this.batchSize.passed(size);
      const seconds = (this.clock.monotonicMs() - startedMs) / 1000;
      this.observer.delivered(this.name, batch, seconds, this.clock.nowMs());
      this.standing.delivered();
      if (!this.hasDelivered) {
        this.logger.info("the first aggregates have reached the sink", { sink: this.name });
      }
      this.hasDelivered = true;
    });
  }

  /**
   * Handles an unexplained refusal. The first one counts as a failed attempt: opening the sink again may tell
   * more. When it comes back for the same batch, a trial finds out whether aggregates are at fault.
   */
  private async judge(batch: OutboxBatch, error: UnexplainedRefusal, stop: AbortSignal): Promise<void> {
    const { firstId } = batch;
    const { sameness } = error;
    const hasComeBack = this.unexplained?.firstId === firstId && this.unexplained.sameness === sameness;
    this.unexplained = { firstId, sameness };
    // The sink has answered in time, so batches need not be small. The trial needs other aggregates to
    // compare with.
    this.batchSize.restore();
    if (!hasComeBack || this.sink.repeat !== "upsert") {
      throw new SinkError("unavailable", error.message, { cause: error });
    }
    await new Trial(this.name, this.outbox, {
      write: (rows) => this.write(rows, stop),
      reject: (row, refusal) => this.rejections.put(row, refusal),
    }).settle(batch);
  }

  /** Retries postponed aggregates. Only sinks that accept an aggregate any number of times postpone any. */
  private async tryPostponed(stop: AbortSignal): Promise<void> {
    if (this.sink.repeat !== "upsert") return;
    await this.postponed.tryDue((batch) =>
      this.attempts.run((signal) => this.sink.write(batch, signal), stop)
    );
  }

  /**
   * Waits for something to deliver. Meanwhile it calls `keepAlive`, so that the sink does not forget the
   * position.
   */
  private async rest(finish: AbortSignal, stop: AbortSignal): Promise<void> {
    const dueInMs = this.lastKeepAliveMs + KEEP_ALIVE_MS - this.clock.monotonicMs();
    if (dueInMs <= 0) {
      await this.attempts.run(
        (signal) => this.sink.keepAlive?.(this.cursor, signal) ?? Promise.resolve(),
        stop,
      );
      this.lastKeepAliveMs = this.clock.monotonicMs();
    }
    this.standing.succeeded();
    const woken = new AbortController();
    const wake = AbortSignal.any([finish, stop, woken.signal, this.interruption.signal]);
    const restMs = Math.min(REST_MAX_MS, Math.max(0, dueInMs));
    this.pulse.expect("more aggregates in the outbox", restMs);
    const due = this.clock.sleep(restMs, wake).then(() => woken.abort());
    await this.outbox.waitForMore(this.cursor, wake);
    woken.abort();
    await due;
  }

  /** Waits until it is time for another attempt. Returns true where there must be none. */
  private async fail(error: SinkError, finish: AbortSignal, stop: AbortSignal): Promise<boolean> {
    this.observer.failed(this.name, error.kind === "misconfigured" ? "misconfigured" : "unavailable");
    const pauseMs = this.traces.afterLast(() => this.standing.failed(error, finish.aborted));
    await this.close();
    if (pauseMs === undefined) return true;
    this.pulse.expect("the next try to reach the sink", pauseMs);
    const early = [stop, this.interruption.signal, ...(finish.aborted ? [] : [finish])];
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
}
