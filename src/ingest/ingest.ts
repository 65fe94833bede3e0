import type { EventAggregator } from "../aggregation/event_aggregator.ts";
import type { OpenWindow } from "../aggregation/open_windows.ts";
import type { Lineages, Outcome, Partition, Progress } from "../contract/source.ts";
import type { EventBatch } from "../event/event_batch.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { OwnClock } from "../platform/clock/own_clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import type { BusPosition } from "../state/checkpoint/checkpoint_input.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import type { RefusedEvent } from "../state/letters/dead_letters.ts";
import type { RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import type { OutboxLog } from "../state/outbox/outbox_log.ts";
import { CheckpointSchedule } from "./checkpoint_schedule.ts";
import { ClockGuard } from "./clock_guard.ts";
import { Intake } from "./intake.ts";
import { Partitions, type PartitionState } from "./partitions.ts";
import { type Obstacle, ReadingGate } from "./reading_gate.ts";
import { DeadLetterRequests } from "./dead_letter_requests.ts";

export interface IngestOptions {
  readonly checkpointIntervalMs: number;
  readonly idleTimeoutMs: number;
  readonly maxWaitMs: number;
  readonly outboxMaxRows: number;
  readonly maxFutureSkewMs: number;
}

/** What ingest tells whoever keeps metrics. Durations in seconds. */
export interface IngestObserver {
  processed(seconds: number): void;
  checkpointed(seconds: number): void;
  refused(event: RefusedEvent): void;
}

const TICK_MS = 100;

const DROPPED =
  "there are more dead letters than are kept: the oldest ones are dropped (they stay counted). Find out who sends so much " +
  "that is refused, then run dead-letters export, retry or purge.";

/**
 * What all partitions feed: takes their batches in, decides which windows close, and makes the checkpoints. Synchronous in each
 * step, so that nothing is ever half taken in when a checkpoint is made.
 */
export class Ingest {
  /** Of {@link keepCheckpointing}. */
  readonly pulse: Pulse;
  private readonly positions: Partitions;
  private readonly clockGuard: ClockGuard;
  private readonly intake: Intake;
  private readonly requests: DeadLetterRequests;
  private readonly gate: ReadingGate;
  private readonly schedule: CheckpointSchedule;
  /** Whether there is anything for a checkpoint but where partitions stand and what operators ask. */
  private hasNews = false;
  /** Whether it was told that dead letters are dropped. */
  private hasDropped = false;

  constructor(
    private readonly aggregator: EventAggregator,
    private readonly checkpoint: Checkpoint,
    private readonly outbox: OutboxLog,
    positions: readonly BusPosition[],
    private options: IngestOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly observer: IngestObserver,
    ownClock: OwnClock,
  ) {
    this.positions = new Partitions(positions, checkpoint, aggregator.watermark, logger);
    this.clockGuard = new ClockGuard(ownClock, clock, logger);
    const names = positions.map(({ name }) => name);
    this.intake = new Intake(aggregator, names, clock, logger, (event) => observer.refused(event));
    this.requests = new DeadLetterRequests(checkpoint, this.intake, logger);
    this.gate = new ReadingGate(outbox, this.clockGuard, clock, () => this.options.outboxMaxRows);
    this.schedule = new CheckpointSchedule(clock);
    this.pulse = new Pulse(clock);
  }

  get partitions(): readonly PartitionState[] {
    return this.positions.states;
  }

  /** Dead letters that operators' requests have settled since the start. */
  get fulfilled(): { readonly retried: number; readonly purged: number } {
    return this.requests.fulfilled;
  }

  /** Masses of events that are refused: no reason not to read on, but one to look. */
  get refusalAlarms(): readonly RefusalAlarm[] {
    return this.intake.watch.alarms;
  }

  /** Events lost before they were fetched, those not yet in a checkpoint included. */
  get lostEvents(): number {
    return this.positions.lostEvents;
  }

  /** Goes on with other options, which the next checkpoint keeps too. */
  change(options: IngestOptions): void {
    this.options = options;
    this.hasNews = true;
  }

  /** Why nothing is fetched at the moment; undefined while fetching goes on. */
  get obstacle(): Obstacle | undefined {
    return this.gate.obstacle;
  }

  /** A source has said what time it is, Unix ms; undefined: it does not say. */
  heardTime(number: number, dateMs: number | undefined): void {
    if (dateMs !== undefined) this.clockGuard.heard(this.partitions[number]!.name, dateMs);
  }

  /** Whether a source that forgets what it hands out must not be read, since the own clock is wrong. */
  holdsUnread(number: number): boolean {
    const isHeld = this.clockGuard.holdsUnread(number, this.options.maxFutureSkewMs);
    if (isHeld) this.positions.wake(number);
    return isHeld;
  }

  attach(number: number, partition: Partition): void {
    this.positions.attach(number, partition);
  }

  lineagesFor(number: number): Lineages {
    return this.positions.lineagesFor(number);
  }

  giveUpBefore(number: number, offset: number, operator?: string): void {
    this.positions.giveUpBefore(number, offset, this.clock.nowMs(), operator);
  }

  /**
   * Takes in what a successful read has come to, in one step. Returns false where events are held back, or the partition stands
   * elsewhere by now: nothing has moved then, and the source gives the same again.
   *
   * @param elapsedMs How long the read has taken.
   * @throws {StateError} What is known of a lineage that has moved cannot be read.
   */
  settle(number: number, from: Progress, outcome: Outcome, batch: EventBatch, elapsedMs: number): boolean {
    const { positions } = this;
    const state = this.partitions[number]!;
    if (state.progress !== from) return false;
    switch (outcome.kind) {
      case "events":
        state.failure = undefined;
        return this.takeIn(number, outcome, batch);
      case "idle":
        if (outcome.next !== from.position) positions.skipTo(number, outcome, outcome.lost);
        positions.wasIdleFor(number, elapsedMs, this.options.idleTimeoutMs);
        break;
      case "moved":
        positions.resume(number, outcome.lineage);
        break;
      case "exchanged": {
        const other = positions.readerOf(outcome.lineage, number);
        if (other < 0) return false;
        positions.exchange(number, other);
        break;
      }
      case "returned":
        positions.goBackTo(number, outcome, outcome.doubtful);
        break;
      default:
        positions.skipTo(number, outcome, outcome.lost);
    }
    state.failure = undefined;
    return true;
  }

  private takeIn(number: number, outcome: Outcome & { kind: "events" | "idle" }, batch: EventBatch): boolean {
    if (this.clockGuard.holdsBack(number, batch, this.options.maxFutureSkewMs)) {
      this.positions.wake(number);
      return false;
    }
    const startedMs = this.clock.monotonicMs();
    this.followClock();
    this.positions.wake(number);
    const { offset, lost } = outcome;
    this.intake.take(number, batch, offset === undefined ? undefined : offset - batch.total);
    this.positions.advance(number, outcome, batch, lost);
    this.observer.processed((outcome.decodeMs + this.clock.monotonicMs() - startedMs) / 1000);
    return true;
  }

  setIdle(number: number): void {
    this.aggregator.watermark.setIdle(number, true);
  }

  /** A failed read moves no time: what was counted as idle before it does not count any more. */
  readFailed(number: number, reason: string): void {
    this.partitions[number]!.failure = reason;
    this.positions.wake(number);
  }

  /** Resolves when reading may go on: see {@link ReadingGate.pass}. */
  mayFetch(...how: Parameters<ReadingGate["pass"]>): Promise<Obstacle | undefined> {
    return this.gate.pass(...how);
  }

  /** Makes checkpoints as they fall due, until the signal fires. @throws {StateError} The state is damaged. */
  async keepCheckpointing(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.checkpointIfDue();
      this.pulse.expect("the next look for a checkpoint that is due", TICK_MS);
      await this.clock.sleep(TICK_MS, signal);
    }
    this.pulse.end();
  }

  /**
   * Tells of masses of refused events, and of their end, each once.
   *
   * @param isLast Nothing more is going to be read.
   */
  lookAtRefusals(isLast = false): void {
    const { begun, ended } = this.intake.watch.look(isLast);
    for (const { reason, detail } of begun) this.logger.error(detail, { alarm: "events_refused", reason });
    for (const { reason } of ended) {
      this.logger.info(`no mass of events is refused as ${reason} any more`, {
        alarm: "events_refused",
        reason,
      });
    }
    this.hasNews ||= begun.length + ended.length > 0;
  }

  checkpointIfDue(): void {
    this.lookAtRefusals();
    const isDue = this.schedule.isDue(
      this.options.checkpointIntervalMs,
      this.intake.isCrowded,
      () => this.windowsDue().length > 0,
    );
    if (isDue) this.checkpointNow();
  }

  /**
   * Makes a checkpoint if there is anything new. Returns whether the state on disk is now what it is in memory; if not, the
   * disk is full or not writable, nothing is lost, and fetching stops until a later try succeeds.
   *
   * @param closeAll Closes all open windows, whatever the time.
   * @throws {StateError} The state is damaged.
   */
  checkpointNow(closeAll = false): boolean {
    return this.commit(() => closeAll ? this.aggregator.windowsWhere(() => true) : this.windowsDue());
  }

  /** Fulfils the requests that operators have left, and nothing else: windows stay open. @throws {StateError} */
  fulfilRequests(): boolean {
    return this.commit(() => []);
  }

  private commit(choose: () => readonly OpenWindow[]): boolean {
    const startedMs = this.clock.monotonicMs();
    const { deadLettersDropped } = this.checkpoint.counters;
    let reissued: number;
    try {
      // Also while there is nothing to write: the next events would be fetched, and acknowledged, for nothing.
      this.checkpoint.assertStateInPlace();
      // Reading can fail like writing. And what a request puts back may be due at once.
      this.requests.take();
      this.outbox.lookForRedelivery();
      const closing = choose();
      if (!this.mustWrite && closing.length === 0) {
        this.schedule.skipped(startedMs);
        // What could not be written may be due no more; without this nothing would ever be fetched again.
        this.endFailure();
        return true;
      }
      reissued = this.checkpoint.write({
        nowMs: this.clock.nowMs(),
        elapsedMs: this.schedule.sinceWrittenMs(startedMs),
        ...this.positions.forCheckpoint(),
        ...this.positions.unread,
        closing,
        refused: this.intake.refused,
        settled: this.requests.settled,
        alarms: this.refusalAlarms,
      });
    } catch (error) {
      if (!isWaitedOut(error)) throw error;
      if (this.gate.stateFailure?.kind !== error.kind) this.logger.error(`fetching stops: ${error.message}`);
      this.gate.stateFailure = error;
      this.schedule.failed();
      return false;
    }
    this.endFailure();
    if (this.checkpoint.counters.deadLettersDropped > deadLettersDropped) this.tellDropped();
    this.intake.committed();
    this.requests.committed(reissued);
    this.hasNews = false;
    this.positions.committed();
    this.observer.checkpointed(this.schedule.written(startedMs) / 1000);
    return true;
  }

  private get mustWrite(): boolean {
    return this.hasNews || this.positions.hasMoved || !this.requests.areSettled ||
      this.outbox.hasUnsavedCursors;
  }

  private endFailure(): void {
    if (this.gate.stateFailure) this.logger.info("the state can be written again: fetching goes on");
    this.gate.stateFailure = undefined;
  }

  private followClock(): void {
    try {
      this.checkpoint.follow(this.clock.nowMs());
    } catch (error) {
      // Without it, windows that were closed early count as open ones: their events correct them all the same.
      if (!isWaitedOut(error)) throw error;
    }
  }

  /** By event time; by the wall clock where all buses are idle, or where one is out of reach for too long. */
  private windowsDue(): OpenWindow[] {
    this.followClock();
    const nowMs = this.clock.nowMs();
    const watermarkMs = this.aggregator.watermark.valueMs;
    const allIdle = this.aggregator.watermark.allIdle();
    const anyFailing = this.partitions.some((bus) => bus.failure !== undefined);
    return this.aggregator.windowsWhere(({ endMs }) =>
      endMs <= watermarkMs || (allIdle && endMs <= nowMs) ||
      (anyFailing && endMs + this.options.maxWaitMs <= nowMs)
    );
  }

  /** Once in the life of the process: whoever sends too much sends it again and again. */
  private tellDropped(): void {
    if (!this.hasDropped) this.logger.error(DROPPED);
    this.hasDropped = true;
  }
}
