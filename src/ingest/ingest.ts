import type { EventAggregator } from "../aggregation/event_aggregator.ts";
import type { Lineages, Outcome, Partition, PartitionId, Position, Progress } from "../contract/source.ts";
import type { EventBatch } from "../event/event_batch.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { OwnClock } from "../platform/clock/own_clock.ts";
import type { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import type { RestoredPartition } from "../state/checkpoint/partition_position.ts";
import type { RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import type { OutboxLog } from "../state/outbox/outbox_log.ts";
import { CheckpointMaker } from "./checkpoint_maker.ts";
import { ClockGuard } from "./clock_guard.ts";
import { type IngestObserver, type IngestOptions, stepSeconds } from "./ingest_options.ts";
import { Intake } from "./intake.ts";
import { PartitionMoves } from "./partition_moves.ts";
import type { PartitionState, SourceState } from "./partition_state.ts";
import { Partitions } from "./partitions.ts";
import { type Obstacle, ReadingGate } from "./reading_gate.ts";
import { UnreadEvents } from "./unread_events.ts";

type Taken = Outcome & { readonly kind: "events" | "idle" };

/**
 * Takes in the batches of all partitions, decides which windows close, and makes the checkpoints. Each step
 * is synchronous, so that no batch is half taken in when a checkpoint is made.
 */
export class Ingest {
  private readonly positions: Partitions;
  private readonly moves: PartitionMoves;
  private readonly unread: UnreadEvents;
  private readonly clockGuard: ClockGuard;
  private readonly intake: Intake;
  private readonly gate: ReadingGate;
  private readonly maker: CheckpointMaker;

  constructor(
    private readonly aggregator: EventAggregator,
    checkpoint: Checkpoint,
    outbox: OutboxLog,
    sourceNames: readonly string[],
    restored: readonly RestoredPartition[],
    private options: IngestOptions,
    private readonly clock: Clock,
    logger: Logger,
    readonly observer: IngestObserver,
    ownClock: OwnClock,
  ) {
    this.positions = new Partitions(sourceNames, restored, checkpoint, aggregator);
    this.unread = new UnreadEvents(() => checkpoint.counters.lost, logger);
    this.moves = new PartitionMoves(this.positions, this.unread, checkpoint, logger);
    this.clockGuard = new ClockGuard(ownClock, clock, logger);
    this.intake = new Intake(aggregator, this.positions, clock, logger, observer, options.readers);
    this.gate = new ReadingGate(outbox, this.clockGuard, clock, () => this.options.outboxMaxRows);
    this.maker = new CheckpointMaker(
      aggregator,
      checkpoint,
      outbox,
      this.positions,
      this.unread,
      this.intake,
      this.gate,
      options,
      clock,
      logger,
      observer,
    );
  }

  /** Shows that {@link keepCheckpointing} is alive. */
  get pulse(): Pulse {
    return this.maker.pulse;
  }

  /** In the order of the configuration. */
  get sources(): readonly SourceState[] {
    return this.positions.sources;
  }

  /** By number; undefined: no partition has the number. */
  get partitions(): readonly (PartitionState | undefined)[] {
    return this.positions.states;
  }

  /** Dead letters that operators' requests have settled since the start. */
  get fulfilled(): { readonly retried: number; readonly purged: number } {
    return this.maker.requests.fulfilled;
  }

  /** Alarms over refused and over late events. Reading goes on, but an operator should look. */
  get refusalAlarms(): readonly RefusalAlarm[] {
    return this.intake.alarms;
  }

  /** Events lost before they were fetched, including those not yet in a checkpoint. */
  get lostEvents(): number {
    return this.unread.lostInAll;
  }

  /** Replaces the options. The next checkpoint stores them. */
  change(options: IngestOptions): void {
    this.options = options;
    this.maker.change(options);
  }

  /** Why nothing is fetched at the moment; undefined while fetching goes on. */
  get obstacle(): Obstacle | undefined {
    return this.gate.obstacle;
  }

  /** Notes the time that a source has told, Unix ms; undefined: it does not tell. */
  heardTime(source: number, dateMs: number | undefined): void {
    if (dateMs !== undefined) this.clockGuard.heard(this.sources[source]!.name, dateMs);
  }

  /** Whether a partition that forgets events must not be read, because the own clock is wrong. */
  holdsUnread(number: number): boolean {
    const isHeld = this.clockGuard.holdsUnread(number, this.options.maxFutureSkewMs);
    if (isHeld) this.positions.wake(number);
    return isHeld;
  }

  /** How far the partitions of a source were read. */
  resumeOf(source: number): ReadonlyMap<PartitionId, Position> {
    return this.positions.resumeOf(this.sources[source]!);
  }

  lineagesFor(source: number): Lineages {
    return this.positions.lineagesFor(this.sources[source]!);
  }

  /** Notes why a source could not be opened. */
  openFailed(source: number, reason: string): void {
    this.positions.openFailed(this.sources[source]!, reason, this.clock.nowMs());
  }

  /** See {@link Partitions.pause}. */
  pause(source: number, isPaused: boolean): void {
    this.positions.pause(this.sources[source]!, isPaused);
  }

  /** Adds a partition of a source. Returns its number. */
  attach(source: number, partition: Partition): number {
    return this.positions.attach(this.sources[source]!, partition);
  }

  /** Removes a partition that has gone away. No read of it may be under way. */
  detach(number: number): void {
    this.clockGuard.gone(number);
    this.positions.detach(number);
  }

  /** Removes the known partitions of a source that were not attached: they have gone away. */
  detachUnattached(source: number): void {
    for (const { number, partition } of [...this.sources[source]!.partitions.values()]) {
      if (partition === undefined) this.detach(number!);
    }
  }

  /**
   * See {@link PartitionMoves.giveUpBefore}. Does nothing where the positions of the source are not numbers
   * of events.
   *
   * @returns Whether it was done.
   */
  giveUpBefore(source: number, offset: number, operator?: string): boolean {
    return this.moves.giveUpBefore(this.sources[source]!, offset, this.clock.nowMs(), operator);
  }

  /**
   * Takes in the outcome of a successful read, in one step. Returns false where the events are held back,
   * where the partition has moved meanwhile, or where another one has begun its lineage. Then nothing has
   * changed, and the source gives the same events again.
   *
   * @throws {StateError} The state of a moved lineage cannot be read.
   */
  settle(
    number: number,
    from: Progress,
    outcome: Outcome,
    batch: EventBatch,
    elapsedMs: number,
    readMs = elapsedMs,
  ): boolean {
    const { moves, positions } = this;
    const state = this.partitions[number]!;
    if (state.progress !== from || positions.isTaken(number, outcome)) return false;
    switch (outcome.kind) {
      case "events": {
        state.works();
        const takeIn = () => this.takeIn(state, outcome, batch, readMs);
        return this.observer.traces?.read(state, outcome.decodeMs, readMs, batch, takeIn) ?? takeIn();
      }
      case "idle":
        if (outcome.next !== from.position) moves.skipTo(number, outcome, outcome.lost);
        positions.wasIdleFor(number, elapsedMs, this.options.idleTimeoutMs);
        break;
      case "moved":
        moves.resume(number, outcome.lineage);
        break;
      case "exchanged": {
        const other = positions.readerOf(outcome.lineage, number);
        if (other < 0) return false;
        moves.exchange(number, other);
        break;
      }
      case "returned":
        moves.goBackTo(number, outcome, outcome.doubtful);
        break;
      case "restarted":
        moves.beginAnew(number, outcome, outcome.lost);
        break;
      default:
        moves.skipTo(number, outcome, outcome.lost);
    }
    state.works();
    return true;
  }

  private takeIn(state: PartitionState, outcome: Taken, batch: EventBatch, readMs: number): boolean {
    const number = state.number!;
    if (state.isHeld || this.clockGuard.holdsBack(number, batch, this.options.maxFutureSkewMs)) {
      this.positions.wake(number);
      return false;
    }
    const startedMs = this.clock.monotonicMs();
    this.maker.followClock();
    this.positions.wake(number);
    const before = this.intake.take(state, batch, outcome.offset);
    this.moves.advance(number, outcome, batch, this.aggregator.recentIds !== undefined);
    const steps = stepSeconds(readMs, outcome.decodeMs, this.clock.monotonicMs() - startedMs);
    this.observer.processed(state.source.name, steps, before, this.aggregator.books);
    return true;
  }

  /** How far partitions of a source that wait for each other may be apart in event time, ms. */
  get alignmentSpanMs(): number {
    const { tiers, allowedLatenessMs } = this.aggregator.options;
    return Math.min(...tiers.map(({ hopMs }) => hopMs)) + allowedLatenessMs;
  }

  setIdle(number: number): void {
    this.aggregator.watermark.setIdle(number, true);
  }

  /** Notes a failed read, with which `lost` events are gone. It ends the idle time before it. */
  readFailed(number: number, reason: string, lost = 0): void {
    this.partitions[number]!.failed(reason, this.clock.nowMs());
    if (lost > 0) this.moves.lose(number, lost);
    this.positions.wake(number);
  }

  /** Resolves when reading may go on: see {@link ReadingGate.pass}. */
  mayFetch(...how: Parameters<ReadingGate["pass"]>): Promise<Obstacle | undefined> {
    return this.gate.pass(...how);
  }

  /**
   * Makes checkpoints as they fall due, until the signal fires.
   *
   * @throws {StateError} The state is damaged.
   */
  keepCheckpointing(signal: AbortSignal): Promise<void> {
    return this.maker.keepMaking(signal);
  }

  /** See {@link CheckpointMaker.lookAtRefusals}. */
  lookAtRefusals(isLast = false): void {
    this.maker.lookAtRefusals(isLast);
  }

  /** See {@link CheckpointMaker.makeIfDue}. */
  checkpointIfDue(): Promise<void> {
    return this.maker.makeIfDue();
  }

  /** See {@link CheckpointMaker.closing}. */
  get closing(): Promise<unknown> | undefined {
    return this.maker.closing;
  }

  /** As {@link checkpointNow}, see {@link CheckpointMaker.makeInTurns}. */
  checkpointInTurns(closeAll = false): Promise<boolean> {
    return this.maker.makeInTurns(closeAll);
  }

  /**
   * Makes a checkpoint if there is anything new. Returns whether the state on disk now equals the state in
   * memory. If not, the disk is full or not writable; nothing is lost, and fetching stops until a later try
   * succeeds.
   *
   * @param closeAll Closes all open windows, whatever the time.
   * @throws {StateError} The state is damaged.
   */
  checkpointNow(closeAll = false): boolean {
    return this.maker.make(closeAll);
  }

  /** Fulfils operators' requests and does nothing else: windows stay open. @throws {StateError} */
  fulfilRequests(): boolean {
    return this.maker.fulfilRequests();
  }
}
