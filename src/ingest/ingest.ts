import type { EventAggregator } from "../aggregation/event_aggregator.ts";
import type { OpenWindow } from "../aggregation/open_windows.ts";
import type { Logger } from "../platform/log/logger.ts";
import { counted, type Order } from "../state/audit.ts";
import {
  type Lineages,
  type Outcome,
  type Partition,
  type Place,
  type Position,
  SourceError,
} from "../contract/source.ts";
import type { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import type { BusPosition, SettledWishes } from "../state/checkpoint/checkpoint_input.ts";
import { type DeadLetter, RAW_MAX_BYTES, type RefusedEvent } from "../state/letters/dead_letters.ts";
import type { OutboxLog } from "../state/outbox/outbox_log.ts";
import type { RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import { isWaitedOut, type StateError } from "../state/file/state_error.ts";
import { refusalDetail, statedTimeMs } from "./refusal_detail.ts";
import { EventBatch } from "../event/event_batch.ts";
import { LogHistory } from "../event/log_history.ts";
import { scanEvent } from "../codec/event_scanner.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { OwnClock } from "../platform/clock/own_clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import { RefusalWatch } from "./refusal_watch.ts";

export interface IngestOptions {
  readonly checkpointIntervalMs: number;
  readonly idleTimeoutMs: number;
  readonly maxWaitMs: number;
  readonly outboxMaxRows: number;
  readonly maxFutureSkewMs: number;
}

/** Why nothing is fetched, for machines and for the operator. */
export interface Obstacle {
  readonly name: "state_not_writable" | "state_gone" | "state_disputed" | "outbox_full" | "clock_behind";
  readonly detail: string;
}

/** What ingest tells whoever keeps metrics. Durations in seconds. */
export interface IngestObserver {
  processed(seconds: number): void;
  checkpointed(seconds: number): void;
  refused(event: RefusedEvent): void;
}

/** A partition as ingest sees it. */
export interface PartitionState {
  readonly name: string;
  /** Where it stands: all before that was taken in. */
  place: Place;
  /** All before that is in a committed checkpoint. */
  committed: Place;
  /** Told of commits; undefined before its source is open. */
  partition: Partition | undefined;
  /** Sum of successful empty polls since the last event or failure. */
  idleMs: number;
  /** Why the last poll failed; undefined when it did not. */
  failure: string | undefined;
}

/** Checkpoints take at most this share of the time: the interval stretches with their duration. */
const CHECKPOINT_SHARE = 0.1;
/** Windows that are due are not left waiting for the interval, but checkpoints do not follow closer than this either. */
const CLOSING_PAUSE_MS = 50;
/** How long a run that is to end by itself waits for room in the outbox or on the disk. */
export const DRAIN_PATIENCE_MS = 30_000;
const TICK_MS = 100;
/** Refused events held in memory before a checkpoint is made for their sake. */
const REFUSED_MAX_EVENTS = 10_000;
const REFUSED_MAX_BYTES = 16 * 1024 * 1024;
/** Aggregates put back in one checkpoint, give or take a wish: each is a segment of its own. */
const REISSUED_MAX = 1000;
const STATE_RETRY_MS = 1000;
/** How long a bus whose events are held back is left alone before it is asked again. */
const CLOCK_PAUSE_MS = 2000;

const NOTHING_SETTLED: SettledWishes = { wishes: [], retried: [], purged: [], reissued: [] };

const DROPPED =
  "there are more dead letters than are kept: the oldest ones are dropped (they stay counted). Find out who sends so much " +
  "that is refused, then run dead-letters export, retry or purge.";
const OVERFLOWED =
  "MAX_SERIES is reached: events of new series are refused (dead letters, reason overflow). " +
  "Raise MAX_SERIES, or find out who sends so many names.";

/** Where a partition goes on. */
interface Landing {
  readonly lineage: string | undefined;
  readonly next: Position | undefined;
  /** The number of the event there; undefined: events are not numbered. */
  readonly offset: number | undefined;
}

interface ClockFailure {
  detail: string;
  /** By the clock that does not jump. */
  readonly sinceMs: number;
  /** When the buses may be asked again. */
  pauseEndMs: number;
  /** Those whose events are held back. */
  readonly buses: Set<number>;
}

/**
 * What all buses feed: takes their batches in, decides which windows close, and makes the checkpoints. Synchronous in each
 * step, so that nothing is ever half taken in when a checkpoint is made.
 */
export class Ingest {
  readonly partitions: readonly PartitionState[];
  /** Dead letters that operators' wishes have settled since the start. */
  readonly fulfilled = { retried: 0, purged: 0 };
  /** Of {@link keepCheckpointing}. */
  readonly pulse: Pulse;
  private refused: RefusedEvent[] = [];
  private refusedBytes = 0;
  private lost = 0;
  private skipped = 0;
  private doubtful = 0;
  private orders: (readonly [Order, string])[] = [];
  private settled = NOTHING_SETTLED;
  private hasNews = false;
  private lastCheckpointMs: number;
  private lastDurationMs = 0;
  /** When the state was last changed; {@link lastCheckpointMs} also moves where there was nothing to write. */
  private lastWrittenMs: number;
  /** Why the state cannot be written; undefined when it can. */
  private stateFailure: StateError | undefined;
  /** Since when events are held back because the own clock is behind; undefined: none are. */
  private clockFailure: ClockFailure | undefined;
  private readonly alarmed = new Set<string>();
  private readonly refusalWatch: RefusalWatch;
  private readonly retryBatch = new EventBatch();

  constructor(
    private readonly aggregator: EventAggregator,
    private readonly checkpoint: Checkpoint,
    private readonly outbox: OutboxLog,
    positions: readonly BusPosition[],
    private options: IngestOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly observer: IngestObserver,
    private readonly ownClock: OwnClock,
  ) {
    this.partitions = positions.map(({ name, log, nextOffset }) => {
      const place = { lineage: log, position: positionAt(nextOffset), history: checkpoint.historyOf(log) };
      return { name, place, committed: place, partition: undefined, idleMs: 0, failure: undefined };
    });
    this.lastCheckpointMs = this.lastWrittenMs = clock.monotonicMs();
    this.pulse = new Pulse(clock);
    this.refusalWatch = new RefusalWatch(this.partitions.map(({ name }) => name), clock);
  }

  /** Masses of events that are refused: no reason not to read on, but one to look. */
  get refusalAlarms(): readonly RefusalAlarm[] {
    return this.refusalWatch.alarms;
  }

  /** Goes on with other options, which the next checkpoint keeps too. */
  change(options: IngestOptions): void {
    this.options = options;
    this.hasNews = true;
  }

  /** Why nothing is fetched at the moment; undefined while fetching goes on. */
  get obstacle(): Obstacle | undefined {
    if (this.stateFailure) {
      const { kind, message } = this.stateFailure;
      return { name: kind === "gone" ? "state_gone" : "state_not_writable", detail: message };
    }
    // What this life reads, and acknowledges, the other one does not get.
    const { dispute } = this.outbox;
    if (dispute !== undefined) return { name: "state_disputed", detail: dispute };
    const pending = this.outbox.pendingCount();
    if (pending >= this.options.outboxMaxRows) {
      return { name: "outbox_full", detail: `${pending} aggregates wait for their sinks (OUTBOX_MAX_ROWS)` };
    }
    return this.clockFailure && { name: "clock_behind", detail: this.clockFailure.detail };
  }

  /** A bus has said what time it is, Unix ms. */
  heardTime(bus: number, dateMs: number | undefined): void {
    if (dateMs !== undefined) this.ownClock.heard(this.partitions[bus]!.name, dateMs);
  }

  /**
   * Whether a batch must not be taken in: some of its events would be refused as future, and it is the own clock that is wrong.
   * Nothing is fetched for a moment then; the bus gives the same again.
   */
  private holdsBack(bus: number, batch: EventBatch): boolean {
    const { maxFutureSkewMs } = this.options;
    const futureMs = this.clock.nowMs() + maxFutureSkewMs;
    for (let i = 0; i < batch.count; i++) {
      const eventMs = batch.timeMs[i]!;
      if (eventMs <= futureMs) continue;
      const excuse = this.ownClock.excuse(eventMs, maxFutureSkewMs);
      if (excuse === undefined) continue;
      this.clockIsBehind(bus, excuse);
      return true;
    }
    this.clockIsRight(bus);
    return false;
  }

  /** As {@link holdsBack}, for a bus that forgets what it hands out: what it has must not be looked at under a wrong clock. */
  holdsQueue(bus: number): boolean {
    const accusation = this.ownClock.accuser(this.options.maxFutureSkewMs);
    if (accusation === undefined) this.clockIsRight(bus);
    else this.clockIsBehind(bus, accusation);
    return accusation !== undefined;
  }

  private clockIsBehind(bus: number, accusation: string): void {
    const nowMs = this.clock.monotonicMs();
    const detail =
      `${accusation}: events of now would be refused as future. Set the clock right (is it synchronised?); ` +
      "reading goes on by itself then";
    if (!this.clockFailure) this.logger.error(`fetching stops: ${detail}`, { cause: "clock_behind" });
    this.clockFailure ??= { detail, sinceMs: nowMs, pauseEndMs: 0, buses: new Set() };
    this.clockFailure.detail = detail;
    this.clockFailure.pauseEndMs = nowMs + CLOCK_PAUSE_MS;
    this.clockFailure.buses.add(bus);
    this.wake(bus);
  }

  private clockIsRight(bus: number): void {
    if (!this.clockFailure?.buses.delete(bus) || this.clockFailure.buses.size > 0) return;
    this.clockFailure = undefined;
    this.logger.info("the clock is right again: fetching goes on");
  }

  /** Events lost before they were fetched, those not yet in a checkpoint included. */
  get lostEvents(): number {
    return this.checkpoint.tallies.lost + this.lost;
  }

  /** The partition's source is open: it is told what is durable, now and after each checkpoint. */
  attach(number: number, partition: Partition): void {
    const state = this.partitions[number]!;
    state.partition = partition;
    void partition.committed(state.committed);
  }

  /** What a source may ask about lineages, for one of its partitions. */
  lineagesFor(number: number): Lineages {
    return {
      readerOf: (lineage) => {
        const other = this.partitions[this.readerOf(lineage, number)];
        if (other === undefined) return undefined;
        const { name } = other;
        const lineageNow = async (signal: AbortSignal) => {
          if (other.partition === undefined) {
            throw new SourceError("unavailable", `${name}: it is not open yet`);
          }
          return await other.partition.lineageNow?.(signal) ?? lineage;
        };
        return { name, lineageNow };
      },
      isKnown: (lineage) => this.checkpoint.positionOfLog(lineage) !== undefined,
    };
  }

  /** The other partition that reads a lineage; -1: there is none. */
  private readerOf(lineage: string, number: number): number {
    return this.partitions.findIndex(({ place }, i) => i !== number && place.lineage === lineage);
  }

  /**
   * Takes in what a successful read has come to, in one step, so that nothing is half taken in when a checkpoint is made.
   * Returns false where events are held back, or the partition stands elsewhere by now: nothing has moved then.
   *
   * @param elapsedMs How long the read has taken.
   * @throws {StateError} What is known of a lineage that has moved cannot be read.
   */
  settle(number: number, from: Place, outcome: Outcome, batch: EventBatch, elapsedMs: number): boolean {
    const state = this.partitions[number]!;
    if (state.place !== from) return false;
    switch (outcome.kind) {
      case "events":
        state.failure = undefined;
        if (this.holdsBack(number, batch)) return false;
        this.measured(outcome.decodeMs, () => this.accept(number, batch, outcome));
        return true;
      case "idle":
        if (outcome.next !== from.position) this.skipTo(number, outcome, outcome.lost);
        this.wasIdleFor(number, elapsedMs);
        break;
      case "moved":
        this.resume(number, outcome.lineage);
        break;
      case "exchanged": {
        const other = this.readerOf(outcome.lineage, number);
        if (other < 0) return false;
        this.exchange(number, other);
        break;
      }
      case "returned":
        this.doubtful += outcome.doubtful;
        this.skipTo(number, outcome, 0);
        break;
      default:
        this.skipTo(number, outcome, outcome.lost);
    }
    state.failure = undefined;
    return true;
  }

  private accept(
    number: number,
    batch: EventBatch,
    outcome: Landing & { readonly lost: number },
  ): void {
    const state = this.partitions[number]!;
    const { offset } = outcome;
    if (outcome.lost > 0) this.countLost(state, outcome.lost);
    const first = offset === undefined ? undefined : offset - batch.total;
    const history = this.historyAt(state.place, outcome.lineage, first);
    this.followClock();
    if (batch.total > 0) this.wake(number);
    const before = { ...this.aggregator.accounting };
    this.aggregate(number, batch, state.name, first);
    this.refusalWatch.count(number, before, this.aggregator.accounting);
    if (first !== undefined) history.note(batch, first);
    this.moveTo(number, outcome, history);
  }

  /** Goes on elsewhere in the history, or in another one; `lost` events cannot be had any more. */
  private skipTo(number: number, landing: Landing, lost: number): void {
    const state = this.partitions[number]!;
    if (lost > 0) this.countLost(state, lost);
    // What there is may be older than the wall clock would let wait.
    this.wake(number);
    this.moveTo(number, landing, this.historyAt(state.place, landing.lineage, landing.offset));
  }

  private countLost({ name }: PartitionState, lost: number): void {
    this.logger.error("events were trimmed from the bus before they were fetched: they are lost", {
      bus: name,
      events: lost,
      in_all: this.lostEvents + lost,
    });
    this.addLost(lost);
  }

  /** A bus may say that its log begins at the greatest offset there is, again and again. */
  private addLost(lost: number): void {
    this.lost = Math.min(this.lost + lost, Number.MAX_SAFE_INTEGER - this.checkpoint.tallies.lost);
  }

  /** The fingerprints of a lineage, to go on with at `offset`. */
  private historyAt(
    { lineage, history }: Place,
    next: string | undefined,
    offset: number | undefined,
  ): LogHistory {
    // Before the first reply no lineage is known, and what is noted is of the one that it names.
    const own = next === lineage || lineage === undefined ? history : new LogHistory();
    own.goOnAt(offset ?? 0);
    return own;
  }

  /**
   * Goes on at `offset` because an operator said so: what lies before it cannot be read and counts as lost. Does nothing
   * where the bus has been read so far already, so the word may be repeated at every start.
   */
  giveUpBefore(number: number, offset: number, operator?: string): void {
    const { name, place } = this.partitions[number]!;
    const from = Number(place.position ?? 0);
    if (offset <= from) return;
    this.logger.error("events are given up by an operator's word (--skip-to): they count as lost", {
      bus: name,
      from,
      to: offset,
    });
    this.skipped += offset - from;
    if (operator !== undefined) {
      const order = {
        who: operator,
        atMs: this.clock.nowMs(),
        action: "--skip-to",
        detail: `${name}=${offset}`,
      };
      this.orders.push([order, `${counted(offset - from, "event")} given up`]);
    }
    this.addLost(offset - from);
    this.skipTo(number, { lineage: place.lineage, next: positionAt(offset), offset }, 0);
  }

  /** Goes on where a lineage was left, as if it had been read by this partition all the time. @throws {StateError} */
  private resume(number: number, lineage: string): void {
    const { nextOffset } = this.checkpoint.positionOfLog(lineage)!;
    const history = this.checkpoint.historyOf(lineage);
    const { name, place } = this.partitions[number]!;
    // With the event time that it had come to, which the next step replaces.
    this.checkpoint.leave(number, busPosition(name, place));
    this.checkpoint.takeOver(number, lineage);
    this.wake(number);
    this.partitions[number]!.place = { lineage, position: positionAt(nextOffset), history };
    this.hasNews = true;
  }

  /** The addresses of two partitions have been exchanged: each goes on where the other one was, as if it had been read under this name. */
  private exchange(number: number, other: number): void {
    const [one, two] = [this.partitions[number]!, this.partitions[other]!];
    this.logger.warn("two buses have exchanged their addresses: each goes on where its log was left", {
      bus: one.name,
      other: two.name,
    });
    this.checkpoint.exchange(number, other);
    [one.place, two.place] = [two.place, one.place];
    [one.committed, two.committed] = [two.committed, one.committed];
    for (const state of [one, two]) void state.partition?.committed(state.committed);
    this.wake(number);
    this.wake(other);
    this.hasNews = true;
  }

  private wasIdleFor(number: number, elapsedMs: number): void {
    const state = this.partitions[number]!;
    state.idleMs += elapsedMs;
    if (state.idleMs >= this.options.idleTimeoutMs) this.setIdle(number);
  }

  setIdle(number: number): void {
    this.aggregator.watermark.setIdle(number, true);
  }

  /** A failed read moves no time: what was counted as idle before it does not count any more. */
  readFailed(number: number, reason: string): void {
    this.partitions[number]!.failure = reason;
    this.wake(number);
  }

  /**
   * Resolves when fetching may go on or the signal fires, or with what has stood in the way for longer than patience lasts.
   *
   * @param pulse Of the loop that waits.
   * @param patience Since when the loop goes on, by the clock that does not jump, and how long it waits for one thing.
   */
  async mayFetch(
    signal: AbortSignal,
    pulse: Pulse,
    patience = { sinceMs: -Infinity, ms: Infinity },
  ): Promise<Obstacle | undefined> {
    const startedMs = this.clock.monotonicMs();
    for (let { obstacle } = this; obstacle && !signal.aborted; obstacle = this.obstacle) {
      const nowMs = this.clock.monotonicMs();
      const clockFailure = obstacle.name === "clock_behind" ? this.clockFailure : undefined;
      // Whether the clock is right is found out only by trying again, so that it is the time of all tries that counts.
      const sinceMs = clockFailure ? Math.max(clockFailure.sinceMs, patience.sinceMs) : startedMs;
      if (nowMs - sinceMs >= patience.ms) return obstacle;
      if (clockFailure && nowMs >= clockFailure.pauseEndMs) return undefined;
      pulse.expect(obstacle.name, TICK_MS);
      await this.clock.sleep(TICK_MS, signal);
    }
    return undefined;
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
    const { begun, ended } = this.refusalWatch.look(isLast);
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
    const sinceLastMs = this.clock.monotonicMs() - this.lastCheckpointMs;
    if (this.stateFailure) {
      if (sinceLastMs >= STATE_RETRY_MS) this.checkpointNow();
      return;
    }
    const pauseMs = this.lastDurationMs / CHECKPOINT_SHARE;
    const isCrowded = this.refused.length >= REFUSED_MAX_EVENTS || this.refusedBytes >= REFUSED_MAX_BYTES;
    const isDue = isCrowded || sinceLastMs >= Math.max(this.options.checkpointIntervalMs, pauseMs) ||
      (sinceLastMs >= Math.max(CLOSING_PAUSE_MS, pauseMs) && this.windowsDue().length > 0);
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

  /** Fulfils the wishes that operators have left, and nothing else: windows stay open. @throws {StateError} */
  fulfilWishes(): boolean {
    return this.commit(() => []);
  }

  private commit(choose: () => readonly OpenWindow[]): boolean {
    const startedMs = this.clock.monotonicMs();
    const { lettersDropped } = this.checkpoint.tallies;
    let reissued: number;
    try {
      // Also while there is nothing to write: the next events would be fetched, and acknowledged, for nothing.
      this.checkpoint.assertStateInPlace();
      // Reading can fail like writing. And what a wish puts back may be due at once.
      this.takeWishes();
      this.outbox.lookForRedelivery();
      const closing = choose();
      if (!this.hasNews && closing.length === 0 && !this.outbox.hasUnsavedCursors) {
        this.lastCheckpointMs = startedMs;
        // What could not be written may be due no more; without this nothing would ever be fetched again.
        this.endFailure();
        return true;
      }
      reissued = this.checkpoint.write({
        nowMs: this.clock.nowMs(),
        elapsedMs: startedMs - this.lastWrittenMs,
        buses: this.partitions.map(({ name, place }) => busPosition(name, place)),
        histories: this.partitions.map(({ place }) => place.history),
        closing,
        refused: this.refused,
        lost: this.lost,
        skipped: this.skipped,
        doubtful: this.doubtful,
        orders: this.orders,
        settled: this.settled,
        alarms: this.refusalWatch.alarms,
      });
    } catch (error) {
      if (!isWaitedOut(error)) throw error;
      if (this.stateFailure?.kind !== error.kind) this.logger.error(`fetching stops: ${error.message}`);
      this.stateFailure = error;
      this.lastCheckpointMs = this.clock.monotonicMs();
      return false;
    }
    this.endFailure();
    if (this.checkpoint.tallies.lettersDropped > lettersDropped) this.alarm(DROPPED);
    this.refused = [];
    this.refusedBytes = 0;
    this.lost = 0;
    this.skipped = 0;
    this.doubtful = 0;
    this.orders = [];
    this.fulfilled.retried += this.settled.retried.length + reissued;
    this.fulfilled.purged += this.settled.purged.length;
    this.settled = NOTHING_SETTLED;
    this.hasNews = false;
    for (const state of this.partitions) {
      state.committed = state.place;
      void state.partition?.committed(state.place);
    }
    this.lastWrittenMs = startedMs;
    this.lastCheckpointMs = this.clock.monotonicMs();
    this.lastDurationMs = this.lastCheckpointMs - startedMs;
    this.observer.checkpointed(this.lastDurationMs / 1000);
    return true;
  }

  private endFailure(): void {
    if (this.stateFailure) this.logger.info("the state can be written again: fetching goes on");
    this.stateFailure = undefined;
  }

  /** Measures a step of the hot path for `processing_time`. */
  private measured(beforeMs: number, work: () => void): void {
    const startedMs = this.clock.monotonicMs();
    work();
    this.observer.processed((beforeMs + this.clock.monotonicMs() - startedMs) / 1000);
  }

  private followClock(): void {
    try {
      this.checkpoint.follow(this.clock.nowMs());
    } catch (error) {
      // Without it, windows that were closed early count as open ones: their events correct them all the same.
      if (!isWaitedOut(error)) throw error;
    }
  }

  private wake(bus: number): void {
    this.partitions[bus]!.idleMs = 0;
    this.aggregator.watermark.setIdle(bus, false);
  }

  private moveTo(number: number, { lineage, next }: Omit<Landing, "offset">, history: LogHistory): void {
    const state = this.partitions[number]!;
    const { place } = state;
    if (lineage !== place.lineage) this.checkpoint.leave(number, busPosition(state.name, place));
    state.place = { lineage, position: next, history };
    this.hasNews = true;
  }

  private aggregate(bus: number, batch: EventBatch, busName: string, firstOffset: number | undefined): void {
    const rawOf = (start: number, end: number) =>
      batch.bytes.slice(start, Math.min(end, start + RAW_MAX_BYTES));
    const keep = (
      reason: RefusedEvent["reason"],
      detail: string,
      index: number,
      raw: Uint8Array,
      rawBytes: number,
    ) => {
      const offset = firstOffset === undefined ? undefined : firstOffset + index;
      this.refusedBytes += raw.length;
      const refused = { reason, detail, bus: busName, offset, raw, rawBytes };
      this.refused.push(refused);
      this.observer.refused(refused);
    };
    for (const { index, detail, rawStart, rawEnd } of batch.invalid) {
      keep("invalid", detail, index, rawOf(rawStart, rawEnd), rawEnd - rawStart);
      this.refusalWatch.sample("invalid", { detail, timeMs: undefined });
    }
    const nowMs = this.clock.nowMs();
    this.aggregator.aggregate(bus, batch, nowMs, (refusal, i) => {
      if (refusal === "overflow") this.alarm(OVERFLOWED);
      const [start, end] = [batch.rawStart[i]!, batch.rawEnd[i]!];
      const raw = rawOf(start, end);
      const timeMs = statedTimeMs(batch.timeMs[i]!, raw);
      const detail = refusalDetail(refusal, timeMs, nowMs);
      this.refusalWatch.sample(refusal, { detail, timeMs });
      keep(refusal, detail, batch.position[i]!, raw, end - start);
    });
  }

  /**
   * Takes in what an operator has asked for; a wish is forgotten in the same checkpoint that holds what came of it. Where very
   * much is asked for, the rest is left to the next ones.
   */
  private takeWishes(): void {
    if (this.settled !== NOTHING_SETTLED) return;
    const wishes = this.checkpoint.wishes();
    if (wishes.length === 0) return;
    const settled = {
      wishes: [] as number[],
      retried: [] as number[],
      purged: [] as number[],
      reissued: [] as DeadLetter[],
    };
    const taken = new Set<number>();
    let takenBytes = 0;
    for (const { id: wish, action, letterIds } of wishes) {
      if (taken.size >= REFUSED_MAX_EVENTS || takenBytes >= REFUSED_MAX_BYTES) break;
      if (settled.reissued.length >= REISSUED_MAX) break;
      // The first wish for a letter counts: an event that is asked for twice is still one event.
      const ids = [...new Set(letterIds)].filter((id) => !taken.has(id));
      // Where this fails, what earlier wishes have brought in is settled all the same, and comes in no second time.
      const letters = action === "retry" ? this.checkpoint.deadLetters(ids) : [];
      this.settled = settled;
      this.hasNews = true;
      settled.wishes.push(wish);
      for (const id of ids) taken.add(id);
      if (action === "purge") settled.purged = settled.purged.concat(ids);
      for (const letter of letters) {
        takenBytes += letter.raw?.length ?? 0;
        if (this.retry(letter)) settled.retried.push(letter.id);
        else if (letter.sink !== undefined && letter.aggregate !== undefined) settled.reissued.push(letter);
      }
    }
    this.logger.info("dead letters: an operator's wish is fulfilled", {
      retried: settled.retried.length + settled.reissued.length,
      purged: settled.purged.length,
    });
  }

  /** Takes a refused event in anew, out of the account of its refusal. Returns false where there is no whole event. */
  private retry(letter: DeadLetter): boolean {
    if (letter.raw === undefined || letter.isCut) return false;
    const { accounting } = this.aggregator;
    const account = letter.reason;
    if (account === "not_finite" || account === "rejected" || account === "postponed") return false;
    scanEvent(letter.raw, this.retryBatch);
    accounting[account]--;
    accounting.received--;
    const found = this.partitions.findIndex(({ name }) => name === letter.bus);
    // The bus is configured no more: its ids say nothing among those of another one.
    if (found < 0) this.retryBatch.idLength.fill(0, 0, this.retryBatch.count);
    const bus = Math.max(0, found);
    this.aggregate(bus, this.retryBatch, letter.bus ?? this.partitions[bus]!.name, letter.offset);
    return true;
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
  private alarm(message: string): void {
    if (this.alarmed.has(message)) return;
    this.alarmed.add(message);
    this.logger.error(message);
  }
}

/** A position as the state keeps it. */
function positionAt(offset: number | undefined): Position | undefined {
  return offset === undefined ? undefined : `${offset}`;
}

function busPosition(name: string, { lineage, position }: Place): BusPosition {
  return { name, log: lineage, nextOffset: position === undefined ? undefined : Number(position) };
}
