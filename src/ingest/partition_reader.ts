import { type Partition, type Source, SourceError } from "../contract/source.ts";
import type { EventBatch } from "../event/event_batch.ts";
import { UpstreamTraces } from "../event/upstream_traces.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import type { Ingest } from "./ingest.ts";
import { storeLastEvents } from "./last_events.ts";
import { AlignedPartition, type ReadAlignment } from "./read_alignment.ts";
import type { ReadTurns } from "./read_turns.ts";
import { DRAIN_PATIENCE_MS } from "./reading_gate.ts";
import { Setbacks, SETBACKS_MAX } from "./setbacks.ts";

export interface ReaderOptions {
  readonly batchSize: number;
  /** How long a read may wait at the source for the first event. */
  readonly waitMs: number;
}

/** The end of a drain: nothing more to read, or the reason why it stopped. */
export type DrainResult = { readonly drained: true } | { readonly drained: false; readonly reason: string };

/** The parts that the readers of a source share. */
export interface Readership {
  readonly source: Pick<Source, "time">;
  /** The source's number in ingest. */
  readonly number: number;
  readonly ingest: Ingest;
  readonly turns: ReadTurns;
  readonly alignment: ReadAlignment;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  options: ReaderOptions;
}

/** How often a drain goes back to an earlier position at most. A restored bus needs it once. */
const DRAIN_RETURNS_MAX = 10;
const FAREWELL_MS = 2000;
/**
 * Pause after a read that returned at once without events. A source that waits for events is read again
 * without a pause.
 */
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;
/** How often a source that forgets events is asked for the time. */
const TIME_INTERVAL_MS = 60_000;

/**
 * - `held`: the events are held back, or reading is not allowed; nothing has moved.
 * - `smaller`: the reply cannot be read; fewer events are asked for at once.
 */
type StepResult = "events" | "idle" | "moved" | "held" | "failed" | "smaller";

/** Reads one partition of any source in order and hands its events over. */
export class PartitionReader {
  readonly pulse: Pulse;
  private readonly setbacks: Setbacks;
  private readonly ingest: Ingest;
  private readonly turns: ReadTurns;
  private readonly clock: Clock;
  private readonly aligned: AlignedPartition;
  private isAfterRest = false;
  /** How often the partition has gone back to an earlier position in this drain. */
  private returns = 0;
  private askTimeAtMs = -Infinity;
  private pauseMs = FIRST_PAUSE_MS;
  /** Whether the last events must be in a checkpoint before the next read. */
  private mustCommit = false;
  /** How long to wait after a failed read. */
  private setbackMs = 0;
  /** When the last read ended, if it brought no event: the pause after it counts as idle too. Monotonic. */
  private idleSinceMs: number | undefined;

  constructor(
    private readonly readership: Readership,
    private readonly partition: Partition,
    /** The partition's number in ingest. */
    readonly number: number,
  ) {
    const { alignment, clock, ingest, logger, random, turns } = readership;
    this.aligned = new AlignedPartition(alignment, partition);
    this.ingest = ingest;
    this.turns = turns;
    this.clock = clock;
    this.setbacks = new Setbacks(this.state.origin, random, logger);
    this.pulse = new Pulse(clock);
  }

  /** Reads until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    this.aligned.begin();
    for (;;) {
      await this.comeNear(signal);
      const batch = await this.takeTurn();
      const startedMs = this.clock.monotonicMs();
      let result: StepResult;
      try {
        await this.mayRead(signal);
        if (signal.aborted) break;
        result = await this.step(batch, this.turns.areShared ? 0 : this.readership.options.waitMs, signal);
      } finally {
        this.turns.give(batch);
      }
      await this.waitOut(result, signal);
      await this.windowsClosed(this.ingest.checkpointIfDue());
      await this.rest(result, this.clock.monotonicMs() - startedMs, signal);
    }
    this.aligned.rest();
    this.pulse.end();
  }

  /**
   * Reads until there is nothing more; then the partition counts as idle. Gives up when the source cannot be
   * reached or reading is not allowed.
   */
  async drain(signal: AbortSignal): Promise<DrainResult> {
    this.aligned.begin();
    const result = await this.readToEnd(signal);
    this.aligned.rest();
    return result;
  }

  private async readToEnd(signal: AbortSignal): Promise<DrainResult> {
    const patience = { sinceMs: this.clock.monotonicMs(), ms: DRAIN_PATIENCE_MS };
    const { name } = this.state;
    this.returns = 0;
    while (!signal.aborted) {
      if (this.returns > DRAIN_RETURNS_MAX) {
        const reason = `${name}: each time it is asked, it has other events at the offsets that were read; ` +
          "an event must keep its offset and its contents";
        return { drained: false, reason };
      }
      await this.comeNear(signal);
      let result: StepResult;
      const batch = await this.takeTurn();
      try {
        const obstacle = await this.mayRead(signal, patience);
        if (obstacle) return { drained: false, reason: obstacle.detail };
        if (signal.aborted) break;
        result = await this.step(batch, 0, signal);
      } finally {
        this.turns.give(batch);
      }
      await this.waitOut(result, signal);
      if (result === "idle") {
        this.ingest.setIdle(this.number);
        return { drained: true };
      }
      if (result === "failed" && this.setbacks.inARow >= SETBACKS_MAX) {
        return { drained: false, reason: this.state.failure ?? `${name}: out of reach` };
      }
      await this.windowsClosed(this.ingest.checkpointIfDue());
    }
    return { drained: false, reason: `${name}: stopped` };
  }

  /** Waits for windows that are being closed, without a pulse: whoever makes checkpoints has one. */
  private async windowsClosed(closing = this.ingest.closing): Promise<void> {
    this.pulse.end();
    await closing;
  }

