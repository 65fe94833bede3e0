import type { EventAggregator } from "../aggregation/event_aggregator.ts";
import type { OpenWindow } from "../aggregation/open_windows.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import { LATE_DATA, refusalAlarmName } from "../state/letters/refusal_alarms.ts";
import type { OutboxLog } from "../state/outbox/outbox_log.ts";
import { CheckpointSchedule } from "./checkpoint_schedule.ts";
import { DeadLetterRequests } from "./dead_letter_requests.ts";
import type { IngestObserver } from "./ingest_options.ts";
import type { Intake } from "./intake.ts";
import type { SourceState } from "./partition_state.ts";
import type { Partitions } from "./partitions.ts";
import type { ReadingGate } from "./reading_gate.ts";
import type { UnreadEvents } from "./unread_events.ts";

const DROPPED =
  "there are more dead letters than are kept: the oldest ones are dropped (they stay counted). Find " +
  "out who sends so much that is refused, then run dead-letters export, retry or purge.";

/**
 * Pages of windows that are due, from which on they are closed at once, whatever share of the time that
 * takes: 2048 pages take 23 MB. Events of the past come much faster than in their own time, and may fill
 * thousands of windows between two checkpoints.
 */
const DUE_MAX_PAGES = 2048;
/**
 * The same of full pages, whose 65,536 rows take 5 MB more while they are made for the checkpoint. So windows
 * of very many series are closed one by one.
 */
const DUE_MAX_FULL_PAGES = 256;

const TICK_MS = 100;
/** A window is about to be due where event time and the clock need no more than this to reach its end. */
const SOON_MS = 50;
const NEVER = new AbortController().signal;

export interface CheckpointTimes {
  readonly checkpointIntervalMs: number;
  /** How long windows wait for a source that cannot be read. */
  readonly maxWaitMs: number;
}

/** Decides when a checkpoint is due and which windows close in it, and makes it. */
export class CheckpointMaker {
  readonly requests: DeadLetterRequests;
  /** Shows that {@link keepMaking} is alive. */
  readonly pulse: Pulse;
  private readonly schedule: CheckpointSchedule;
  /** Whether there is something new for a checkpoint, apart from positions and operators' requests. */
  private hasNews = false;
  /** Whether the alarm over late data stands. */
  private isDataLate = false;
  /** Whether a warning was logged that dead letters are dropped. */
  private hasDropped = false;
  private inTurns: Promise<boolean> | undefined;

  constructor(
    private readonly aggregator: EventAggregator,
    private readonly checkpoint: Checkpoint,
    private readonly outbox: OutboxLog,
    private readonly partitions: Partitions,
    private readonly unread: UnreadEvents,
    private readonly intake: Intake,
    private readonly gate: ReadingGate,
    private times: CheckpointTimes,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly observer: IngestObserver,
  ) {
    this.requests = new DeadLetterRequests(checkpoint, intake, logger);
    this.schedule = new CheckpointSchedule(clock);
    this.pulse = new Pulse(clock);
  }

  /** The making of a checkpoint in turns. Nothing is taken in meanwhile. Undefined: none is made so. */
  get closing(): Promise<unknown> | undefined {
    return this.inTurns;
  }

  /** Replaces the times. The next checkpoint stores them. */
  change(times: CheckpointTimes): void {
    this.times = times;
    this.hasNews = true;
  }

  /**
   * Logs alarms over masses of refused events and over late ones, and their end, each once.
   *
   * @param isLast Nothing more will be read.
   */
  lookAtRefusals(isLast = false): void {
    const { begun, ended } = this.intake.watch.look(isLast);
    for (const { reason, detail } of begun) {
      this.logger.error(detail, { alarm: refusalAlarmName(reason), reason });
    }
    for (const { reason } of ended) {
      this.logger.info(`no mass of events is refused as ${reason} any more`, {
        alarm: refusalAlarmName(reason),
        reason,
      });
    }
    this.hasNews ||= begun.length + ended.length > 0;
    this.lookAtLateData();
  }

  private lookAtLateData(): void {
    const alarm = this.intake.alarms.find(({ reason }) => reason === LATE_DATA);
    if ((alarm !== undefined) === this.isDataLate) return;
    this.isDataLate = alarm !== undefined;
    this.hasNews = true;
    if (alarm !== undefined) this.logger.warn(alarm.detail, { alarm: LATE_DATA });
    else this.logger.info("no series keeps sending late events any more", { alarm: LATE_DATA });
  }