  /** Lets the source acknowledge the last checkpoint to the bus. Nothing depends on it. */
  async farewell(): Promise<void> {
    // The state is gone or belongs to another handler, so its checkpoints must not be acknowledged: the bus
    // must keep its events.
    const obstacle = this.ingest.obstacle?.name;
    if (obstacle === "state_gone" || obstacle === "state_disputed") return;
    const answered = new AbortController();
    const timeout = new AbortController();
    void this.clock.sleep(FAREWELL_MS, answered.signal).then(() => timeout.abort());
    await this.partition.farewell?.(this.state.progress, timeout.signal);
    answered.abort();
  }

  /** Waits for the turn of the partition, without a pulse: the reader that has the turn has its own. */
  private async takeTurn(): Promise<EventBatch> {
    this.pulse.end();
    return await this.turns.take(this.partition.id);
  }

  /** See {@link AlignedPartition.near}. The readers that are waited for have their own pulses. */
  private async comeNear(signal: AbortSignal): Promise<void> {
    this.pulse.end();
    await this.aligned.near(signal);
  }

  private async waitOut(result: StepResult, signal: AbortSignal): Promise<void> {
    if (result !== "failed" || signal.aborted) return;
    this.pulse.expect("the next try to reach the bus", this.setbackMs);
    await this.turns.rest(this.partition.id, this.setbackMs, signal);
  }

  /**
   * Pauses after a read that returned soon and without events. Otherwise a source that always returns at
   * once, or with a new history each time, would cause a busy loop and fill the log.
   */
  private async rest(result: StepResult, stepMs: number, signal: AbortSignal): Promise<void> {
    if (result === "events" || stepMs >= this.pauseMs) {
      this.pauseMs = FIRST_PAUSE_MS;
      return;
    }
    this.pulse.expect("the next look at the bus", this.pauseMs);
    await this.turns.rest(this.partition.id, this.pauseMs - stepMs, signal);
    this.pauseMs = Math.min(this.turns.longestRest(MAX_PAUSE_MS), this.pauseMs * 2);
  }

  private get state() {
    return this.ingest.partitions[this.number]!;
  }

  private async mayRead(signal: AbortSignal, patience?: { readonly sinceMs: number; readonly ms: number }) {
    const source = this.ingest.sources[this.readership.number]!;
    if (this.ingest.obstacle || source.isPaused) {
      this.isAfterRest = true;
      this.idleSinceMs = undefined;
    }
    return await this.ingest.mayFetch(source, signal, this.pulse, patience);
  }

  private async step(batch: EventBatch, waitMs: number, signal: AbortSignal): Promise<StepResult> {
    const result = await this.attempt(batch, waitMs, signal);
    if (!this.mustCommit || (result !== "events" && result !== "idle")) return result;
    await storeLastEvents(this.readership, this.partition, this.pulse, signal);
    // More may come now.
    return result === "idle" ? "moved" : result;
  }

  private async attempt(batch: EventBatch, waitMs: number, signal: AbortSignal): Promise<StepResult> {
    const { partition } = this;
    const startedMs = this.idleSinceMs ?? this.clock.monotonicMs();
    this.idleSinceMs = undefined;
    this.pulse.expect("the answer of the bus", partition.readMaxMs + waitMs);
    try {
      if (partition.replay === "none" && !await this.isClockRight(signal)) return "held";
      if (signal.aborted) return "failed";
      const limit = this.aligned.limit(this.readership.options.batchSize);
      const request = { limit, waitMs, isAfterRest: this.isAfterRest };
      this.isAfterRest = false;
      const from = this.state.progress;
      if (this.ingest.observer.traces) (batch.upstream ??= new UpstreamTraces()).clear();
      const readAtMs = this.clock.monotonicMs();
      const outcome = await partition.read(from, batch, request, signal);
      const nowMs = this.clock.monotonicMs();
      const [elapsedMs, readMs] = [nowMs - startedMs, nowMs - readAtMs];
      await this.windowsClosed();
      const isSettled = this.ingest.settle(this.number, from, outcome, batch, elapsedMs, readMs);
      if (isSettled && outcome.kind === "events") this.aligned.hasRead(batch);
      batch.release();
      if (!isSettled) return "held";
      this.mustCommit = (partition.replay === "none" && outcome.kind === "events") ||
        ("awaitsCommit" in outcome && outcome.awaitsCommit === true);
      if (outcome.kind === "idle") {
        this.aligned.rest();
        this.idleSinceMs = this.clock.monotonicMs();
      }
      this.setbacks.over();
      if (outcome.kind === "returned") this.returns++;
      return outcome.kind === "events" || outcome.kind === "idle" ? outcome.kind : "moved";
    } catch (error) {
      const lost = error instanceof SourceError ? error.lost : 0;
      if (signal.aborted && lost === 0) return "failed";
      if (!(error instanceof SourceError) && !isWaitedOut(error)) throw error;
      this.ingest.readFailed(this.number, error.message, lost);
      this.aligned.rest();
      if (error instanceof SourceError && error.kind === "smaller") return "smaller";
      this.setbackMs = this.setbacks.failed(error, { offset: this.state.progress.position });
      return "failed";
    }
  }

  /** Checks the clock before a read, since events that a source forgets cannot be held back after it. */
  private async isClockRight(signal: AbortSignal): Promise<boolean> {
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.askTimeAtMs) {
      // The read itself will show whether the source can be reached.
      const dateMs = await this.readership.source.time?.(signal).catch(() => undefined);
      this.ingest.heardTime(this.readership.number, dateMs);
      this.askTimeAtMs = nowMs + TIME_INTERVAL_MS;
    }
    if (!this.ingest.holdsUnread(this.number)) return true;
    this.askTimeAtMs = -Infinity;
    return false;
  }
}