  /** See {@link Ingest.keepCheckpointing}. */
  async keepMaking(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.makeIfDue();
      this.pulse.expect("the next look for a checkpoint that is due", TICK_MS);
      await this.clock.sleep(TICK_MS, signal);
    }
    this.pulse.end();
  }

  /** Makes a checkpoint if one is due, see {@link makeInTurns}. */
  async makeIfDue(): Promise<void> {
    if (this.closing) return void await this.closing;
    this.lookAtRefusals();
    const isDue = this.schedule.isDue(
      this.times.checkpointIntervalMs,
      this.intake.isCrowded || this.isCrowded,
      () => this.requests.areWaiting || this.windowsDue().length > 0,
      () => this.windowsDue(SOON_MS).length > 0,
    );
    if (isDue) await this.makeInTurns();
  }

  /** See {@link Ingest.checkpointNow}. @throws {StateError} The state is damaged. */
  make(closeAll: boolean): boolean {
    return this.commit(() => this.windowsToClose(closeAll));
  }

  /**
   * As {@link make}. Where very many rows close, they are made before the transaction, in steps between which
   * whatever waits for the event loop has its turn.
   */
  async makeInTurns(closeAll = false): Promise<boolean> {
    while (this.inTurns) await this.inTurns;
    if (!this.checkpoint.closer.areMany(this.windowsToClose(closeAll))) return this.make(closeAll);
    this.inTurns = this.prepareAndMake(closeAll);
    try {
      return await this.inTurns;
    } finally {
      this.inTurns = undefined;
    }
  }

  private giveWay = (): Promise<void> => {
    this.pulse.expect("the next step of closing windows", 0);
    return this.clock.sleep(0, NEVER);
  };

  private async prepareAndMake(closeAll: boolean): Promise<boolean> {
    const startedMs = this.clock.monotonicMs();
    try {
      // An event that is put back may go into a window that closes.
      this.requests.take();
      await this.checkpoint.closer.prepare(this.aggregator, this.windowsToClose(closeAll), this.giveWay);
    } catch (error) {
      // The checkpoint meets the same failure, and deals with it.
      if (!isWaitedOut(error)) throw error;
    }
    return this.commit(() => this.windowsToClose(closeAll), startedMs);
  }

  /** Fulfils operators' requests and does nothing else: windows stay open. @throws {StateError} */
  fulfilRequests(): boolean {
    return this.commit(() => []);
  }

  followClock(): void {
    try {
      this.checkpoint.follow(this.clock.nowMs());
    } catch (error) {
      // Then windows that were closed by the wrong clock count as open. Their later events correct them all
      // the same: a window that closes again is merged with its archive.
      if (!isWaitedOut(error)) throw error;
    }
  }

  private commit(choose: () => readonly OpenWindow[], startedMs = this.clock.monotonicMs()): boolean {
    const { deadLettersDropped } = this.checkpoint.counters;
    let reissued: number;
    let isPressing: boolean;
    try {
      // Checks the state file even while there is nothing to write. Without the file, the next events would
      // be fetched and acknowledged in vain.
      this.checkpoint.assertStateInPlace();
      // Reading the requests can fail as writing can, so it is within the same try. It comes before the
      // choice of windows, since the window of a retried event may be due at once.
      this.requests.take();
      this.outbox.lookForRedelivery();
      const closing = choose();
      isPressing = closing.length > 0 || !this.requests.areSettled;
      if (!this.mustWrite && closing.length === 0) {
        this.schedule.skipped(startedMs);
        // The obstacle must be cleared here: after a failed write there may be nothing left to write, and
        // fetching would never resume.
        this.endFailure();
        return true;
      }
      const write = () => this.write(closing, startedMs);
      reissued = this.observer.traces?.close(closing, () => this.outbox.endId(), write) ?? write();
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
    this.unread.committed();
    this.partitions.committed();
    this.observer.checkpointed(this.schedule.written(startedMs, isPressing) / 1000);
    return true;
  }

  /** Writes the checkpoint. Returns how many dead letters it has put out anew. */
  private write(closing: readonly OpenWindow[], startedMs: number): number {
    return this.checkpoint.write({
      nowMs: this.clock.nowMs(),
      elapsedMs: this.schedule.sinceWrittenMs(startedMs),
      ...this.partitions.forCheckpoint(),
      ...this.unread.sinceCheckpoint,
      closing,
      refused: this.intake.refused,
      settled: this.requests.settled,
      alarms: this.intake.alarms,
    });
  }

  /** Whether the windows that are due need a checkpoint. */
  private get isCrowded(): boolean {
    if (this.aggregator.windows.pagesInUse < DUE_MAX_FULL_PAGES) return false;
    let pages = 0;
    let fullPages = 0;
    for (const window of this.windowsDue()) {
      pages += window.pages.length;
      fullPages += window.pages.length - 1;
    }
    return pages >= DUE_MAX_PAGES || fullPages >= DUE_MAX_FULL_PAGES;
  }

  private get mustWrite(): boolean {
    return this.hasNews || this.partitions.hasMoved || !this.requests.areSettled ||
      this.outbox.hasUnsavedCursors || this.checkpoint.hasNewSettings;
  }

  private endFailure(): void {
    if (this.gate.stateFailure) this.logger.info("the state can be written again: fetching goes on");
    this.gate.stateFailure = undefined;
  }

  private windowsToClose(all: boolean): OpenWindow[] {
    return all ? this.aggregator.windowsWhere(() => true) : this.windowsDue();
  }

  /**
   * The windows that are due to close. They close by event time, and by the wall clock where all partitions
   * are idle or one cannot be reached for too long.
   *
   * @param aheadMs Those that will be due when event time and the clock have gone on for so long.
   */
  private windowsDue(aheadMs = 0): OpenWindow[] {
    this.followClock();
    const nowMs = this.clock.nowMs() + aheadMs;
    const watermarkMs = this.aggregator.watermark.valueMs + aheadMs;
    const allIdle = this.aggregator.watermark.allIdle();
    const isUnread = ({ failure, isPaused }: SourceState) => failure !== undefined || isPaused;
    const anyUnread = this.partitions.sources.some(isUnread);
    return this.aggregator.windowsWhere(({ endMs }) =>
      endMs <= watermarkMs || (allIdle && endMs <= nowMs) ||
      (anyUnread && endMs + this.times.maxWaitMs <= nowMs)
    );
  }

  /**
   * Logs that dead letters are dropped, once in the life of the process: the sender of too much data keeps
   * sending it.
   */
  private tellDropped(): void {
    if (!this.hasDropped) this.logger.error(DROPPED);
    this.hasDropped = true;
  }
}
